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

    private let words: MetersWords
    private let header: MetersHeader
    private let key: MeterKey
    private let kind: MeterKind
    private let name: UInt64
    private let time: Int64
    private let buckets: MeterBuckets

    init(_ words: MetersWords, _ header: MetersHeader, _ key: MeterKey, _ kind: MeterKind, at time: Int64) {
        (self.words, self.header, self.key, self.kind, self.time) = (words, header, key, kind, time)
        (name, buckets) = (MeterName.of(key, kind), MeterBuckets(key, of: header.buckets))
    }

    private struct Look {
        var found: Int?
        /// Claimed by somebody, and not confirmed yet.
        var pending: Int?
        /// The first slot that may be taken; and of those that a share has.
        var free: (slot: Int, pair: (name: UInt64, word: UInt64))?
        var freeOfShare: (slot: Int, pair: (name: UInt64, word: UInt64))?
        /// When the first slot of the share may be taken.
        var freeAt = Int64.max

        mutating func note(_ slot: Int, _ pair: (name: UInt64, word: UInt64), ofShare isOfShare: Bool) {
            free = free ?? (slot, pair)
            if isOfShare { freeOfShare = freeOfShare ?? (slot, pair) }
        }
    }

    /// Where the meter is; where it is nowhere, makes it.
    ///
    /// - Parameters:
    ///   - until: until when it is needed, where that is not told by its word.
    ///   - share: says whether one that is made is bound to the share's places; `nil`: one that has its own is not.
    func find(until: Int64, of share: MeterShare? = nil) throws(Denial) -> Int {
        // Asked where one is to be made.
        var isBound: Bool? = key.isForeign ? true : key.isOwn ? false : nil
        for _ in 0..<1000 {
            let look = try look()
            if let found = look.found { return found }
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
            guard let free = bound ? look.freeOfShare : look.free else {
                if bound { throw MeterShare.denial(isForeign: key.isForeign, retryAfter: wait(until: look.freeAt)) }
                throw Denial(
                    "meters_full",
                    "no room for another rate, budget or set of labels: too many are in use at once; try again later, or "
                        + "make fewer rules, or rules for larger groups", at: "policy")
            }
            guard free.pair.name != 0 || words.addsUp(header.buckets) else {
                throw Self.damaged("meters in it were removed")
            }
            let nonce = GCRA.full(at: time) | UInt64.random(in: 0...0xF_FFFF)
            let mine = (name: MeterName.sealed(name | MeterName.pending, nonce, header.key), word: nonce)
            guard words.swap(free.slot, free.pair, for: mine) else { continue }
            if free.pair.name == 0 { words.countClaim(of: free.slot / MetersPage.slotsPerBucket) }
            if kind == .labels { words.setUntil(free.slot, until) }
            if try confirm(free.slot, mine, until) { return free.slot }
        }
        throw Self.damaged("other processes change it all the time")
    }

    /// Makes a pending slot the meter, where it is nowhere else.
    private func confirm(
        _ slot: Int, _ pair: (name: UInt64, word: UInt64), _ until: Int64
    ) throws(Denial) -> Bool {
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
        let (loan, draw) = (words.loan(slot), MeterLoan.draw(of: pair.word))
        if kind == .slice, !MeterLoan.isDrawn(loan.holder, draw) {
            words.swapLoan(slot, loan, for: (0, MeterLoan.holder(draw, until: until)))
        }
        let word = kind == .rate ? GCRA.full(at: time) : 0
        return words.swap(slot, pair, for: (MeterName.sealed(name, word, header.key), word))
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

    private var vacated: (name: UInt64, word: UInt64) { Self.vacated(name, header.key) }

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
            let isOfShare = index >= buckets.own * MetersPage.slotsPerBucket
            if pair.name == 0 {
                guard position >= claimed else { throw Self.damaged("meters in it were removed") }
                look.note(slot, pair, ofShare: isOfShare)
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
                if freeAt <= time { look.note(slot, pair, ofShare: isOfShare) }
                if isOfShare { look.freeAt = min(look.freeAt, freeAt) }
            }
        }
        return look
    }

    /// From when on a slot may be taken.
    private func freeAt(_ slot: Int, _ pair: (name: UInt64, word: UInt64)) -> Int64 {
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
        case .unknown: .max
        }
    }

    /// The milliseconds until then, at least one; `nil` where it never comes.
    private func wait(until then: Int64) -> Int64? {
        guard then < .max else { return nil }
        let (wait, isTooLong) = then.subtractingReportingOverflow(time)
        return isTooLong ? nil : max(wait, 1)
    }

    /// Name and word of a slot as they stood together; throws where they do not belong together.
    private func read(_ slot: Int) throws(Denial) -> (name: UInt64, word: UInt64) {
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
