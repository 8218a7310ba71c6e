internal import StrictJSON

/// A decimal number as text, compared exactly, digit by digit: money is not a binary fraction.
struct Decimal: Sendable, Equatable {
    static let longest = 256

    /// The text as written: `-` if negative, digits without leading zeros, and an optional fraction.
    let text: String
    private let bytes: [UInt8]
    var length: Int { bytes.count }

    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard Parts(bytes.span) != nil else { return nil }
        (self.text, self.bytes) = (text, bytes)
    }

    /// The ranges of a decimal's digits.
    struct Parts {
        let isNegative: Bool
        let whole: Range<Int>
        let fraction: Range<Int>

        /// Reads a decimal of at most 256 bytes, in the form of a JSON number without exponent; `nil` for anything
        /// else.
        init?(_ text: Span<UInt8>) {
            guard (1...Decimal.longest).contains(text.count) else { return nil }
            var position = text[0] == UInt8(ascii: "-") ? 1 : 0
            let start = position
            while position < text.count, text[position] &- 48 <= 9 { position += 1 }
            guard position > start, position == start + 1 || text[start] != 48 else { return nil }
            whole = start..<position
            var end = position
            if position < text.count {
                guard text[position] == UInt8(ascii: "."), position + 1 < text.count else { return nil }
                position += 1
                while position < text.count, text[position] &- 48 <= 9 { position += 1 }
                guard position == text.count else { return nil }
                end = position
                // Zeros after the last digit change nothing.
                while text[end - 1] == 48 { end -= 1 }
                fraction = whole.upperBound + 1..<max(end, whole.upperBound + 1)
            } else {
                fraction = position..<position
            }
            let isZero = whole.count == 1 && text[start] == 48 && fraction.isEmpty
            isNegative = start == 1 && !isZero
        }
    }

    /// -1, 0 or 1 as `text` is below, equal to or above this; `nil` if it is not a decimal. Allocates nothing.
    func compared(to text: Span<UInt8>) -> Int? {
        let bytes = bytes
        guard let own = Parts(bytes.span), let other = Parts(text) else { return nil }
        guard own.isNegative == other.isNegative else { return other.isNegative ? -1 : 1 }
        let magnitude = Self.order(text, other, bytes.span, own)
        return own.isNegative ? -magnitude : magnitude
    }

    func compared(to other: Decimal) -> Int {
        let bytes = other.bytes
        return compared(to: bytes.span) ?? 0
    }

    /// -1, 0 or 1 as the magnitude of `a` is below, equal to or above that of `b`.
    private static func order(_ a: Span<UInt8>, _ x: Parts, _ b: Span<UInt8>, _ y: Parts) -> Int {
        if x.whole.count != y.whole.count { return x.whole.count < y.whole.count ? -1 : 1 }
        for i in 0..<x.whole.count {
            let (p, q) = (a[x.whole.lowerBound + i], b[y.whole.lowerBound + i])
            if p != q { return p < q ? -1 : 1 }
        }
        for i in 0..<min(x.fraction.count, y.fraction.count) {
            let (p, q) = (a[x.fraction.lowerBound + i], b[y.fraction.lowerBound + i])
            if p != q { return p < q ? -1 : 1 }
        }
        if x.fraction.count == y.fraction.count { return 0 }
        return x.fraction.count < y.fraction.count ? -1 : 1
    }

    static func == (a: Decimal, b: Decimal) -> Bool { a.compared(to: b) == 0 }
}

/// The `decimal_range` constraint: a decimal string between bounds, both inclusive, each optional but not both.
struct DecimalRange: Sendable, Equatable {
    var min: Decimal?
    var max: Decimal?

    /// The cost of comparing a text of `count` bytes with the bounds, in steps.
    func cost(of count: Int) -> Int {
        8 + (Swift.min(count, Decimal.longest) + (min?.length ?? 0) + (max?.length ?? 0)) * 2
    }

    func contains(_ text: Span<UInt8>) -> Bool {
        guard Decimal.Parts(text) != nil else { return false }
        if let min, min.compared(to: text).map({ $0 < 0 }) ?? true { return false }
        if let max, max.compared(to: text).map({ $0 > 0 }) ?? true { return false }
        return true
    }

    /// Whether every bound of `child` is at least as tight.
    func subsumes(_ child: DecimalRange) -> Bool {
        if let min { guard let low = child.min, min.compared(to: low) >= 0 else { return false } }
        if let max { guard let high = child.max, max.compared(to: high) <= 0 else { return false } }
        return true
    }

    /// The intersection; `nil` if it is empty.
    func meet(_ other: DecimalRange) -> DecimalRange? {
        var both = self
        if let low = other.min, both.min.map({ $0.compared(to: low) > 0 }) ?? true { both.min = low }
        if let high = other.max, both.max.map({ $0.compared(to: high) < 0 }) ?? true { both.max = high }
        if let low = both.min, let high = both.max, low.compared(to: high) < 0 { return nil }
        return both
    }
}
