internal import Policy

/// The slots that one meter can be in, in buckets that are chosen by its key: see ``MeterBuckets``.
///
/// ### Why a meter is never there twice, and never lost while it counts
///
/// A slot's name and word are one pair of words that is swapped at once. So what is taken from a meter is taken from that
/// meter, though its slot may be given to another at any moment: then the swap fails, and the meter is looked for again.
///
/// A slot *may be taken* when it is blank, when its meter is full again (what was taken has flowed off, so a new meter
/// says the same), when what it says is not needed, or when it was given up. No slot is ever blank again.
///
/// A meter is claimed in three steps: a slot is swapped to the meter's name, *pending*; all places are looked through for
/// the same name; the slot is swapped from pending to what a full meter is. A claimant that finds the name confirmed
/// elsewhere gives its own up. One that finds it pending elsewhere gives its own up where that stands before it, and else
/// takes the other's away first. Say two claims are confirmed at once, and the one of them that became pending later is X.
/// X looked through all places after both were pending. It found the other confirmed, and gave up; or pending and before
/// it, and gave up; or pending and after it, and took it away, so that the other's last swap failed. So there are no two. A
/// pending word is drawn by chance, so no last swap takes another claim for its own. What a process that died left pending
/// may be taken after 10 s.
struct MeterPlaces {
    /// The time after which a pending claim counts as abandoned, in milliseconds.
    private static let patience: Int64 = 10_000
    /// How far clocks of processes may differ: a meter is full again for all of them.
    static let grace: Int64 = 1000

    let words: MetersWords
    let header: MetersHeader
    private let key: MeterKey
    private let kind: MeterKind
    let name: UInt64
    let time: Int64
    private let buckets: MeterBuckets

    init(_ words: MetersWords, _ header: MetersHeader, _ key: MeterKey, _ kind: MeterKind, at time: Int64) {
        (self.words, self.header, self.key, self.kind, self.time) = (words, header, key, kind, time)
        (name, buckets) = (MeterName.of(key, kind), MeterBuckets(key, of: header.buckets))
    }

    typealias Pair = (name: UInt64, word: UInt64)

    private struct Look {
        var found: Int?
        /// Claimed by somebody, and not confirmed yet.
        var pending: Int?
        /// The first slot that may be taken; and of those that one that is bound may take.
        var free: (slot: Int, pair: Pair)?
        var freeOfBound: (slot: Int, pair: Pair)?
        /// When the first of these may be taken.
        var freeAt = Int64.max

        mutating func note(_ slot: Int, _ pair: Pair, isOfBound: Bool) {
            free = free ?? (slot, pair)
            if isOfBound { freeOfBound = freeOfBound ?? (slot, pair) }
        }
    }

    /// Where the meter is; where it is nowhere, makes it.
    ///
    /// - Parameters:
    ///   - until: until when it is needed, where that is not told by its word.
    ///   - share: says whether one that is made is bound to the share; `nil`: one that has places of its own is not.
    func find(until: Int64, of share: MeterShare? = nil) throws(Denial) -> Int {
        // Asked where one is to be made.
        var isBound: Bool? = key.isForeign ? true : key.isOwn ? false : nil
        var (right, claimed) = (MeterRight?.none, -1)
        // Of a meter that was not made, or that another made.
        defer { if let right { giveUp(right) } }
        for _ in 0..<1000 {
            let look = try look()
            if let found = look.found {
                // Another confirmed it.
                if found == claimed { right = nil }
                return found
            }
            if let pending = look.pending {
                // By somebody who may have been stopped: this is the same meter.
                let pair = words.pair(pending)
                if pair.name & MeterName.mask == name | MeterName.pending, try confirm(pending, pair, until) {
                    return pending
                }
                continue
            }
            let bound = if let isBound { isBound } else { try share?.isBound() ?? false }
            isBound = bound
            guard let free = bound ? look.freeOfBound : look.free else {
                if bound { throw MeterShare.denial(isForeign: key.isForeign, retryAfter: wait(until: look.freeAt)) }
                throw Denial(
                    "meters_full",
                    "no room for another rate, budget or set of labels: too many are in use at once; try again later, or "
                        + "make fewer rules, or rules for larger groups", at: "policy")
            }
            if bound, !key.isForeign, let share { right = try take(right, for: free.slot, of: share) }
            let mine = pending()
            guard try claim(free.slot, free.pair, for: mine) else { continue }
            if let taken = right {
                right = settled(taken)
                if right == nil {
                    // Another took it: this process was stopped for long.
                    _ = words.swap(free.slot, mine, for: vacated)
                    continue
                }
            }
            claimed = free.slot
            if try confirm(free.slot, mine, until) {
                right = nil
                return free.slot
            }
        }
        throw Self.damaged("other processes change it all the time")
    }

    /// The pair of a claim of its own.
    func pending() -> Pair {
        let nonce = GCRA.full(at: time) | UInt64.random(in: 0...0xF_FFFF)
        return (name: MeterName.sealed(name | MeterName.pending, nonce, header.key), word: nonce)
    }

    /// Takes a slot that may be taken; `false` where another was faster.
    func claim(_ slot: Int, _ free: Pair, for mine: Pair) throws(Denial) -> Bool {
        guard free.name != 0 || words.addsUp(header.buckets) else { throw Self.damaged("meters in it were removed") }
        if case .meter(.right) = MeterName.role(of: free.name), let meter = target(of: free) {
            // No meter outlives its right: it could be taken from again.
            guard freeAt(meter.slot, meter.pair) <= time,
                words.swap(meter.slot, meter.pair, for: Self.vacated(meter.pair.name, header.key))
            else { return false }
        }
        guard words.swap(slot, free, for: mine) else { return false }
        if free.name == 0 { words.countClaim(of: slot / MetersPage.slotsPerBucket) }
        return true
    }

    /// Makes a pending slot the meter, where it is nowhere else.
    func confirm(_ slot: Int, _ pair: Pair, _ until: Int64) throws(Denial) -> Bool {
        let pending = name | MeterName.pending
        var (index, turns) = (0, 0)
        while let other = place(index) {
            index += 1
            guard other != slot, words.name(other) & MeterName.mask & ~MeterName.pending == name else { continue }
            let there = try read(other)
            let known = there.name & MeterName.mask
            turns += 1
            if known == name || known == pending && other < slot || turns > 1000 {
                _ = words.swap(slot, pair, for: vacated)
                return false
            }
            // Looked at once more where it moved on meanwhile.
            if known == pending, !words.swap(other, there, for: vacated) { index -= 1 }
        }
        // By whoever confirms it first, and before: what was lent to the meter that stood here is not this one's.
        if kind != .rate {
            var hasBegun = false
            while !hasBegun {
                guard let beside = beside(slot, pair) else { return false }
                hasBegun = begin(slot, pair, beside, until)
            }
        }
        let word = kind == .rate ? GCRA.full(at: time) : 0
        return words.swap(slot, pair, for: (MeterName.sealed(name, word, header.key), word))
    }

    /// The words beside a pending slot; `nil` where it is pending no more.
    ///
    /// Read before it is seen that the slot is the claim's still: so it is not what another put there that took the slot since,
    /// and a swap of it changes nothing of theirs.
    func beside(_ slot: Int, _ pair: Pair) -> (lent: UInt64, holder: UInt64)? {
        let beside = words.loan(slot)
        return words.pair(slot) == pair ? beside : nil
    }

    /// Puts beside a pending slot what a meter of its kind begins with; `false` where another changed it since.
    func begin(_ slot: Int, _ pair: Pair, _ beside: (lent: UInt64, holder: UInt64), _ until: Int64) -> Bool {
        if kind == .labels {
            let mark = MeterLoan.mark(of: pair.word)
            return beside.holder == mark || words.swapLoan(slot, beside, for: (UInt64(clamping: until), mark))
        }
        let draw = MeterLoan.draw(of: pair.word)
        return MeterLoan.isDrawn(beside.holder, draw)
            || words.swapLoan(slot, beside, for: (0, MeterLoan.holder(draw, until: until)))
    }

    /// Where the meter is, if it is anywhere, and its word: nothing is claimed.
    func found() throws(Denial) -> (slot: Int, word: UInt64)? {
        for place in 0..<buckets.count { if let found = try found(in: buckets[place]) { return found } }
        return nil
    }

    private func found(in bucket: Int) throws(Denial) -> (slot: Int, word: UInt64)? {
        let first = bucket * MetersPage.slotsPerBucket
        // Before the slots: one is claimed first and counted next.
        let claimed = words.claimed(of: bucket)
        for position in 0..<MetersPage.slotsPerBucket {
            let pair = try read(first + position)
            if pair.name & MeterName.mask == name { return (first + position, pair.word) }
            if pair.name == 0 {
                guard position >= claimed else { throw Self.damaged("meters in it were removed") }
                return nil
            }
        }
        return nil
    }

    var vacated: Pair { Self.vacated(name, header.key) }

    /// The pair that is left of a meter whose slot may be taken.
    static func vacated(_ name: UInt64, _ secret: SIMD2<UInt64>) -> (name: UInt64, word: UInt64) {
        (MeterName.sealed(name & ~0xF_FFFF | MeterName.vacant, 0, secret), 0)
    }

    private func look() throws(Denial) -> Look {
        var look = Look()
        var (index, claimed) = (0, 0)
        while let slot = place(index) {
            let position = slot % MetersPage.slotsPerBucket
            // Before the slots: one is claimed first and counted next.
            if position == 0 { claimed = words.claimed(of: slot / MetersPage.slotsPerBucket) }
            let pair = try read(slot)
            let isOfBound = index >= buckets.own * MetersPage.slotsPerBucket
            if pair.name == 0 {
                guard position >= claimed else { throw Self.damaged("meters in it were removed") }
                look.note(slot, pair, isOfBound: isOfBound)
                // In this bucket nothing is after it.
                index = (index / MetersPage.slotsPerBucket + 1) * MetersPage.slotsPerBucket
                continue
            }
            index += 1
            switch pair.name & MeterName.mask {
            case name:
                look.found = slot
                return look
            case name | MeterName.pending: look.pending = slot
            default:
                let freeAt = freeAt(slot, pair)
                if freeAt <= time { look.note(slot, pair, isOfBound: isOfBound) }
                if isOfBound { look.freeAt = min(look.freeAt, freeAt) }
            }
        }
        return look
    }

    /// From when on a slot may be taken.
    func freeAt(_ slot: Int, _ pair: Pair) -> Int64 {
        func later(_ time: Int64, by milliseconds: Int64) -> Int64 {
            let (sum, isTooLate) = time.addingReportingOverflow(milliseconds)
            return isTooLate ? .max : sum
        }
        return switch MeterName.role(of: pair.name) {
        case .vacant: .min
        case .pending: later(GCRA.isFull(pair.word), by: Self.patience)
        case .meter(.rate): later(GCRA.isFull(pair.word), by: Self.grace)
        case .meter(.labels): later(words.until(slot), by: Self.grace + 1)
        case .meter(.slice): later(MeterLoan.until(words.loan(slot).holder), by: Self.grace + 1)
        case .meter(.right):
            // In use as long as its meter, and as that is about to be made.
            target(of: pair).map { freeAt($0.slot, $0.pair) }
                ?? later(MeterRight.time(of: pair.word), by: Self.patience)
        case .unknown: .max
        }
    }

    /// The milliseconds until then, at least one; `nil` where it never comes.
    func wait(until then: Int64) -> Int64? {
        guard then < .max else { return nil }
        let (wait, isTooLong) = then.subtractingReportingOverflow(time)
        return isTooLong ? nil : max(wait, 1)
    }

    /// Name and word of a slot as they stood together; throws where they do not belong together.
    func read(_ slot: Int) throws(Denial) -> (name: UInt64, word: UInt64) {
        try Self.read(slot, words, header.key)
    }

    static func read(
        _ slot: Int, _ words: MetersWords, _ secret: SIMD2<UInt64>
    ) throws(Denial) -> (name: UInt64, word: UInt64) {
        var pair = (name: words.name(slot), word: words.word(slot))
        if isSound(pair, secret) { return pair }
        pair = words.pair(slot)
        guard isSound(pair, secret) else { throw damaged("a meter in it was written over") }
        return pair
    }

    static func isSound(_ pair: (name: UInt64, word: UInt64), _ secret: SIMD2<UInt64>) -> Bool {
        pair.name == 0 && pair.word == 0 || MeterName.sealed(pair.name, pair.word, secret) == pair.name
    }

    /// The meter's places in their order; `nil` after the last.
    private func place(_ index: Int) -> Int? {
        let (bucket, position) = index.quotientAndRemainder(dividingBy: MetersPage.slotsPerBucket)
        guard bucket < buckets.count else { return nil }
        return buckets[bucket] * MetersPage.slotsPerBucket + position
    }

    static func damaged(_ how: String) -> Denial {
        Denial(
            "meters_damaged",
            "the file of rates and budgets cannot be relied on: \(how); end the guards that use it, remove the file `meters`, and "
                + "open them anew", at: "policy")
    }
}
