public import JOSE

/// The values of a `one_of`, `not_one_of`, `contains` or `subset`: in their order, and hashed where they are many.
public struct ValueSet: Sendable, Sequence {
    /// Up to here a scan is as fast as a look-up.
    private static var scanned: Int { 8 }

    let values: [JSON.Value]
    /// Open addressing, a power of two at most half full: an index into `values` plus one, 0 for a free slot.
    private let slots: [Int32]

    init(_ values: [JSON.Value]) {
        self.values = values
        guard values.count > Self.scanned else {
            slots = []
            return
        }
        var size = 32
        while size < values.count * 2 { size *= 2 }
        var slots = [Int32](repeating: 0, count: size)
        for (i, value) in values.enumerated() {
            var slot = value.contentHash & (size - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = Int32(truncatingIfNeeded: i + 1)
        }
        self.slots = slots
    }

    var count: Int { values.count }
    var isEmpty: Bool { values.isEmpty }

    func contains(_ value: JSON.Value) -> Bool { index(of: value) != nil }

    /// Where an equal value stands; the first of several where they are few, any of them where they are many.
    func index(of value: JSON.Value) -> Int? {
        guard !slots.isEmpty else { return values.firstIndex { $0.isEqual(to: value) } }
        var slot = value.contentHash & (slots.count - 1)
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if values[index].isEqual(to: value) { return index }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Whether every value of the set is an element of `array`. One pass over it, however many are needed.
    func isContained(in array: JSON.Value) -> Bool {
        guard count > 1 else {
            return values.allSatisfy { needed in array.elements.contains { $0.isEqual(to: needed) } }
        }
        // Equal members share one index, so that only their first representatives are awaited.
        var found = Found()
        for element in array.elements {
            if let index = index(of: element) { found.insert(index) }
        }
        return values.allSatisfy { needed in index(of: needed).map { found.contains($0) } ?? false }
    }

    func isSubset(of other: ValueSet) -> Bool { values.allSatisfy { other.contains($0) } }

    func filter(_ isIncluded: (JSON.Value) -> Bool) -> ValueSet { ValueSet(values.filter(isIncluded)) }

    func union(_ other: ValueSet) -> ValueSet { ValueSet(values + other.values.filter { !contains($0) }) }

    /// The values in their order.
    public func makeIterator() -> IndexingIterator<[JSON.Value]> { values.makeIterator() }

    /// Which of at most 1024 members were seen, without allocation.
    private struct Found {
        private var words = SIMD16<UInt64>(repeating: 0)
        func contains(_ index: Int) -> Bool { words[index >> 6 & 15] >> UInt64(index & 63) & 1 == 1 }
        mutating func insert(_ index: Int) { words[index >> 6 & 15] |= 1 << UInt64(index & 63) }
    }
}
