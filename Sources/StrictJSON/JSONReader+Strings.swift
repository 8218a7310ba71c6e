// Strings: well-formed UTF-8 (RFC 3629) and the escapes of RFC 8259, section 7.
extension JSONReader {
    /// Reads the string whose opening quote is at `position`.
    mutating func string(_ source: Span<UInt8>) throws(JSON.ParseError) {
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
        throw error("the string has no end", at: start)
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
        throw error("the string has no end", at: start)
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
}
