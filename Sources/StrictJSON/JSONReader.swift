/// Reads JSON text into a tape of nodes: one loop, an explicit stack, no recursion, every rule of RFC 7493 on the way.
struct JSONReader {
    private var position = 0
    private var nodes: [JSON.Node] = []
    /// The unescaped bytes of strings with escapes; they are appended to the source at the end.
    private var unescaped: [UInt8] = []
    private var open: [Int32] = []
    private let sourceCount: Int
    private let refusesInexactNumbers: Bool
    private var hasInexactNumbers = false
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

    private mutating func append(_ kind: JSON.Kind, from start: Int, flag: Bool = false, number: Double = 0) {
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
    private mutating func spend(_ count: Int) throws(JSON.ParseError) {
        steps &+= count
        guard steps <= mostSteps else { throw tooCostly }
    }

    private var tooCostly: JSON.ParseError {
        JSON.ParseError(
            rule: "to read the document takes more work than it is given: it has too many long numbers or names",
            position: position, isTooCostly: true)
    }

    private func error(_ rule: String, at place: Int? = nil) -> JSON.ParseError {
        JSON.ParseError(rule: rule, position: place ?? position)
    }
}

// MARK: Strings

extension JSONReader {
    private mutating func string(_ source: Span<UInt8>) throws(JSON.ParseError) {
        let start = position
        position += 1
        while position < source.count {
            position = Self.endOfPlainRun(source, from: position)
            guard position < source.count else { break }
            let byte = source[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                appendString(from: start, first: start + 1, length: position - start - 2)
                return
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(source, from: start) }
            try plainScalar(byte, source)
        }
        throw error("the string that starts at byte \(start) has no end")
    }

    /// Returns the first position at or after `start` that needs a closer look: a quote, a backslash, a control
    /// character or a byte beyond ASCII. Reads eight bytes at a time, since most of a token is plain text.
    private static func endOfPlainRun(_ source: Span<UInt8>, from start: Int) -> Int {
        var position = start
        let (ones, highs): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
        let bytes = unsafe source.bytes
        while source.count - position >= 8 {
            // SAFETY: the eight bytes are inside the span; every bit pattern is a number.
            let word = unsafe UInt64(
                littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self))
            let quotes = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
            let backslashes = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
            // A difference borrows from the byte above only if its own byte marks, so the lowest mark is always true.
            let marks =
                word | ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes)
                | ((word &- ones &* 0x20) & ~word)
            if marks & highs != 0 { return position + (marks & highs).trailingZeroBitCount / 8 }
            position += 8
        }
        while position < source.count {
            let byte = source[position]
            guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { break }
            position += 1
        }
        return position
    }

    /// Continues with a string whose first escape is at `position`.
    private mutating func escapedString(_ source: Span<UInt8>, from start: Int) throws(JSON.ParseError) {
        let first = unescaped.count
        for i in start + 1..<position { unescaped.append(source[i]) }
        while position < source.count {
            let byte = source[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                appendString(from: start, first: sourceCount + first, length: unescaped.count - first)
                return
            }
            if byte == UInt8(ascii: "\\") {
                try escape(source)
            } else {
                let from = position
                try plainScalar(byte, source)
                for i in from..<position { unescaped.append(source[i]) }
            }
        }
        throw error("the string that starts at byte \(start) has no end")
    }

    private mutating func appendString(from start: Int, first: Int, length: Int) {
        var node = JSON.Node(kind: .string, sourceStart: Int32(start), sourceEnd: Int32(position))
        node.first = Int32(clamping: first)
        node.length = Int32(clamping: length)
        node.next = Int32(nodes.count + 1)
        nodes.append(node)
    }

    /// Steps over one unescaped scalar: well-formed UTF-8 only (RFC 3629), no control character.
    private mutating func plainScalar(_ byte: UInt8, _ source: Span<UInt8>) throws(JSON.ParseError) {
        if byte < 0x80 {
            guard byte >= 0x20 else { throw error("a control character stands in a string unescaped") }
            position += 1
            return
        }
        guard let length = UTF8Check.sequenceLength(source, at: position) else {
            throw error("a string is not well-formed UTF-8")
        }
        position += length
    }

    private mutating func escape(_ source: Span<UInt8>) throws(JSON.ParseError) {
        let start = position
        guard position + 1 < source.count else { throw error("an escape has no end") }
        let byte = source[position + 1]
        position += 2
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unescaped.append(byte)
        case UInt8(ascii: "b"): unescaped.append(0x08)
        case UInt8(ascii: "f"): unescaped.append(0x0C)
        case UInt8(ascii: "n"): unescaped.append(0x0A)
        case UInt8(ascii: "r"): unescaped.append(0x0D)
        case UInt8(ascii: "t"): unescaped.append(0x09)
        case UInt8(ascii: "u"): try unicodeEscape(source, from: start)
        default: throw error("there is no such escape", at: start)
        }
    }

    private mutating func unicodeEscape(_ source: Span<UInt8>, from start: Int) throws(JSON.ParseError) {
        var code = try fourHexDigits(source)
        if (0xD800...0xDBFF).contains(code) {
            guard position + 1 < source.count, source[position] == UInt8(ascii: "\\"),
                source[position + 1] == UInt8(ascii: "u")
            else { throw error("a lone surrogate is not a character", at: start) }
            position += 2
            let low = try fourHexDigits(source)
            guard (0xDC00...0xDFFF).contains(low) else { throw error("a lone surrogate is not a character", at: start) }
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw error("a lone surrogate is not a character", at: start) }
        unescaped.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }

    private mutating func fourHexDigits(_ source: Span<UInt8>) throws(JSON.ParseError) -> UInt32 {
        guard source.count - position >= 4 else { throw error("four hexadecimal digits were expected") }
        var code: UInt32 = 0
        for _ in 0..<4 {
            let byte = source[position]
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw error("four hexadecimal digits were expected")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }

    /// RFC 7493 section 2.3. A few names are compared pair by pair; many are sorted first.
    private mutating func refuseDuplicateNames(of container: Int, _ source: Span<UInt8>) throws(JSON.ParseError) {
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

// MARK: Numbers

extension JSONReader {
    private mutating func number(_ source: Span<UInt8>) throws(JSON.ParseError) {
        let start = position
        var decimal = DecimalLiteral()
        try decimal.read(source, from: &position)
        if decimal.steps > 0 { try spend(decimal.steps + (position - start) >> 2) }
        guard let value = decimal.value(in: source, from: start, to: position) else {
            guard !refusesInexactNumbers else {
                throw error("no double-precision number is this large or this close to zero (RFC 7493, 2.2)", at: start)
            }
            append(.number, from: start, number: decimal.nearest(in: source, from: start, to: position))
            return markInexact()
        }
        append(.number, from: start, flag: decimal.isInteger, number: value)
        // A later reader of the text would act on another number than the one checked here (AAT section 3.4).
        guard !decimal.denotes(value, in: source, from: start, to: position) else { return }
        guard !refusesInexactNumbers else {
            throw error(
                "a number has more digits than double precision keeps (AAT section 3.4): send it as a string", at: start
            )
        }
        markInexact()
    }

    /// Marks the last number read as inexact.
    private mutating func markInexact() {
        nodes[nodes.count - 1].first = 1
        hasInexactNumbers = true
    }
}
