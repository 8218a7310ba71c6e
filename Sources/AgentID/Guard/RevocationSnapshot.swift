/// The revocations at one moment, immutable.
///
/// A large base, then later additions: each set at least eight times smaller than the one before it. So a look-up asks
/// few sets, and adding keys one at a time copies each a few dozen times in all, not once for each addition.
struct RevocationSnapshot: Sendable {
    private static let share = 8

    /// Disjoint, the largest first.
    private var sets: [CompactKeySet] = []

    var count: Int { sets.reduce(0) { $0 + $1.count } }
    var isEmpty: Bool { sets.isEmpty }
    var byteCount: Int { sets.reduce(0) { $0 + $1.byteCount } }

    func contains(_ key: RevocationKey) -> Bool { sets.contains { $0.contains(key) } }

    /// This and `keys`; `nil` if nothing is new.
    func adding(_ keys: some Sequence<RevocationKey>) -> RevocationSnapshot? {
        let fresh = CompactKeySet(keys.filter { !contains($0) })
        guard fresh.count > 0 else { return nil }
        // Merges every set that is too small to stay alone, from the smallest on.
        var (rest, merged) = (sets, fresh.count)
        while let last = rest.last, last.count < Self.share * merged {
            merged += last.count
            rest.removeLast()
        }
        var result = RevocationSnapshot()
        result.sets = rest + [CompactKeySet(merging: sets.dropFirst(rest.count) + [fresh])]
        return result
    }
}
