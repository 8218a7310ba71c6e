// The names of an object (RFC 7493, section 2.3).
extension JSONReader {
    /// Throws if an object has a name twice. A few names are compared pair by pair; many are sorted first.
    mutating func refuseDuplicateNames(of container: Int, _ source: Span<UInt8>) throws(JSON.ParseError) {
        let count = Int(nodes[container].first)
        guard count > 1 else { return }
        guard count <= 16 else {
            // The names are sorted here, and again when the object is written in canonical form.
            let length = position - Int(nodes[container].sourceStart)
            try spend(2 * count * (8 + count.bitWidth - count.leadingZeroBitCount) + length >> 2)
            let order = NameOrder(
                of: container, end: nodes.count, nodes: nodes, bytes: source, unescaped: unescaped.span)
            if let again = order.duplicate { throw duplicate(again) }
            return
        }
        if let again = firstDuplicate(in: container, nodes.span, source) { throw duplicate(again) }
    }

    /// The first name that occurs earlier in the object already.
    private func firstDuplicate(in container: Int, _ nodes: Span<JSON.Node>, _ source: Span<UInt8>) -> Int? {
        // One bit for a name's length and ends: if the bit is new, so is the name.
        var seen: UInt64 = 0
        var later = container + 1
        while later < nodes.count {
            let bit: UInt64 = 1 << (fold(nodes[later].text, source) & 63)
            if seen & bit != 0 {
                var earlier = container + 1
                while earlier < later {
                    if nodes[earlier].length == nodes[later].length, isSameText(earlier, later, source) { return later }
                    earlier = Int(nodes[earlier + 1].next)
                }
            }
            seen |= bit
            later = Int(nodes[later + 1].next)
        }
        return nil
    }

    /// The same number for the same text, however it was written.
    @inline(__always)
    private func fold(_ text: Range<Int>, _ source: Span<UInt8>) -> Int {
        guard !text.isEmpty else { return 0 }
        let (first, last) = (text.lowerBound, text.upperBound - 1)
        let isUnescaped = first < sourceCount
        let start = isUnescaped ? source[first] : unescaped[first - sourceCount]
        let end = isUnescaped ? source[last] : unescaped[last - sourceCount]
        return Int(start) + 7 * Int(end) + 3 * text.count
    }

    private func duplicate(_ name: Int) -> JSON.ParseError {
        error("an object has the same name twice", at: Int(nodes[name].sourceStart))
    }

    @inline(__always)
    private func isSameText(_ a: Int, _ b: Int, _ source: Span<UInt8>) -> Bool {
        let (a, b, unescaped) = (nodes[a].text, nodes[b].text, unescaped)
        func text(_ range: Range<Int>, _ body: (Span<UInt8>) -> Bool) -> Bool {
            range.lowerBound < sourceCount
                ? body(source.extracting(range))
                : body(unescaped.span.extracting(range.lowerBound - sourceCount..<range.upperBound - sourceCount))
        }
        return a.count == b.count && text(a) { a in text(b) { a.hasSameBytes(as: $0) } }
    }
}
