// Labels: their word is a set of bits. Beside it stands until when they are kept.
extension MetersPage {
    /// Adds labels; they stay.
    package func raise(_ slot: MeterSlot, bits: UInt64, until: Int64, at time: MeterTime) throws(Denial) {
        try raise(slot, bits: bits, until: until, at: time, from: nil)
    }

    /// - Parameter share: says where the meter may stand, where it has to be made again.
    func raise(
        _ slot: MeterSlot, bits: UInt64, until: Int64, at time: MeterTime, from share: MeterShare?
    ) throws(Denial) {
        var slot = slot
        for _ in 0..<Self.patience {
            guard let pair = try keep(slot, until: until) else {
                slot = try self.slot(of: slot.key, .labels, until: until, at: time, from: share)
                continue
            }
            if pair.word & bits == bits { return try syncLabels() }
            _ = words.countUp(.raised)
            guard words.swap(slot.index, pair, for: slot.sealed(pair.word | bits)) else { continue }
            countTurn()
            return try syncLabels()
        }
        throw MeterPlaces.damaged("other processes change it all the time")
    }

    /// Whether all labels are on the disk, where they have to be: another may be writing them, or have failed to.
    var hasSyncedLabels: Bool { !isDurable || file == nil || words[.raised] == words[.synced] }

    private func syncLabels() throws(Denial) {
        let raised = words[.raised]
        guard !hasSyncedLabels, let file else { return }
        guard file.sync() else { throw MeterPlaces.damaged("a label cannot be written to the disk") }
        words.raise(.synced, to: raised)
    }

    /// Keeps labels so long at least; `nil` where they are not in their slot any more.
    private func keep(_ slot: MeterSlot, until: Int64) throws(Denial) -> MeterPlaces.Pair? {
        for _ in 0..<Self.patience {
            // First: what is swapped then is not of another that took the slot since.
            let beside = words.loan(slot.index)
            guard let pair = try read(slot) else { return nil }
            if Int64(clamping: beside.lent) >= until
                || words.swapLoan(slot.index, beside, for: (UInt64(clamping: until), beside.holder))
            {
                return pair
            }
        }
        throw MeterPlaces.damaged("other processes change it all the time")
    }

    /// The labels of a subject.
    package func bits(_ slot: MeterSlot, until: Int64, at time: MeterTime) throws(Denial) -> UInt64 {
        if let pair = try keep(slot, until: until) { return pair.word }
        // Elsewhere, or they have lapsed.
        guard let found = try found(slot.key, .labels, at: time) else { return 0 }
        return try keep(found, until: until)?.word ?? 0
    }

    /// Takes labels away; whether any were there.
    func lower(_ key: MeterKey, bits: UInt64, at time: MeterTime) throws(Denial) -> Bool {
        for _ in 0..<Self.patience {
            guard let slot = try found(key, .labels, at: time), let pair = try read(slot), pair.word & bits != 0 else {
                return false
            }
            guard words.swap(slot.index, pair, for: slot.sealed(pair.word & ~bits)) else { continue }
            countTurn()
            if isDurable, let file { _ = file.sync() }
            return true
        }
        throw MeterPlaces.damaged("other processes change it all the time")
    }

    /// The labels of a subject that has a meter; where none was raised it has none, and gets none.
    func bits(of key: MeterKey, until: Int64, at time: MeterTime) throws(Denial) -> UInt64 {
        try labels(of: key, until: until, at: time).bits
    }

    /// The same, and until when they are kept.
    func labels(of key: MeterKey, until: Int64, at time: MeterTime) throws(Denial) -> KeptLabels {
        let places = MeterPlaces(words, header, key, .labels, at: time.milliseconds)
        guard let found = try places.found() else { return KeptLabels(bits: 0, until: 0) }
        let kept = words.until(found.slot)
        if kept >= until { return KeptLabels(bits: found.word, until: kept) }
        let slot = MeterSlot(key, .labels, index: found.slot, secret: header.key)
        return KeptLabels(bits: try bits(slot, until: until, at: time), until: until)
    }
}

/// The labels of one subject.
struct KeptLabels {
    let bits: UInt64
    /// In milliseconds since 1970.
    let until: Int64

    /// Whether all of some labels are there, and stay so long.
    func hold(_ labels: UInt64, until time: Int64) -> Bool { labels == 0 || bits & labels == labels && until >= time }
}
