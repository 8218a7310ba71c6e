internal import JOSE
internal import Synchronization

/// The used proofs that guards of a directory share, whatever happens to their file.
///
/// A file that was removed, replaced, truncated or overwritten may have forgotten proofs. That is noticed at the next
/// call, or within 50 ms if only its name leads elsewhere; from then on every proof is denied. After the time that
/// proofs are remembered, nothing accepted before is valid any more: then the file in its place is accepted, or a new
/// one made. A guard that is opened afresh accepts it at once, on the word of whoever opens it.
final class SharedReplayMemory: Sendable {
    private struct Later {
        /// The time from which nothing is remembered, in milliseconds of the steady clock.
        var goneSince: Int64 = 0
        var triedAt: Int64 = .min
        var table: ReplayTable?
    }

    private let first: ReplayTable
    private let isFirstGone = Atomic<Bool>(false)
    private let later = Locked(Later())
    private let (path, capacity, window): (String, Int, Int64)
    private let witness: ReplayWitness

    init(
        path: String, capacity: Int, window: Int64, now: Int64 = MonotonicClock.milliseconds
    ) throws(AgentIDError) {
        witness = try ReplayWitness(beside: path)
        first = try ReplayTable(path: path, capacity: capacity, window: window, witness: witness, now: now)
        (self.path, self.capacity, self.window) = (path, capacity, window)
    }

    deinit { first.leave() }

    /// The secret of the file as it was opened. If that is replaced, proofs are denied for longer than any nonce is
    /// valid, and this guard's nonces stay its own.
    var secret: SIMD2<UInt64> { first.room.header.key }

    func remember(
        _ proof: UsedProof, since begun: Int64, now: () -> Int64 = { MonotonicClock.milliseconds }
    ) -> ReplayAnswer {
        guard let table = table(now()) else { return .replaced }
        let answer = table.remember(proof, since: begun, now: now)
        if answer == .replaced { drop(table, now()) }
        return answer
    }

    func statistics() -> ReplayStatistics {
        table(MonotonicClock.milliseconds)?.statistics() ?? ReplayStatistics()
    }

    private func table(_ now: Int64) -> ReplayTable? {
        guard isFirstGone.load(ordering: .acquiring) else { return first }
        return later.withLock { later in
            if let table = later.table { return table }
            guard now - later.goneSince >= ReplayTable.hold(window: Limits.longestProofWindow),
                later.triedAt == .min || now - later.triedAt >= 1000
            else { return nil }
            later.triedAt = now
            later.table = try? ReplayTable(
                path: path, capacity: capacity, window: window, isHurried: true, witness: witness, now: now)
            return later.table
        }
    }

    private func drop(_ table: ReplayTable, _ now: Int64) {
        later.withLock { later in
            guard table === first ? !isFirstGone.load(ordering: .relaxed) : later.table === table else { return }
            (later.goneSince, later.table) = (now, nil)
            isFirstGone.store(true, ordering: .releasing)
        }
    }
}
