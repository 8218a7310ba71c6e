public import JOSE

/// The values of a `one_of`, `not_one_of`, `contains` or `subset`: in their order, and hashed where they are many.
public struct ValueSet: Sendable, Sequence {
    /// Up to here a scan is as fast as a look-up.
    private static var scanned: Int { 8 }

    let values: [JSON.Value]
    /// Open addressing, a power of two at most half full: an index into `values` plus one, 0 for a free slot.
    private let slots: [Int32]

    /// The values in their order, each once.
    init(_ listed: [JSON.Value]) {
        guard listed.count > Self.scanned else {
            values = listed.enumerated().filter { i, value in !listed[..<i].contains { $0.isEqual(to: value) } }
                .map(\.element)
            slots = []
            return
        }
        var size = 32
        while size < listed.count * 2 { size *= 2 }
        var slots = [Int32](repeating: 0, count: size)
        var values: [JSON.Value] = []
        for value in listed {
            var slot = value.contentHash & (size - 1)
            while slots[slot] != 0, !values[Int(slots[slot]) - 1].isEqual(to: value) { slot = (slot + 1) & (size - 1) }
            guard slots[slot] == 0 else { continue }
            values.append(value)
            slots[slot] = Int32(truncatingIfNeeded: values.count)
        }
        self.values = values
        self.slots = values.count > Self.scanned ? slots : []
    }

    var count: Int { values.count }
    var isEmpty: Bool { values.isEmpty }

    func contains(_ value: JSON.Value, _ budget: inout WorkBudget) -> Bool { index(of: value, &budget) != nil }

    /// Where an equal value stands; `nil` also once the budget is spent.
    private func index(of value: JSON.Value, _ budget: inout WorkBudget) -> Int? {
        guard !slots.isEmpty else {
            for (i, own) in values.enumerated() where own.isEqual(to: value, &budget) { return i }
            return nil
        }
        guard budget.spend(16 + 2 * value.sourceLength) else { return nil }
        var slot = value.contentHash & (slots.count - 1)
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if values[index].isEqual(to: value, &budget) { return index }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Whether every value of the set is an element of `array`. One pass over it, however many are needed.
    func isContained(in array: JSON.Value, _ budget: inout WorkBudget) -> Bool {
        var found = Found()
        for element in array.elements {
            guard budget.spend(4) else { return false }
            if let index = index(of: element, &budget) { found.insert(index) }
        }
        return values.indices.allSatisfy { found.contains($0) } && !budget.isSpent
    }

    func isSubset(of other: ValueSet, _ budget: inout WorkBudget) -> Bool {
        for value in values where !other.contains(value, &budget) { return false }
        return !budget.isSpent
    }

    func filter(_ isIncluded: (JSON.Value) -> Bool) -> ValueSet { ValueSet(values.filter(isIncluded)) }

    /// The values that are in another set, or that a constraint permits.
    func kept(in other: ValueSet, _ budget: inout WorkBudget) -> ValueSet {
        var kept: [JSON.Value] = []
        for value in values where other.contains(value, &budget) { kept.append(value) }
        return ValueSet(kept)
    }

    func kept(by constraint: Constraint, _ budget: inout WorkBudget) -> ValueSet {
        var kept: [JSON.Value] = []
        for value in values where constraint.permits(value, &budget) { kept.append(value) }
        return ValueSet(kept)
    }

    func union(_ other: ValueSet) -> ValueSet { ValueSet(values + other.values) }

    /// The values in their order.
    public func makeIterator() -> IndexingIterator<[JSON.Value]> { values.makeIterator() }

    /// Which of at most 1024 members were seen, without allocation.
    private struct Found {
        private var words = SIMD16<UInt64>(repeating: 0)
        func contains(_ index: Int) -> Bool { words[index >> 6 & 15] >> UInt64(index & 63) & 1 == 1 }
        mutating func insert(_ index: Int) { words[index >> 6 & 15] |= 1 << UInt64(index & 63) }
    }
}
