extension JSON.Value {
    /// The member with this name, `nil` when there is none or this is not an object. Takes time linear in the members.
    public subscript(name: String) -> JSON.Value? {
        name.withUTF8Span { member($0) }
    }

    /// The same, of a name in anybody's memory.
    package func member(_ name: Span<UInt8>) -> JSON.Value? {
        storage.member(name, of: index).map { JSON.Value(storage: storage, index: $0) }
    }

    /// Whether this is a string of exactly this text, byte for byte; allocates nothing.
    public func equals(_ text: String) -> Bool {
        text.withUTF8Span { storage.isString($0, at: index) }
    }

    /// Whether both have the very same bytes in their documents. A cheap check that nothing changed: if it answers no,
    /// the values may still be equal.
    public func hasSameSource(as other: JSON.Value) -> Bool {
        let (a, b) = (node, other.node)
        guard a.sourceEnd - a.sourceStart == b.sourceEnd - b.sourceStart else { return false }
        let (bytes, otherBytes) = (storage.bytes, other.storage.bytes)
        return bytes.span.extracting(Int(a.sourceStart)..<Int(a.sourceEnd))
            .hasSameBytes(as: otherBytes.span.extracting(Int(b.sourceStart)..<Int(b.sourceEnd)))
    }

    /// The source bytes of the value: a number with the digits it was written with.
    package var source: [UInt8] {
        let node = node
        return Array(storage.bytes[Int(node.sourceStart)..<Int(node.sourceEnd)])
    }

    /// Calls `body` with a string's unescaped UTF-8, or with nothing for any other kind of value; copies nothing.
    public func withUTF8<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        let bytes = storage.bytes
        return body(bytes.span.extracting(text))
    }

    /// The range of a string's unescaped bytes; empty for any other kind of value.
    var text: Range<Int> {
        let node = node
        return node.kind == .string ? node.text : 0..<0
    }
}

extension JSON.Value {
    /// The elements of an array in their order; empty for any other kind of value.
    public var elements: Elements {
        let node = node
        return Elements(storage: storage, cursor: index + 1, end: node.kind == .array ? Int(node.next) : index + 1)
    }

    /// The members of an object in the order of the document; empty for any other kind of value.
    public var members: Members {
        let node = node
        return Members(storage: storage, cursor: index + 1, end: node.kind == .object ? Int(node.next) : index + 1)
    }

    /// A member of an object.
    public typealias Member = (name: JSON.Value, value: JSON.Value)

    /// A pass over an array's elements.
    public struct Elements: Sequence, IteratorProtocol, Sendable {
        let storage: JSON.Storage
        var cursor: Int
        let end: Int

        /// The next element.
        public mutating func next() -> JSON.Value? {
            guard cursor < end else { return nil }
            let value = JSON.Value(storage: storage, index: cursor)
            cursor = Int(value.node.next)
            return value
        }
    }

    /// A pass over an object's members.
    public struct Members: Sequence, IteratorProtocol, Sendable {
        let storage: JSON.Storage
        var cursor: Int
        let end: Int

        /// The next member.
        public mutating func next() -> Member? {
            guard cursor < end else { return nil }
            let name = JSON.Value(storage: storage, index: cursor)
            let value = JSON.Value(storage: storage, index: cursor + 1)
            cursor = Int(value.node.next)
            return (name, value)
        }
    }
}

extension JSON.Storage {
    /// Returns the node of a member's value. Works on the tape itself: a `Value` for each member passed would cost two
    /// reference counts, and a token has some forty look-ups.
    fileprivate func member(_ name: Span<UInt8>, of object: Int) -> Int? {
        let (tape, source) = (nodes, bytes)
        let (nodes, bytes) = (tape.span, source.span)
        guard nodes[object].kind == .object else { return nil }
        let (end, length) = (Int(nodes[object].next), name.count)
        let start = length > 0 ? name[0] : 0
        var key = object + 1
        while key < end {
            // Compares length and first byte first: most names differ in them.
            if Int(nodes[key].length) == length, length == 0 || bytes[Int(nodes[key].first)] == start,
                name.hasSameBytes(as: bytes.extracting(nodes[key].text))
            {
                return key + 1
            }
            key = Int(nodes[key + 1].next)
        }
        return nil
    }

    fileprivate func isString(_ text: Span<UInt8>, at index: Int) -> Bool {
        let (node, bytes) = (nodes[index], bytes)
        guard node.kind == .string, Int(node.length) == text.count else { return false }
        return text.hasSameBytes(as: bytes.span.extracting(node.text))
    }
}
