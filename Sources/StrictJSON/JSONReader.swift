/// Reads JSON text into a tape of nodes: one loop, an explicit stack, no recursion, every rule of RFC 7493 on the way.
struct JSONReader {
    var position = 0
    var nodes: [JSON.Node] = []
    /// The unescaped bytes of strings with escapes; they are appended to the source at the end.
    var unescaped: [UInt8] = []
    private var open: [Int32] = []
    let sourceCount: Int
    let refusesInexactNumbers: Bool
    var hasInexactNumbers = false
    /// The cost of reading and sorting so far, beyond nodes and bytes, and its limit, in steps.
    private var steps = 0
    private let mostSteps: Int

    @inline(__always)
    private init(sourceCount: Int, limits: JSON.Limits, mostSteps: Int) {
        (self.sourceCount, self.mostSteps) = (sourceCount, mostSteps)
        refusesInexactNumbers = !limits.admitsInexactNumbers
        nodes.reserveCapacity(min(sourceCount / 8 + 4, 1024))
        open.reserveCapacity(16)
    }

    static func read(
        _ bytes: consuming [UInt8], limits: JSON.Limits, within work: inout WorkBudget
    ) throws(JSON.ParseError) -> JSON.Storage {
        guard bytes.count <= limits.bytes else {
            throw JSON.ParseError(rule: "the document is longer than \(limits.bytes) bytes", position: limits.bytes)
        }
        var reader = JSONReader(sourceCount: bytes.count, limits: limits, mostSteps: max(work.remaining, 0))
        try reader.document(bytes.span, limits)
        guard work.spend(reader.steps + reader.nodes.count * 4 + bytes.count >> 4) else { throw reader.tooCostly }
        if !reader.unescaped.isEmpty { bytes.append(contentsOf: reader.unescaped) }
        return JSON.Storage(bytes: bytes, nodes: reader.nodes, hasInexactNumbers: reader.hasInexactNumbers)
    }

    /// The tokens that may come next.
    private enum Expected { case value, valueOrEnd, nameOrEnd, name, separatorOrEnd }

    private mutating func document(_ source: Span<UInt8>, _ limits: JSON.Limits) throws(JSON.ParseError) {
        var expected = Expected.value
        while true {
            skipWhitespace(source)
            guard position < source.count else { throw error("the document ends too early") }
            let byte = source[position]
            switch expected {
            case .valueOrEnd where byte == UInt8(ascii: "]"), .nameOrEnd where byte == UInt8(ascii: "}"):
                try close(source)
            case .name, .nameOrEnd:
                guard byte == UInt8(ascii: "\"") else { throw error("a member's name in quotes was expected") }
                try string(source)
                try nameSeparator(source)
                expected = .value
                continue
            case .separatorOrEnd:
                let inObject = try innermostIsObject()
                if byte == (inObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    try close(source)
                } else if byte == UInt8(ascii: ",") {
                    position += 1
                    expected = inObject ? .name : .value
                    continue
                } else {
                    throw error(inObject ? "a comma or } was expected" : "a comma or ] was expected")
                }
            case .value, .valueOrEnd:
                if try value(source, depth: limits.depth) {
                    expected = try innermostIsObject() ? .nameOrEnd : .valueOrEnd
                    continue
                }
            }
            // A value is complete here.
            guard let container = open.last else { break }
            nodes[Int(container)].first += 1
            guard nodes.count <= limits.values else {
                throw JSON.ParseError(
                    rule: "the document has more than \(limits.values) values and names", position: position,
                    isTooCostly: true)
            }
            expected = .separatorOrEnd
        }
        skipWhitespace(source)
        guard position == source.count else { throw error("something stands after the end of the document") }
    }

    private func innermostIsObject() throws(JSON.ParseError) -> Bool {
        guard let container = open.last else { throw error("nothing is open here") }
        return nodes[Int(container)].kind == .object
    }

    /// Reads a scalar, or opens an array or object. Returns `true` if it opened one.
    private mutating func value(_ source: Span<UInt8>, depth: Int) throws(JSON.ParseError) -> Bool {
        switch source[position] {
        case UInt8(ascii: "\""): try string(source)
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard open.count < depth else { throw error("arrays and objects are nested deeper than \(depth)") }
            open.append(Int32(nodes.count))
            nodes.append(
                JSON.Node(
                    kind: source[position] == UInt8(ascii: "{") ? .object : .array, sourceStart: Int32(position)))
            position += 1
            return true
        case UInt8(ascii: "t"): try literal("true", .bool, true, source)
        case UInt8(ascii: "f"): try literal("false", .bool, false, source)
        case UInt8(ascii: "n"): try literal("null", .null, false, source)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number(source)
        case 0xEF where position == 0, 0xFE where position == 0, 0xFF where position == 0:
            throw error("a byte-order mark stands here: save it as UTF-8 without one")
        default: throw error("a value was expected")
        }
        return false
    }

    private mutating func close(_ source: Span<UInt8>) throws(JSON.ParseError) {
        guard let container = open.popLast() else { throw error("nothing is open here") }
        position += 1
        nodes[Int(container)].sourceEnd = Int32(position)
        nodes[Int(container)].next = Int32(nodes.count)
        if nodes[Int(container)].kind == .object { try refuseDuplicateNames(of: Int(container), source) }
    }

    private mutating func nameSeparator(_ source: Span<UInt8>) throws(JSON.ParseError) {
        skipWhitespace(source)
        guard position < source.count, source[position] == UInt8(ascii: ":") else {
            throw error("a colon was expected")
        }
        position += 1
    }

    private mutating func literal(
        _ text: StaticString, _ kind: JSON.Kind, _ flag: Bool, _ source: Span<UInt8>
    ) throws(JSON.ParseError) {
        let start = position
        let matches = text.withUTF8Buffer { expected in
            guard source.count - start >= expected.count else { return false }
            return unsafe zip(expected.indices, expected).allSatisfy { source[start + $0] == $1 }
        }
        guard matches else { throw error("a value was expected") }
        position += text.utf8CodeUnitCount
        append(kind, from: start, flag: flag)
    }

    mutating func append(_ kind: JSON.Kind, from start: Int, flag: Bool = false, number: Double = 0) {
        var node = JSON.Node(kind: kind, flag: flag, sourceStart: Int32(start), sourceEnd: Int32(position))
        node.number = number
        node.next = Int32(nodes.count + 1)
        nodes.append(node)
    }

    private mutating func skipWhitespace(_ source: Span<UInt8>) {
        while position < source.count {
            let byte = source[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            position += 1
        }
    }

    /// Counts work before it is done.
    mutating func spend(_ count: Int) throws(JSON.ParseError) {
        steps &+= count
        guard steps <= mostSteps else { throw tooCostly }
    }

    private var tooCostly: JSON.ParseError {
        JSON.ParseError(
            rule: "to read the document takes more work than it is given: it has too many long numbers or names",
            position: position, isTooCostly: true)
    }

    func error(_ rule: String, at place: Int? = nil) -> JSON.ParseError {
        JSON.ParseError(rule: rule, position: place ?? position)
    }
}
