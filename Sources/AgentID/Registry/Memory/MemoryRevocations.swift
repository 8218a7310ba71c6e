/// The revocations of a registry in memory, in their order.
///
/// They are numbered without gaps, so that a number is a place. What was pruned leaves its place empty.
struct MemoryRevocations {
    private var places: [RevocationRecord?] = []
    private var numbers: [Revocation: Int64] = [:]

    var count: Int { numbers.count }
    /// The number of the next one.
    var next: Int64 { Int64(places.count) + 1 }

    subscript(revocation: Revocation) -> RevocationRecord? {
        guard let number = numbers[revocation], let place = place(of: number) else { return nil }
        return places[place]
    }

    private func place(of number: Int64) -> Int? {
        let place = Int(clamping: number) - 1
        return places.indices.contains(place) ? place : nil
    }

    /// Adds the next one.
    mutating func add(_ record: RevocationRecord) {
        places.append(record)
        numbers[record.revocation] = record.sequence
    }

    mutating func remove(_ record: RevocationRecord) {
        numbers[record.revocation] = nil
        if let place = place(of: record.sequence) { places[place] = nil }
    }

    /// As if the last one had never been added.
    mutating func takeBack(_ record: RevocationRecord) {
        remove(record)
        _ = places.popLast()
    }

    /// As if one had never been removed.
    mutating func putBack(_ record: RevocationRecord) {
        numbers[record.revocation] = record.sequence
        if let place = place(of: record.sequence) { places[place] = record }
    }

    func after(_ sequence: Int64, limit: Int) -> [RevocationRecord] {
        var found: [RevocationRecord] = []
        var place = Int(clamping: max(sequence, 0))
        while place < places.count, found.count < limit {
            if let record = places[place] { found.append(record) }
            place += 1
        }
        return found
    }
}
