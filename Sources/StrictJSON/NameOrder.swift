/// The names of one object, sorted in the order of RFC 8785 section 3.2.3.
///
/// Compares seven bytes of a name at a time, as a number. A common prefix is read once for each name, so the time is
/// linear in the names' bytes, save for the logarithm of their count, whatever the names are.
struct NameOrder: ~Copyable {
    /// Seven bytes of a name, and their count up to eight. Fewer bytes sort first, as a name sorts before its
    /// extensions.
    private struct Entry {
        var key: UInt64
        var name: Int32
    }

    private var entries: [Entry] = []
    /// A name that occurs twice; `nil` if none does.
    private(set) var duplicate: Int?

    /// The names in their order, as indices of their nodes.
    var names: [Int] { entries.map { Int($0.name) } }

    /// Sorts the names of the object at `object`, whose nodes end before `end`.
    ///
    /// A name's text is in `bytes`, or in `unescaped` if its offset is at or past the end of `bytes`.
    init(of object: Int, end: Int, nodes: [JSON.Node], bytes: Span<UInt8>, unescaped: Span<UInt8>) {
        entries.reserveCapacity(Int(nodes[object].first))
        var name = object + 1
        while name < end {
            entries.append(Entry(key: 0, name: Int32(truncatingIfNeeded: name)))
            name = Int(nodes[name + 1].next)
        }
        var open = [(range: 0..<entries.count, depth: 0)]
        while let (range, depth) = open.popLast() {
            for i in range {
                let text = nodes[Int(entries[i].name)].text
                if text.lowerBound < bytes.count {
                    entries[i].key = Self.key(bytes.extracting(text), depth)
                } else {
                    let start = text.lowerBound - bytes.count
                    entries[i].key = Self.key(unescaped.extracting(start..<start + text.count), depth)
                }
            }
            sort(range)
            var start = range.lowerBound
            while start < range.upperBound {
                var last = start + 1
                while last < range.upperBound, entries[last].key == entries[start].key { last += 1 }
                if last - start > 1 {
                    if entries[start].key & 0xFF > 7 {
                        open.append((start..<last, depth + 7))
                    } else {
                        let second = entries[start..<last].map(\.name).sorted()[1]
                        duplicate = min(duplicate ?? .max, Int(second))
                    }
                }
                start = last
            }
        }
    }

    private mutating func sort(_ range: Range<Int>) {
        // In place: a slice of an array would be copied first.
        unsafe entries.withUnsafeMutableBufferPointer { entries in
            var part = unsafe UnsafeMutableBufferPointer(rebasing: entries[range])
            unsafe part.sort { $0.key < $1.key }
        }
    }

    private static func key(_ text: Span<UInt8>, _ depth: Int) -> UInt64 {
        let count = min(text.count - depth, 8)
        var key: UInt64 = 0
        for i in 0..<min(count, 7) { key |= UInt64(JCS.rank(text[depth + i])) << UInt64(56 - i * 8) }
        return key | UInt64(count)
    }
}
