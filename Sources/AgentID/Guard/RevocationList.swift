internal import JOSE
internal import Synchronization

/// The revocations a guard goes by. Shared by an authority and its guards; what was added shows before `add` returns.
///
/// Readers hold the lock for as long as it takes to fetch a reference; one writer at a time makes the next snapshot
/// beside them.
final class RevocationList: Sendable {
    private let current = Locked(RevocationSnapshot())
    private let writing = Locked<Void>(())
    private let number = Atomic<UInt64>(0)

    /// Moves with every change: equal numbers mean an unchanged list.
    var sequence: UInt64 { number.load(ordering: .acquiring) }

    var snapshot: RevocationSnapshot { current.withLock { $0 } }

    var count: Int { snapshot.count }

    func add(_ revocations: some Sequence<Revocation>) {
        let keys = revocations.map { RevocationKey($0) }
        writing.withLock { _ in
            // Held until the lock is given back: the tables that go are freed here, not under the readers' lock.
            let held = snapshot
            guard let next = held.adding(keys) else { return }
            current.withLock { $0 = next }
            // Behind the snapshot: who sees the number sees what it stands for.
            number.add(1, ordering: .acquiringAndReleasing)
        }
    }

    /// The first of `candidates` that is revoked.
    func first(of candidates: [Revocation]) -> Revocation? {
        let snapshot = snapshot
        return candidates.first { snapshot.contains(RevocationKey($0)) }
    }

    /// The first thing in a chain that is revoked.
    ///
    /// - Parameter profiles: Whether the profiles in this list are those of the chain's domain.
    func first(in chain: VerifiedChain, profiles: Bool = true) -> Revocation? {
        let snapshot = snapshot
        return snapshot.isEmpty ? nil : chain.firstRevoked(profiles: profiles) { snapshot.contains(RevocationKey($0)) }
    }
}
