/// Writes JSON in its canonical form, the JSON Canonicalization Scheme (RFC 8785).
public enum JCS {
    /// Appends a string in quotes, with only the escapes of RFC 8785 section 3.2.2.2. `utf8` must be well-formed.
    public static func appendString(_ utf8: Span<UInt8>, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        unsafe utf8.withUnsafeBufferPointer { utf8 in
            var (start, i) = (0, 0)
            while i < utf8.count {
                let byte = unsafe utf8[i]
                if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                    unsafe output.append(contentsOf: utf8[start..<i])
                    appendEscape(of: byte, to: &output)
                    start = i &+ 1
                }
                i &+= 1
            }
            unsafe output.append(contentsOf: utf8[start...])
        }
        output.append(UInt8(ascii: "\""))
    }

    static func append(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
        unsafe bytes.withUnsafeBufferPointer { unsafe output.append(contentsOf: $0) }
    }

    /// Appends a string in quotes; as ``appendString(_:to:)-(Span<UInt8>,_)``.
    public static func appendString(_ text: String, to output: inout [UInt8]) {
        text.withUTF8Span { appendString($0, to: &output) }
    }

    private static func appendEscape(of byte: UInt8, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: output.append(UInt8(ascii: "b"))
        case 0x09: output.append(UInt8(ascii: "t"))
        case 0x0A: output.append(UInt8(ascii: "n"))
        case 0x0C: output.append(UInt8(ascii: "f"))
        case 0x0D: output.append(UInt8(ascii: "r"))
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(byte)
        default:
            output.append(contentsOf: byte < 0x10 ? "u000".utf8 : "u001".utf8)
            output.append(byte & 15 + (byte & 15 < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10))
        }
    }

    /// Appends an integer.
    public static func appendInt(_ value: Int, to output: inout [UInt8]) {
        if (0...9).contains(value) {
            output.append(UInt8(ascii: "0") + UInt8(value))
        } else {
            appendDigits(of: value.magnitude, isNegative: value < 0, to: &output)
        }
    }

    private static func appendDigits(of magnitude: UInt, isNegative: Bool, to output: inout [UInt8]) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var (rest, first) = (magnitude, digits.count)
        while rest > 0, first > 0 {
            first -= 1
            digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        if isNegative { output.append(UInt8(ascii: "-")) }
        append(digits.span.extracting(first..<digits.count), to: &output)
    }

    /// Appends a finite number as ECMAScript's `Number::toString` does (RFC 8785 section 3.2.2.3).
    public static func appendNumber(_ value: Double, to output: inout [UInt8]) {
        if value.magnitude <= 0x1p53, let integer = Int(exactly: value) { return appendInt(integer, to: &output) }
        if value < 0 { output.append(UInt8(ascii: "-")) }
        let shortest = ShortestDigits(of: value.magnitude)
        let (count, exponent) = (shortest.count, shortest.exponent)
        func write(_ range: Range<Int>) { append(shortest.digits.span.extracting(range), to: &output) }
        switch exponent {
        case count...21:
            write(0..<count)
            output.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: exponent - count))
        case 1..<max(count, 2) where exponent < count:
            write(0..<exponent)
            output.append(UInt8(ascii: "."))
            write(exponent..<count)
        case -5...0:
            output.append(contentsOf: "0.".utf8)
            output.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: -exponent))
            write(0..<count)
        default:
            write(0..<1)
            if count > 1 {
                output.append(UInt8(ascii: "."))
                write(1..<count)
            }
            output.append(contentsOf: (exponent > 0 ? "e+" : "e-").utf8)
            appendInt(abs(exponent - 1), to: &output)
        }
    }

    /// Whether one name sorts before another: by UTF-16 code units (RFC 8785 section 3.2.3), compared in UTF-8.
    ///
    /// The two orders differ only where surrogate pairs (lead bytes F0-F4) meet U+E000-U+FFFF (EE, EF).
    static func precedes(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
        let shared = min(a.count, b.count)
        var i = 0
        while i < shared {
            if a[i] != b[i] { return rank(a[i]) < rank(b[i]) }
            i += 1
        }
        return a.count < b.count
    }

    static func rank(_ byte: UInt8) -> UInt8 { byte == 0xEE || byte == 0xEF ? byte + 0x10 : byte }
}
