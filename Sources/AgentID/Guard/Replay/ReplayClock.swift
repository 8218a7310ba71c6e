internal import Synchronization

/// Moves a ``ReplayTable``'s time on, and notices if the table is not what it was.
///
/// Every holder adds the time its steady clock measured since it came, to the time that it found. None of these sums is
/// ahead of the time that really passed, so neither is the greatest of them. While nobody has the table, its time
/// stands still, and its proofs are remembered longer. Clocks of two boots or two containers are never compared.
///
/// The time only grows, and moves at least every 50 ms in which proofs are remembered. A time that went back thus
/// reveals a file that was overwritten with an older copy of itself. So does a count of proofs below the one that a
/// ``ReplayWitness`` keeps, even if another holder moved the time on.
final class ReplayClock: Sendable {
    /// The longest time that a replaced file is used unnoticed, in milliseconds.
    private static let interval: Int64 = 50

    private let start: UInt64
    private let startedAt: Int64
    private let header: [UInt64]
    private let lookedAt: Atomic<Int64>
    private let latest: Atomic<UInt64>
    private let isGone = Atomic<Bool>(false)
    /// The least number of proofs it has taken, as far as this holder knows.
    private let taken: Atomic<UInt64>
    private let generation: UInt64
    private let witness: ReplayWitness?

    init(_ room: ReplayRoom, now: Int64, witness: ReplayWitness?) {
        self.witness = witness
        generation = room.page.generation
        taken = Atomic(room.page.taken)
        start = room.page.time
        startedAt = now
        header = room.header.words
        lookedAt = Atomic(now)
        latest = Atomic(start)
    }

    /// Whether the table can still be used. Called at each call, before anything of it is touched.
    func look(_ now: Int64, at room: ReplayRoom) -> Bool {
        guard !isGone.load(ordering: .acquiring) else { return false }
        guard isWhole(now, room) else {
            isGone.store(true, ordering: .releasing)
            return false
        }
        return true
    }

    private func isWhole(_ now: Int64, _ room: ReplayRoom) -> Bool {
        if let file = room.file {
            // Cheap compared with the signature verified before; touching a truncated part would end the process.
            guard file.holds(room.mappedBuckets) else { return false }
            // Before the time is read: another thread may move it on and store it in between.
            let least = latest.load(ordering: .acquiring)
            guard room.page.time >= least else { return false }
            let known = max(taken.load(ordering: .acquiring), witness?.taken ?? 0)
            guard room.page.taken >= known, room.page.generation == generation else { return false }
        }
        let looked = lookedAt.load(ordering: .relaxed)
        guard now - looked >= Self.interval,
            lookedAt.compareExchange(expected: looked, desired: now, ordering: .relaxed).exchanged
        else { return true }
        if let file = room.file {
            guard file.isInPlace, room.page.holds(header) else { return false }
        }
        advance(now, room)
        latest.max(room.page.time, ordering: .releasing)
        return true
    }

    /// Records, here and for all processes, the number of proofs that the table has taken, before any of them is
    /// answered.
    func note(taken count: UInt64) {
        taken.max(count, ordering: .acquiringAndReleasing)
        witness?.note(taken: count)
    }

    private func advance(_ now: Int64, _ room: ReplayRoom) {
        let (time, isTooMuch) = start.addingReportingOverflow(UInt64(clamping: now - startedAt))
        if !isTooMuch { room.page.advance(to: time) }
    }

    /// Adds the time since the last look: short-lived processes count as well.
    func leave(_ now: Int64, _ room: ReplayRoom) {
        guard !isGone.load(ordering: .acquiring), room.file?.holds(room.mappedBuckets) ?? false else { return }
        advance(now, room)
    }
}
