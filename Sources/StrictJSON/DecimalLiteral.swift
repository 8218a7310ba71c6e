/// The decimal text of a JSON number, before it is converted to a `Double`.
struct DecimalLiteral {
    private var mantissa: UInt64 = 0
    private var digits = 0
    private var exponent = 0
    private var isNegative = false
    private(set) var isInteger = true

    /// Reads one number (RFC 8259 section 6) and leaves `position` after it.
    mutating func read(_ source: Span<UInt8>, from position: inout Int) throws(JSON.ParseError) {
        if position < source.count, source[position] == UInt8(ascii: "-") {
            isNegative = true
            position += 1
        }
        let first = position
        try readDigits(source, &position)
        guard source[first] != UInt8(ascii: "0") || position == first + 1 else {
            throw JSON.ParseError(rule: "a number starts with a superfluous zero", position: first)
        }
        if position < source.count, source[position] == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            let before = position
            try readDigits(source, &position)
            exponent -= position - before
        }
        if position < source.count, source[position] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            position += 1
            try readExponent(source, &position)
        }
    }

    private mutating func readDigits(_ source: Span<UInt8>, _ position: inout Int) throws(JSON.ParseError) {
        let start = position
        while position < source.count, case let digit = source[position] &- UInt8(ascii: "0"), digit <= 9 {
            if digits > 0 || digit > 0 { digits += 1 }
            if digits <= 19 { mantissa = mantissa &* 10 &+ UInt64(digit) }
            position += 1
        }
        guard position > start else { throw JSON.ParseError(rule: "a digit was expected", position: position) }
    }

    private mutating func readExponent(_ source: Span<UInt8>, _ position: inout Int) throws(JSON.ParseError) {
        var sign = 1
        if position < source.count, source[position] == UInt8(ascii: "+") || source[position] == UInt8(ascii: "-") {
            if source[position] == UInt8(ascii: "-") { sign = -1 }
            position += 1
        }
        let start = position
        var written = 0
        while position < source.count, case let digit = source[position] &- UInt8(ascii: "0"), digit <= 9 {
            written = min(written * 10 + Int(digit), 1_000_000)
            position += 1
        }
        guard position > start else { throw JSON.ParseError(rule: "a digit was expected", position: position) }
        exponent += sign * written
    }

    /// Whether `value`, the nearest double, is written canonically as this same number (AAT section 3.4, "admissible").
    func denotes(_ value: Double, in source: Span<UInt8>, from start: Int, to end: Int) -> Bool {
        if digits == 0 { return true }
        // A number of up to fifteen digits always comes back, and so does an integer to 2^53. Subnormal numbers are
        // 4.94e-324 apart: a decimal that ends before that comes back too.
        if digits <= 15, exponent >= -322 || value.isNormal { return true }
        if isInteger, digits <= 19, mantissa <= 1 << 53 { return true }
        if let tiny = TinyNumber(mantissa, exponent, digits: digits) { return tiny.isShortest }
        let shortest = ShortestDigits(of: value.magnitude)
        if digits <= 19 { return shortened == (shortest.mantissa, shortest.exponent - shortest.count) }
        guard shortest.exponent == digits + exponent else { return false }
        var (place, isLeading) = (0, true)
        for i in start..<end {
            let byte = source[i]
            if byte | 0x20 == UInt8(ascii: "e") { break }
            let digit = byte &- UInt8(ascii: "0")
            guard digit <= 9, !isLeading || digit > 0 else { continue }
            isLeading = false
            let expected = place < shortest.count ? shortest.digits[place] : UInt8(ascii: "0")
            guard byte == expected else { return false }
            place += 1
        }
        return place >= shortest.count
    }

    /// The digits without trailing zeros, if at most 19 remain, and the matching exponent.
    private var shortened: (digits: UInt64, exponent: Int) {
        var (rest, power) = (mantissa, exponent)
        while rest > 0, rest % 10 == 0 { (rest, power) = (rest / 10, power + 1) }
        return (rest, power)
    }

    /// The cost of reading and writing the number, beyond its bytes, in steps: some 200 ns each unless it is a short
    /// integer.
    var steps: Int { isInteger && digits <= 15 ? 0 : digits <= 15 ? 100 : 150 }

    /// The nearest double; `nil` if that would be infinite, or zero for a number that is not zero.
    func value(in source: Span<UInt8>, from start: Int, to end: Int) -> Double? {
        if digits == 0 { return 0 }
        // Both are exact as doubles, so one operation rounds once and correctly.
        if digits <= 19, mantissa <= 1 << 53, exponent.magnitude <= 22 {
            let power = Self.powersOfTen[Int(exponent.magnitude)]
            let magnitude = exponent < 0 ? Double(mantissa) / power : Double(mantissa) * power
            return isNegative ? -magnitude : magnitude
        }
        if let tiny = TinyNumber(mantissa, exponent, digits: digits) {
            return tiny.magnitude == 0 ? nil : isNegative ? -tiny.magnitude : tiny.magnitude
        }
        let text = unsafe source.extracting(start..<end).withUnsafeBufferPointer {
            unsafe String(decoding: $0, as: UTF8.self)
        }
        guard let value = Double(text), value.isFinite, value != 0 else { return nil }
        return value
    }

    /// The substitute for a number that ``value(in:from:to:)`` cannot return: zero if it is that close to zero; NaN,
    /// which equals no number, if it is too large.
    func nearest(in source: Span<UInt8>, from start: Int, to end: Int) -> Double {
        let text = unsafe source.extracting(start..<end).withUnsafeBufferPointer {
            unsafe String(decoding: $0, as: UTF8.self)
        }
        return Double(text) == 0 ? 0 : .nan
    }

    static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]
}
