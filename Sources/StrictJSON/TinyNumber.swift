/// A subnormal number of few digits, such as `5e-324`. The general way to read and write it is slow, and a document can
/// hold many of them.
///
/// The doubles here are small multiples of the least double, 4.94e-324, and the decimals end near there too; both are
/// counted in units of 1e-324.
struct TinyNumber {
    /// The nearest double; zero if that is nearer than any other.
    let magnitude: Double
    /// Whether this decimal is the shortest that reads back as this double.
    let isShortest: Bool

    /// The least double, 2^-1074, in units of 1e-324.
    private static let least = 4.9406564584124654
    /// The margin within which the arithmetic here does not decide; its errors are at most 1e-7.
    private static let margin = 1e-6

    /// `nil` if the number is not that small, has too many digits, or lies so close to the middle between two doubles
    /// that only exact arithmetic can tell.
    init?(_ mantissa: UInt64, _ exponent: Int, digits: Int) {
        guard digits <= 9, (-324...(-316)).contains(exponent) else { return nil }
        let units = Double(mantissa) * DecimalLiteral.powersOfTen[exponent + 324]
        guard units < 1e9 else { return nil }
        let steps = units / Self.least
        let count = steps.rounded()
        guard abs(abs(steps - count) - 0.5) > Self.margin else { return nil }
        magnitude = Double(bitPattern: UInt64(count))
        // The roundest decimal that is nearer to this double than to any other.
        let exact = count * Self.least
        for power in stride(from: 9, through: 0, by: -1) {
            let unit = DecimalLiteral.powersOfTen[power]
            let decimal = (exact / unit).rounded() * unit
            let distance = abs(decimal - exact) - Self.least / 2
            guard abs(distance) > Self.margin else { return nil }
            if distance < 0 {
                isShortest = decimal == units
                return
            }
        }
        isShortest = false
    }
}
