/// An immutable set of keys in one allocation: open addressing with linear probing, 24 bytes for each key.
///
/// A key's place grows with its `head`, so that merging reads and writes the tables from front to back.
struct CompactKeySet: Sendable {
    private var slots: [RevocationKey]
    private(set) var count = 0

    /// The keys of a sequence, without repetitions.
    init(_ keys: [RevocationKey]) {
        self.init(room: keys.count)
        for key in keys { insert(key) }
    }

    /// All keys of `sets`.
    init(merging sets: some Collection<CompactKeySet>) {
        self.init(room: sets.reduce(0) { $0 + $1.count })
        for set in sets {
            for key in set.slots where key != .none { insert(key) }
        }
    }

    /// A third of the slots stays empty, at least one: every probe ends.
    private init(room: Int) {
        slots = Array(repeating: .none, count: room + room / 2 + 1)
    }

    var byteCount: Int { slots.count * MemoryLayout<RevocationKey>.stride }

    func contains(_ key: RevocationKey) -> Bool { slots[place(of: key)] == key }

    private mutating func insert(_ key: RevocationKey) {
        let place = place(of: key)
        guard slots[place] == .none else { return }
        slots[place] = key
        count += 1
    }

    /// The place of the key, or the free place where it belongs.
    private func place(of key: RevocationKey) -> Int {
        var place = Int(key.head.multipliedFullWidth(by: UInt64(slots.count)).high)
        while slots[place] != .none, slots[place] != key {
            place += 1
            if place == slots.count { place = 0 }
        }
        return place
    }
}
