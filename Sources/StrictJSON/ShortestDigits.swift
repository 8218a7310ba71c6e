/// The fewest decimal digits that read back as a double: 0.d1d2...dk x 10^n, d1 and dk not zero. Allocates nothing.
struct ShortestDigits {
    /// d1 to dk, in ASCII; the rest is unused.
    private(set) var digits = InlineArray<20, UInt8>(repeating: UInt8(ascii: "0"))
    /// k; 1 for zero.
    private(set) var count = 0
    /// n.
    private(set) var exponent = 0
    /// d1d2...dk as a number.
    private(set) var mantissa: UInt64 = 0

    /// - Parameter magnitude: A finite number, not negative.
    init(of magnitude: Double) {
        // Swift's description has them; only its layout differs.
        magnitude.description.withUTF8Span { read($0) }
    }

    private mutating func read(_ text: Span<UInt8>) {
        var (isAfterPoint, isAfterSign, sign, written, zeros) = (false, false, 1, 0, 0)
        for i in text.indices {
            let digit = text[i] &- UInt8(ascii: "0")
            if digit > 9 {
                switch text[i] {
                case UInt8(ascii: "."): isAfterPoint = true
                case UInt8(ascii: "-"): sign = -1
                case UInt8(ascii: "e"): isAfterSign = true
                default: break
                }
            } else if isAfterSign {
                written = written &* 10 &+ Int(digit)
            } else if digit > 0 || count > 0 {
                if !isAfterPoint { exponent += 1 }
                if digit == 0 {
                    zeros += 1
                } else {
                    while zeros > 0 {
                        append(0)
                        zeros -= 1
                    }
                    append(digit)
                }
            } else if isAfterPoint {
                exponent -= 1
            }
        }
        exponent += sign * written
        count = max(count, 1)
    }

    private mutating func append(_ digit: UInt8) {
        guard count < digits.count else { return }
        digits[count] = digit + UInt8(ascii: "0")
        count += 1
        mantissa = mantissa &* 10 &+ UInt64(digit)
    }
}
