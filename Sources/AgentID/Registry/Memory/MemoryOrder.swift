internal import StrictJSON

/// Names in order: by a number, then by their bytes. What an index is to a database.
///
/// Pieces of bounded length, so that one more among 1,000,000 moves some kilobytes.
struct MemoryOrder {
    struct Key: Comparable {
        var number: Int64 = 0
        var name: ExactText = ""

        static func < (one: Key, other: Key) -> Bool {
            one.number == other.number ? one.name < other.name : one.number < other.number
        }
    }

    /// None is empty.
    private var pieces: [[Key]] = []
    private static let longest = 512

    mutating func insert(_ key: Key) {
        guard let piece = place(of: key).map({ max($0, 0) }) else {
            pieces = [[key]]
            return
        }
        let at = Self.index(of: key, in: pieces[piece])
        pieces[piece].insert(key, at: at)
        guard pieces[piece].count > Self.longest else { return }
        // What is added at the end leaves full pieces behind.
        let isLast = piece == pieces.count - 1 && at == pieces[piece].count - 1
        let rest = Array(pieces[piece].suffix(isLast ? 1 : Self.longest / 2))
        pieces[piece].removeLast(rest.count)
        pieces.insert(rest, at: piece + 1)
    }

    mutating func remove(_ key: Key) {
        guard let piece = place(of: key), piece >= 0 else { return }
        let at = Self.index(of: key, in: pieces[piece])
        guard at < pieces[piece].count, pieces[piece][at] == key else { return }
        pieces[piece].remove(at: at)
        if pieces[piece].isEmpty { pieces.remove(at: piece) }
    }

    /// Those that are not before `start`, in order, until `body` has enough of them.
    func visit(from start: Key = Key(number: .min), _ body: (Key) -> Bool) {
        guard let first = place(of: start).map({ max($0, 0) }) else { return }
        for piece in first..<pieces.count {
            let keys = pieces[piece]
            for at in (piece == first ? Self.index(of: start, in: keys) : 0)..<keys.count {
                guard body(keys[at]) else { return }
            }
        }
    }

    /// The names, in order.
    func names(limit: Int = .max) -> [ExactText] {
        var names: [ExactText] = []
        visit { key in
            guard names.count < limit else { return false }
            names.append(key.name)
            return true
        }
        return names
    }

    /// The last piece that does not begin after a key; -1 where all do, `nil` where there is none.
    private func place(of key: Key) -> Int? {
        guard !pieces.isEmpty else { return nil }
        var (low, high) = (0, pieces.count)
        while low < high {
            let middle = (low + high) / 2
            if pieces[middle].first.map({ $0 <= key }) ?? true { low = middle + 1 } else { high = middle }
        }
        return low - 1
    }

    /// Where a key stands, or would.
    private static func index(of key: Key, in keys: [Key]) -> Int {
        var (low, high) = (0, keys.count)
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
