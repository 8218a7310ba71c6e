internal import CProcess
internal import Synchronization

/// The meters of a directory, one 64-bit word each, moved by compare-and-swap: no lock, no system call on the path of a
/// call but one that asks at most every 10 us whether the file is as long as it was. Safe to use from any thread and by
/// any number of processes; what a process that is killed took stays taken.
///
/// At each decision ``look(_:)`` first: it says that the page can be relied on, and what time it is there. Whatever was done
/// to the file, what cannot be relied on denies, as `meters_damaged`.
package final class MetersPage: Sendable {
    static let slotSize = 32
    static let slotsPerBucket = 32
    /// Room for 65,536 meters, 2 MiB.
    package static let buckets = 2048
    /// The longest time that a replaced file is used unnoticed, in milliseconds.
    private static let interval: Int64 = 50

    let words: MetersWords
    let header: MetersHeader
    private let mapping: MappedMemory
    /// `nil`: in this process alone.
    let file: MetersFile?
    let clock: MetersClock
    /// When the file's length was last asked for, in ticks of the processor.
    private let measuredAt = Atomic<UInt64>(0)
    private let lookedAt = Atomic<Int64>(0)
    /// The least number of turns, as far as this guard and the directory know.
    private let turns: Atomic<UInt64>
    private let witness: MetersWitness?
    /// Of a copy: the directory's turns before it was made. Those of later are not in it.
    private let turnsBefore: UInt64?
    private var turnsKnown: UInt64 { turnsBefore ?? witness?.turns ?? 0 }
    let isDurable: Bool
    private let fate = Atomic<Int>(Fate.sound)

    private enum Fate {
        /// `away`: another file, or none, stands under its path: that may pass. `lost`: for ever.
        static let (sound, away, lost) = (0, 1, 2)
    }

    /// The page of a directory, or with no path one of this process alone.
    ///
    /// - Parameters:
    ///   - path: of the file `meters`: made where there is none.
    ///   - epoch: names the registry whose meters these are.
    ///   - turns: the least number of turns that the registry knows of.
    ///   - believesSteps: whether the guard's clock is believed where it steps: see ``MetersClock``.
    ///   - follows: whether it is where it is slewed.
    ///   - now: the guard's clock, in milliseconds since 1970.
    ///   - isDurable: whether a label is on the disk before it is answered.
    ///   - isCopy: whether it is only looked at: nothing that is done here is in the file.
    ///   - steady: what nobody sets: for tests.
    package init(
        path: String?, epoch: SIMD2<UInt64> = .zero, turns known: UInt64 = 0, buckets: Int = MetersPage.buckets,
        believesSteps: Bool, follows: Bool = true, now: Int64, isDurable: Bool = false, isCopy: Bool = false,
        steady: SteadyClock = .machine
    ) throws(AgentIDError) {
        let initial = MetersHeader(buckets: min(max(buckets, 1), MetersFormat.mostBuckets), epoch: epoch)
        file = if let path { try MetersFile(path: path, initial: initial, isCopy: isCopy) } else { nil }
        header = file?.header ?? initial
        witness = if let path { try MetersWitness(beside: path, known: known, isWriter: !isCopy) } else { nil }
        turnsBefore = isCopy ? witness?.turns ?? 0 : nil
        if let file {
            mapping = try file.map()
        } else {
            guard let made = MappedMemory(-1, from: 0, count: initial.length) else {
                throw AgentIDError(.io, name: "file", message: "no memory for rates and budgets", at: "policy")
            }
            mapping = made
        }
        words = unsafe MetersWords(mapping.start, header)
        self.isDurable = isDurable
        turns = Atomic(words[.turns])
        clock = MetersClock(steady: steady, believesSteps: believesSteps, follows: follows, secret: header.key)
        guard header.epoch == epoch else {
            throw MetersHeader.refusal(file?.path ?? "", "belongs to another registry")
        }
        guard begin(now), isSound() else {
            throw MetersHeader.refusal(file?.path ?? "", "is damaged")
        }
        // The directory's first: others go on meanwhile, and the page is ahead of it.
        let least = turnsKnown
        guard words.turns >= least else {
            throw MetersHeader.refusal(file?.path ?? "", MetersHeader.older)
        }
        turns.max(words.turns, ordering: .releasing)
    }

    /// Begins the meters' line in time; after the machine went down, by whoever comes first, once what that left is mended.
    ///
    /// A page that is new, or of another run of the machine, begins with the turns that the directory knows: what it lacks was
    /// removed by somebody, or lost with the power. Before its line begins: then others compare them.
    private func begin(_ now: Int64) -> Bool {
        // First: by the time that another counts the first turn of a new page, it has begun.
        let known = turnsKnown
        guard let file, clock.isNewRun(words) else {
            if clock.isNew(words) {
                if known > 0 { words.raise(.madeAnew, to: UInt64(clamping: now)) }
                words.raise(.turns, to: known)
            }
            return clock.begin(now, words)
        }
        var hasBegun = false
        let isLocked = file.exclusively {
            if clock.isNewRun(words) {
                mend()
                words.raise(.turns, to: known)
            }
            hasBegun = clock.begin(now, words)
        }
        return isLocked && hasBegun
    }

    /// A power cut leaves what had reached the disk, of each sector apart: slots whose count was lost, counts whose slots were.
    /// A meter that was lost begins anew. Slices of the run before count as spent: nobody asks for them again.
    private func mend() {
        let vacant = (name: MeterName.sealed(MeterName.vacant, 0, header.key), word: UInt64(0))
        var all: UInt64 = 0
        for bucket in 0..<header.buckets {
            let slots = bucket * Self.slotsPerBucket..<(bucket + 1) * Self.slotsPerBucket
            let used = slots.last { words.pair($0) != (0, 0) }.map { $0 + 1 - slots.lowerBound } ?? 0
            for slot in slots.prefix(used) {
                let pair = words.pair(slot)
                if pair.name != 0, MeterPlaces.isSound(pair, header.key),
                    MeterName.role(of: pair.name) != .meter(.slice)
                {
                    continue
                }
                _ = words.swap(slot, pair, for: vacant)
            }
            words.setClaimed(of: bucket, UInt64(used))
            all += UInt64(used)
        }
        words[.claimed] = all
    }

    /// Whether all slots are what this library writes, and none that was claimed is blank.
    private func isSound() -> Bool { file == nil || words.isSound(header) }

    /// Names a meter of this page.
    ///
    /// - Parameter parts: what tells it from all others, e.g. a rule's ID, a kind of subject, the subject.
    package func key(_ parts: [String]) -> MeterKey { MeterKey(parts, secret: header.key) }

    /// The same, of a meter that may be bound to the places of a root or of another authority.
    func key(_ parts: [String], in range: MeterRange) -> MeterKey { MeterKey(parts, in: range, secret: header.key) }

    /// Names a slice, of this run of the machine: after a power cut a page may say less than was spent.
    package func sliceKey(_ parts: [String]) -> MeterKey { sliceKey(parts, in: .own) }

    func sliceKey(_ parts: [String], in range: MeterRange) -> MeterKey { key(parts + ["\(run)"], in: range) }

    private var run: UInt64 { clock.knowsRun ? clock.run : own }
    /// In place of the machine's run, where it does not say.
    private let own = UInt64.random(in: 1 ... .max)

    // MARK: Time

    /// Before anything is taken in a decision: whether the page can be relied on, and what its time is.
    ///
    /// - Parameter now: the guard's clock, in milliseconds since 1970.
    package func look(_ now: Int64) throws(Denial) -> MeterTime {
        let fate = fate.load(ordering: .relaxed)
        guard fate == Fate.sound || fate == Fate.away && isBack() else { throw gone() }
        if let file {
            let ticks = cprocess_ticks()
            if ticks &- measuredAt.load(ordering: .relaxed) > cprocess_ticks_of_10_us() {
                guard file.isWhole else { throw lose() }
                measuredAt.store(ticks, ordering: .relaxed)
            }
            let least = max(turns.load(ordering: .acquiring), turnsKnown)
            guard words.mark == MetersFormat.magic.0, words.turns >= least else { throw lose() }
        }
        let coarse = MonotonicClock.milliseconds
        if coarse &- lookedAt.load(ordering: .relaxed) >= Self.interval { try lookWell(coarse) }
        guard let time = clock.time(now, coarse, words) else { throw lose() }
        return MeterTime(milliseconds: time)
    }

    private func lookWell(_ coarse: Int64) throws(Denial) {
        let looked = lookedAt.load(ordering: .relaxed)
        guard coarse &- looked >= Self.interval,
            lookedAt.compareExchange(expected: looked, desired: coarse, ordering: .relaxed).exchanged, let file
        else { return }
        guard words.holds(header.words), words.addsUp(header.buckets) else { throw lose() }
        guard file.isInPlace else {
            _ = fate.compareExchange(expected: Fate.sound, desired: Fate.away, ordering: .sequentiallyConsistent)
            throw gone()
        }
        countTurn()
    }

    /// Counts what an older copy of the file must not be without: time that passes, money, labels.
    func countTurn() {
        guard file != nil else { return }
        let count = words.countUp(.turns)
        turns.max(count, ordering: .releasing)
        witness?.note(turns: count)
    }

    /// Whether the file that was moved away stands in its place again, as it was. Another that was used meanwhile has moved the
    /// directory's turns on.
    private func isBack() -> Bool {
        guard let file, file.isInPlace, file.isWhole, words.holds(header.words) else { return false }
        _ = fate.compareExchange(expected: Fate.away, desired: Fate.sound, ordering: .sequentiallyConsistent)
        return true
    }

    private func lose() -> Denial {
        fate.store(Fate.lost, ordering: .sequentiallyConsistent)
        return gone()
    }

    private func gone() -> Denial {
        MeterPlaces.damaged("it was removed, replaced, cut short or written over while it was in use")
    }

    // MARK: Meters

    /// Finds a meter, or makes it: full, or without labels.
    ///
    /// - Parameter until: until when labels may be asked for, in milliseconds since 1970: the latest time at which a call of
    ///   their subject can be permitted.
    package func slot(
        of key: MeterKey, _ kind: MeterKind, until: Int64 = 0, at time: MeterTime
    ) throws(Denial) -> MeterSlot {
        try slot(of: key, kind, until: until, at: time, from: nil)
    }

    /// The same, where a meter that is made may be bound to a share.
    func slot(
        of key: MeterKey, _ kind: MeterKind, until: Int64 = 0, at time: MeterTime, from share: MeterShare?
    ) throws(Denial) -> MeterSlot {
        let places = MeterPlaces(words, header, key, kind, at: time.milliseconds)
        return MeterSlot(key, kind, index: try places.find(until: until, of: share), secret: header.key)
    }

    /// Where a meter may be that is made when it is first taken from.
    func place(of key: MeterKey, _ kind: MeterKind) -> MeterSlot {
        let first = MeterBuckets(key, of: header.buckets)[0] * Self.slotsPerBucket
        return MeterSlot(key, kind, index: first, isMade: false, secret: header.key)
    }

    /// Finds a meter where it is in use; makes none: for those who only look.
    package func found(_ key: MeterKey, _ kind: MeterKind, at time: MeterTime) throws(Denial) -> MeterSlot? {
        let places = MeterPlaces(words, header, key, kind, at: time.milliseconds)
        return try places.found().map { MeterSlot(key, kind, index: $0.slot, secret: header.key) }
    }

    /// The most attempts at a swap at which others are faster.
    static let patience = 100_000

    /// Name and word of a meter; `nil` where it is not in its slot any more.
    func read(_ slot: MeterSlot) throws(Denial) -> (name: UInt64, word: UInt64)? {
        var pair = (name: words.name(slot.index), word: words.word(slot.index))
        if slot.sealed(pair.word).name == pair.name { return pair }
        pair = try MeterPlaces.read(slot.index, words, header.key)
        // Where it was the meter's, it is not blank.
        guard pair.name != 0 || !slot.isMade else { throw MeterPlaces.damaged("a meter in it was removed") }
        return pair.name & MeterName.mask == slot.name ? pair : nil
    }

    /// The number of slots ever claimed, and the number there are.
    package var room: (used: Int, slots: Int) {
        (Int(clamping: words[.claimed]), header.buckets * Self.slotsPerBucket)
    }
}

/// A time of a ``MetersPage`` that can be relied on for one decision.
package struct MeterTime: Sendable {
    /// Since 1970.
    package let milliseconds: Int64
    /// Any period added to one, or taken off it, is a number still.
    static let possible: ClosedRange<Int64> = -(1 << 52)...1 << 52
}
