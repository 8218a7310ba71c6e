internal import JOSE
internal import StrictJSON
internal import Synchronization

/// Used proofs, in a table of words that any number of threads and processes use at once, without a lock.
///
/// Segments of buckets of 64 slots; the table grows by a segment, four times as large, when it is needed. A proof has one
/// bucket in each segment, which keyed hashes choose: these slots, segment by segment, are its *places*. It is looked for
/// in all of them, and its word is swapped into the first that may be taken.
///
/// ### Why a proof is not accepted twice
///
/// The table's time is a word of its page that all move on by what their steady clocks measure, each from where it found
/// it: it only grows, and never faster than real time (``ReplayClock``). No wall clock is asked, so none that is wrong
/// can end a word before its time or make it last. A word says in which unit of that time it was made. A slot *may be
/// taken* when it is empty or its word is at least `hold` old. `hold` is thrice the longest window and 11 s: the proof was
/// accepted at wall time w, so it was signed by w + window; it is stale from w + 2 windows on; a clock that is set back by
/// up to a window more goes unnoticed by a guard; and a call may take 10 s from reading its clock to its answer, or it is
/// denied as `late`.
///
/// 1. *No word is overwritten before its time.* To take a slot, a thread reads the time, then the slot, then the time again,
///    and begins anew where the unit changed. The word that it read was made by someone who had read the time before, so
///    its age is right, or too low by a multiple of 70 minutes. The swap succeeds only where that very word still stands.
///    It was made no earlier than its maker read the clock for that proof's window. So while any guard with a right clock
///    may accept the proof again, its word stands.
/// 2. *Of two who present a proof, at most one accepts it.* Both swap, then look through all places again for the same
///    proof, and are denied where they find it. All of these operations have one order. Say B swapped second: its second
///    look comes after both swaps, and finds A's word, for that look leaves out only:
///    a. what is after an empty slot: A went past that slot when it was not empty, and no slot becomes empty again;
///    b. segments that are not there: A's was there before A swapped, and none goes away;
///    c. segments whose stamp says that nothing was taken in them for `hold`: A raised the stamp before it swapped.
///    Where the places did not age between their looks both choose the same slot, and exactly one accepts. Else it can be
///    that each finds the other, and the proof, presented twice at once, is denied twice.
/// 3. *How the table grows does not matter.* A segment is only ever added after the others: a process that knows fewer looks
///    for more before it says that there is no room and, by 2b, before it accepts.
///
/// One swap takes a slot whole. A process that dies before it took nothing, one that dies after it has used the proof up;
/// neither leaves anything to mend. Two proofs with one word are taken for one proof, which denies: one in 2^34 for each
/// slot that was looked at, and nobody without the file can look for such.
///
/// ### Shares
///
/// A word says whose *tree* of grants the proof was under, so one look at its places, which are chance ones, tells what
/// part of the table that tree holds and what part is free, the room to grow among it. A proof is accepted where twice
/// what its tree holds, and a tenth of all, is less than what is free: one tree that takes all it can gets three tenths of
/// the room, and n such trees that come at once leave some 2/(n+2) of it. Where chance put more into a proof's own places,
/// the places around are counted too; the tenth is for those who hold less than an eighth of what is free there, and half of
/// it for those who hold less than a thirty-second. So a tree with few calls is not denied on account of up to some fifteen
/// that take all they can. There is no count to keep, to lock or to repair.
///
/// ### What is read from the file
///
/// Any word whatsoever may be: it permits what was never remembered and denies the rest. What cannot be defended is the
/// owner, who may write to the file and so forget its proofs.
final class ReplayTable: Sendable {
    static let slotsPerBucket = 64
    static let bucketSize = slotsPerBucket * 8
    /// Slots for each proof of the capacity: three trees can hold a capacity each, however chance places them.
    private static let slotsPerProof = 8
    static let mostBuckets = Limits.replayCapacity * slotsPerProof / slotsPerBucket
    /// The longest time of a call from reading the clock to the end, in milliseconds.
    static let longestCall: Int64 = 10_000

    let room: ReplayRoom
    private let clock: ReplayClock

    /// - Parameters:
    ///   - path: The file that guards share, made if it does not exist; `nil` for this process's memory.
    ///   - capacity: The number of proofs of one tree it has room for, and for two more such trees.
    ///   - window: The tolerated distance between proofs' times and now, in seconds either way.
    ///   - isHurried: Whether to give up at once if another process is making the file.
    ///   - witness: Knows the number of proofs that the file has taken.
    init(
        path: String? = nil, capacity: Int, window: Int64, epoch: SIMD2<UInt64> = .zero, isHurried: Bool = false,
        witness: ReplayWitness? = nil, now: Int64 = MonotonicClock.milliseconds
    ) throws(AgentIDError) {
        let proofs = min(max(capacity, 1), Limits.replayCapacity)
        room = try ReplayRoom(
            path: path, most: (proofs * Self.slotsPerProof + Self.slotsPerBucket - 1) / Self.slotsPerBucket,
            epoch: epoch, isHurried: isHurried)
        room.page.raiseWindow(to: window)
        if let witness { room.settle(witness) }
        clock = ReplayClock(room, now: now, witness: witness)
    }

    /// Adds the time since the last look to the table's, for a holder that releases it.
    func leave() { clock.leave(MonotonicClock.milliseconds, room) }

    /// The number of units that a word is kept.
    private var hold: UInt64 { ReplayWord.units(for: UInt64(clamping: Self.hold(window: room.page.window))) }

    /// The time that a proof is remembered, in milliseconds, for windows of at most `window` seconds.
    static func hold(window: Int64) -> Int64 { (3 * window + 1) * 1000 + longestCall }

    /// Remembers a proof, or returns the reason why it cannot be accepted.
    ///
    /// - Parameters:
    ///   - begun: The steady clock before the wall clock was read that the proof's window was checked by.
    ///   - now: The steady clock's time; for tests.
    func remember(
        _ proof: UsedProof, since begun: Int64, now: () -> Int64 = { MonotonicClock.milliseconds }
    ) -> ReplayAnswer {
        guard clock.look(now(), at: room) else { return .replaced }
        let name = proof.name.withUTF8Span { Sodium.sipHash($0, key: room.header.key) }
        let tree = proof.tree.withUTF8Span { Sodium.sipHash($0, key: room.header.key) }
        let places = ReplayPlaces(room, proof: name, tree: tree.x)
        // A swap fails if another took the slot: no more often than there are slots, unless someone tampers with the
        // file.
        for _ in 0...Self.slotsPerBucket {
            let unit = ReplayWord.unit(of: room.page.time)
            let look = places.look(at: unit, hold: hold)
            guard ReplayWord.unit(of: room.page.time) == unit else { continue }
            switch look {
            case .found: return .replayed
            case .unusable: return .full(.whole)
            case .full(let known):
                guard room.grow(after: known, waits: true) else { return .full(.whole) }
            case .free(let slot, let held, let free):
                guard 2 * held + room.reserve < free || places.mayHave(free: free, at: unit, hold: hold) else {
                    return .full(.share)
                }
                if places.isNearFull(slot) { _ = room.grow(after: slot.segment + 1, waits: false) }
                guard places.take(slot, at: unit) else { continue }
                clock.note(taken: room.page.countTaken())
                let isElsewhere = places.isElsewhere(
                    than: slot, at: ReplayWord.unit(of: room.page.time), hold: hold)
                guard let isElsewhere else { return .full(.whole) }
                guard !isElsewhere else { return .replayed }
                return now() - begun <= Self.longestCall ? .fresh : .late
            }
        }
        return .full(.whole)
    }

    /// The content and capacity of the table.
    func statistics(now: Int64 = MonotonicClock.milliseconds) -> ReplayStatistics {
        guard clock.look(now, at: room) else { return ReplayStatistics() }
        var (segment, remembered) = (0, 0)
        let (unit, hold) = (ReplayWord.unit(of: room.page.time), hold)
        while case .segment = room.find(segment), room.file?.holds(room.mappedBuckets) ?? true {
            let slots = room[segment]
            for i in 0..<slots.buckets * Self.slotsPerBucket {
                let word = ReplayWord(bits: unsafe slots.slots[i].load(ordering: .relaxed))
                if !word.isEmpty, word.age(at: unit) < hold { remembered += 1 }
            }
            segment += 1
        }
        return ReplayStatistics(
            remembered: remembered, slots: room.mappedBuckets * Self.slotsPerBucket,
            mostSlots: max(room.most, room.mappedBuckets) * Self.slotsPerBucket)
    }
}

/// The content of a guard's memory of used proofs.
struct ReplayStatistics: Equatable, Sendable {
    /// Proofs that could still be presented.
    var remembered = 0
    /// The slots that exist now, and the most that there will be.
    var (slots, mostSlots) = (0, 0)
}
