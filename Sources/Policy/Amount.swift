package import StrictJSON

/// An exact amount: so many of the smallest part of a unit, whose digits after the point the budget declares. Never
/// negative, never a floating-point number; sums that do not fit are not made.
package struct Amount: Sendable, Equatable, Comparable {
    /// In units of 10^-scale.
    package let units: Int64

    package init?(units: Int64) {
        guard units >= 0 else { return nil }
        self.units = units
    }

    package static let zero = Amount(0)

    private init(_ units: Int64) { self.units = units }

    /// Why a text is not an amount.
    package enum Fault: Error, Sendable {
        /// It is not digits with at most one point among them.
        case notDecimal
        /// It has more digits after the point than the scale.
        case tooFine
        /// It does not fit 64 bits.
        case tooLarge
    }

    /// Reads decimal digits, e.g. `12.50`: no sign, no exponent, no superfluous zeros in front. Zeros after
    /// the last digit change nothing.
    package init(_ text: borrowing Span<UInt8>, scale: Int) throws(Fault) {
        guard (1...64).contains(text.count), text[0] &- 48 <= 9,
            text[0] != 48 || text.count == 1 || text[1] == UInt8(ascii: ".")
        else { throw .notDecimal }
        // All of it is read before it is said to be too fine or too large: what is not an amount is never that.
        var fault: Fault?
        var (units, fraction): (Int64, Int?) = (0, nil)
        var i = 0
        while i < text.count {
            let byte = text[i]
            i += 1
            if byte == UInt8(ascii: "."), fraction == nil, i < text.count {
                fraction = 0
                continue
            }
            guard byte &- 48 <= 9 else { throw .notDecimal }
            if let digits = fraction {
                if digits >= scale {
                    if byte != 48, fault == nil { fault = .tooFine }
                    continue
                }
                fraction = digits + 1
            }
            guard fault == nil else { continue }
            do throws(Fault) { units = try Self.shifted(units, Int64(byte - 48)) } catch { fault = error }
        }
        if let fault { throw fault }
        for _ in (fraction ?? 0)..<max(scale, fraction ?? 0) { units = try Self.shifted(units, 0) }
        self.units = units
    }

    /// Reads decimal digits; those beyond the scale are rounded up.
    package init(roundingUp text: borrowing Span<UInt8>, scale: Int) throws(Fault) {
        guard text.count <= 64 else { throw .notDecimal }
        var (end, isMore) = (text.count, false)
        for i in 0..<text.count where text[i] == UInt8(ascii: ".") {
            end = min(end, scale == 0 ? i : i + 1 + scale)
            for rest in end..<text.count where rest != i {
                guard text[rest] &- 48 <= 9 else { throw .notDecimal }
                if text[rest] != 48 { isMore = true }
            }
            guard i + 1 < text.count else { throw .notDecimal }
            break
        }
        let whole = try Amount(text.extracting(0..<end), scale: scale)
        guard let sum = isMore ? whole.adding(Amount(1)) : whole else { throw .tooLarge }
        self = sum
    }

    private static func shifted(_ units: Int64, _ digit: Int64) throws(Fault) -> Int64 {
        let (tens, isTooLarge) = units.multipliedReportingOverflow(by: 10)
        let (sum, overflows) = tens.addingReportingOverflow(digit)
        guard !isTooLarge, !overflows else { throw .tooLarge }
        return sum
    }

    /// Reads an amount from a document: a text, or a number with the digits that it was written with.
    package init(_ value: JSON.Value, scale: Int, roundingUp rounds: Bool = false) throws(Fault) {
        func read(_ digits: borrowing Span<UInt8>) -> Result<Amount, Fault> {
            do throws(Fault) {
                return .success(
                    try rounds ? Amount(roundingUp: digits, scale: scale) : Amount(digits, scale: scale))
            } catch { return .failure(error) }
        }
        switch value.kind {
        case .string: self = try value.withUTF8 { read($0) }.get()
        case .number:
            let source = value.source
            self = try read(source.span).get()
        case .null, .bool, .array, .object: throw .notDecimal
        }
    }

    /// The sum; `nil` where it does not fit.
    package func adding(_ other: Amount) -> Amount? {
        let (sum, overflows) = units.addingReportingOverflow(other.units)
        return overflows ? nil : Amount(sum)
    }

    /// The difference; `nil` where it would be below zero.
    package func subtracting(_ other: Amount) -> Amount? { units >= other.units ? Amount(units - other.units) : nil }

    package static func < (one: Amount, other: Amount) -> Bool { one.units < other.units }

    /// As decimal text with all digits of the scale.
    package func text(scale: Int) -> String {
        let digits = Array("\(units)".utf8)
        guard scale > 0 else { return String(decoding: digits, as: UTF8.self) }
        let padded = Array(repeating: UInt8(ascii: "0"), count: max(0, scale + 1 - digits.count)) + digits
        return String(decoding: padded.dropLast(scale) + [UInt8(ascii: ".")] + padded.suffix(scale), as: UTF8.self)
    }
}
