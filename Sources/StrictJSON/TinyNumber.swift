/// A subnormal number of few digits, such as `5e-324`: a document holds many of them, and each is dear to read and to write by
/// what reads and writes every number.
///
/// The numbers here are small multiples of the least double, 4.94e-324, and so is a decimal that ends there; both are counted
/// in units of 1e-324.
struct TinyNumber {
    /// The nearest double; zero where that is nearer than any other.
    let magnitude: Double
    /// Whether the decimal is the one of fewest digits that reads back as this double.
    let isShortest: Bool

    /// The least double, 2^-1074, in units of 1e-324.
    private static let least = 4.9406564584124654
    /// What the arithmetic here is further from than its errors, 1e-7 at most.
    private static let margin = 1e-6

    /// `nil` where the number is not that small, has too many digits, or lies so close to the middle between two doubles that
    /// only exact arithmetic can tell.
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
