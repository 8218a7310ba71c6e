internal import JOSE
internal import Synchronization

/// The revocations that a guard applies, shared by an authority and its guards. An addition takes effect before `add`
/// returns.
///
/// Readers hold the lock only to fetch a reference; one writer at a time makes the next snapshot beside them.
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
            // Held until the lock is released: discarded tables are freed here, not under the readers' lock.
            let held = snapshot
            guard let next = held.adding(keys) else { return }
            current.withLock { $0 = next }
            // After the snapshot: a reader that sees the number sees the snapshot.
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
