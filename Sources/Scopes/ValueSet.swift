public import StrictJSON

/// The values of a `one_of`, `not_one_of`, `contains` or `subset`: in their order, each once, and hashed if they are
/// many.
public struct ValueSet: Sendable, Sequence {
    /// The largest number of values for which a scan is as fast as a look-up.
    static var scanned: Int { 8 }

    /// A place in the table: a value's index in `values` plus one, 0 for none, and the upper half of its hash.
    private struct Slot {
        var place: UInt32 = 0
        var mark: UInt32 = 0
    }

    let values: [JSON.Value]
    /// Open addressing, a power of two, at most half full. The hashes are keyed, so that runs of taken slots are short,
    /// whoever chose the values.
    private let slots: [Slot]

    /// The values without duplicates. The set is meaningless once the budget is exhausted.
    init(_ given: [JSON.Value], within work: inout WorkBudget) {
        var values: [JSON.Value] = []
        values.reserveCapacity(given.count)
        guard given.count > Self.scanned else {
            for value in given {
                var isKnown = false
                for known in values where !isKnown { isKnown = known.isEqual(to: value, within: &work) }
                if !isKnown { values.append(value) }
            }
            (self.values, slots) = (values, [])
            return
        }
        var size = 32
        while size < given.count * 2 { size *= 2 }
        var slots = [Slot](repeating: Slot(), count: size)
        for value in given {
            let hash = value.contentHash(within: &work)
            let (slot, isKnown) = Self.find(value, hash, slots, values, within: &work)
            guard !work.isExhausted else { break }
            if isKnown { continue }
            values.append(value)
            slots[slot] = Slot(
                place: UInt32(truncatingIfNeeded: values.count), mark: UInt32(truncatingIfNeeded: hash >> 32))
        }
        (self.values, self.slots) = (values, slots)
    }

    var count: Int { values.count }
    var isEmpty: Bool { values.isEmpty }

    func contains(_ value: JSON.Value, within work: inout WorkBudget) -> Bool {
        index(of: value, within: &work) != nil
    }

    /// The index of an equal value.
    private func index(of value: JSON.Value, within work: inout WorkBudget) -> Int? {
        guard !slots.isEmpty else {
            guard work.spend(values.count) else { return nil }
            for (i, own) in values.enumerated() where own.isEqual(to: value, within: &work) { return i }
            return nil
        }
        let hash = value.contentHash(within: &work)
        let (slot, isKnown) = Self.find(value, hash, slots, values, within: &work)
        return isKnown ? Int(slots[slot].place) - 1 : nil
    }

    /// The slot of an equal value, or the free one where it belongs.
    private static func find(
        _ value: JSON.Value, _ hash: UInt64, _ slots: [Slot], _ values: [JSON.Value], within work: inout WorkBudget
    ) -> (slot: Int, isKnown: Bool) {
        let (mask, mark) = (slots.count - 1, UInt32(truncatingIfNeeded: hash >> 32))
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot].place != 0, work.spend(1) {
            if slots[slot].mark == mark,
                values[Int(slots[slot].place) - 1].isEqual(to: value, within: &work)
            {
                return (slot, true)
            }
            slot = (slot + 1) & mask
        }
        return (slot, false)
    }

    /// Whether every value of the set is an element of `array`. Takes one pass over it, whatever the number of values.
    func isContained(in array: JSON.Value, within work: inout WorkBudget) -> Bool {
        var found = Found()
        var missing = count
        for element in array.elements {
            guard missing > 0, work.spend(4) else { break }
            if let index = index(of: element, within: &work), found.insert(index) { missing -= 1 }
        }
        return missing == 0
    }

    /// Whether every element of `array` is in the set.
    func holdsAll(of array: JSON.Value, within work: inout WorkBudget) -> Bool {
        for element in array.elements {
            guard work.spend(4), contains(element, within: &work) else { return false }
        }
        return true
    }

    func isSubset(of other: ValueSet, within work: inout WorkBudget) -> Bool {
        for value in values {
            guard other.contains(value, within: &work) else { return false }
        }
        return true
    }

    /// The values for which `isIncluded` returns `true`.
    func filter(
        within work: inout WorkBudget, _ isIncluded: (JSON.Value, inout WorkBudget) -> Bool
    ) -> ValueSet {
        var kept: [JSON.Value] = []
        for value in values where isIncluded(value, &work) { kept.append(value) }
        return kept.count == values.count ? self : ValueSet(kept, within: &work)
    }

    func union(_ other: ValueSet, within work: inout WorkBudget) -> ValueSet {
        ValueSet(values + other.values, within: &work)
    }

    /// The values in their order.
    public func makeIterator() -> IndexingIterator<[JSON.Value]> { values.makeIterator() }

    /// The members seen so far, of at most 1024, without allocation.
    private struct Found {
        private var words = SIMD16<UInt64>(repeating: 0)

        /// Returns `false` if it was seen before.
        mutating func insert(_ index: Int) -> Bool {
            let bit: UInt64 = 1 << UInt64(index & 63)
            guard words[index >> 6 & 15] & bit == 0 else { return false }
            words[index >> 6 & 15] |= bit
            return true
        }
    }
}
