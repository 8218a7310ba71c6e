internal import Policy

/// The right to one meter of an agent that the registry does not have: a slot among those of the root whose chain had it made.
/// So no root, and no holder next to it, has more of them at once than it has such slots, while the meter itself stands where
/// its name says, whichever chain asks for it.
///
/// Its name is the meter's, of another kind; its word says in which slot the meter stands. It may be taken when that slot has
/// another name or may be taken itself, and the meter goes with it. It is there before the meter: so its word also says since when, and it is kept for as
/// long as a claim. A claimant that finds its right taken gives its claim up.
struct MeterRight {
    let slot: Int
    let pair: MeterPlaces.Pair

    /// The largest page has 2^21 slots.
    private static let slotBits: UInt64 = 21
    private static let slotMask: UInt64 = 1 << slotBits - 1

    static func word(for slot: Int, at time: Int64) -> UInt64 {
        (GCRA.full(at: time) >> 20) << slotBits | UInt64(truncatingIfNeeded: slot) & slotMask
    }

    static func target(of word: UInt64) -> Int { Int(truncatingIfNeeded: word & slotMask) }

    /// When it was taken; 0: its meter is there, or was.
    static func time(of word: UInt64) -> Int64 { Int64(truncatingIfNeeded: word >> slotBits) }
}

extension MeterPlaces {
    /// Takes a right of the share to make the meter in a slot; where one was taken already, moves it.
    func take(_ old: MeterRight?, for slot: Int, of share: MeterShare) throws(Denial) -> MeterRight {
        let mine = right(MeterRight.word(for: slot, at: time))
        if let old, words.swap(old.slot, old.pair, for: mine) { return MeterRight(slot: old.slot, pair: mine) }
        let group = share.group(header.key)
        var first = Int64.max
        for turn in 0..<MeterBuckets.ofBranch {
            let bucket = MeterBuckets.ofRights(group, turn, of: header.buckets)
            let claimed = words.claimed(of: bucket)
            for position in 0..<MetersPage.slotsPerBucket {
                let place = bucket * MetersPage.slotsPerBucket + position
                // It may be the one that the meter was to have: then that is looked for once more.
                let pair = try read(place)
                guard pair.name != 0 || position >= claimed else { throw Self.damaged("meters in it were removed") }
                let freeAt = pair.name == 0 ? Int64.min : freeAt(place, pair)
                first = min(first, freeAt)
                if freeAt <= time, try claim(place, pair, for: mine) { return MeterRight(slot: place, pair: mine) }
            }
        }
        throw MeterShare.denial(isForeign: false, retryAfter: wait(until: max(first, time)))
    }

    /// The same right once its meter is claimed: not to be taken any more while that is there; `nil` where it was taken.
    func settled(_ old: MeterRight) -> MeterRight? {
        let mine = right(UInt64(truncatingIfNeeded: MeterRight.target(of: old.pair.word)))
        return words.swap(old.slot, old.pair, for: mine) ? MeterRight(slot: old.slot, pair: mine) : nil
    }

    func giveUp(_ right: MeterRight) { _ = words.swap(right.slot, right.pair, for: vacated) }

    /// The slot of a right's meter, with what is in it; `nil` where that is another, or was given up.
    func target(of right: Pair) -> (slot: Int, pair: Pair)? {
        let slot = MeterRight.target(of: right.word)
        guard slot < header.buckets * MetersPage.slotsPerBucket else { return nil }
        let pair = words.pair(slot)
        guard (pair.name ^ right.name) & ~0xF_FFFF == 0 else { return nil }
        switch MeterName.role(of: pair.name) {
        case .pending, .meter(.rate), .meter(.labels), .meter(.slice): return (slot, pair)
        case .vacant, .unknown, .meter(.right): return nil
        }
    }

    private func right(_ word: UInt64) -> Pair {
        (MeterName.sealed(name & ~0xF_FFFF | MeterKind.right.rawValue << 16, word, header.key), word)
    }
}
