internal import JOSE
internal import Synchronization

/// The revocations a guard goes by. Shared by an authority and its guards; what was added shows before `add` returns.
final class RevocationList: Sendable {
    private let entries = Locked<Set<Revocation>>([])
    private let number = Atomic<UInt64>(0)

    /// Moves with every change: equal numbers mean an unchanged list.
    var sequence: UInt64 { number.load(ordering: .acquiring) }

    var count: Int { entries.withLock { $0.count } }

    func add(_ revocations: some Sequence<Revocation>) {
        entries.withLock { entries in
            let before = entries.count
            for revocation in revocations { entries.insert(revocation) }
            if entries.count != before { number.add(1, ordering: .acquiringAndReleasing) }
        }
    }

    /// The first of `candidates` that is revoked.
    func first(of candidates: [Revocation]) -> Revocation? {
        entries.withLock { entries in candidates.first { entries.contains($0) } }
    }

    /// The first thing in a chain that is revoked.
    func first(in chain: VerifiedChain) -> Revocation? {
        entries.withLock { entries in entries.isEmpty ? nil : chain.firstRevoked { entries.contains($0) } }
    }
}
