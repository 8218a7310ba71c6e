import StrictJSON
import Testing

@Suite struct NumberTests {
    /// The digits without sign and without zeros at their ends, and the power of ten that goes with them.
    private struct Decimal: Equatable {
        var digits = ""
        var exponent = 0

        init(_ text: String) {
            let parts = text.split(separator: "e")
            exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
            let halves = parts[0].split(separator: ".")
            if halves.count > 1 { exponent -= halves[1].utf8.count }
            digits = String(halves.joined().drop { $0 == "-" || $0 == "0" })
            while digits.last == "0" {
                digits.removeLast()
                exponent += 1
            }
        }
    }

    /// A number is read if, and only if, it is no other number once it was read and written again.
    private func check(_ text: String) {
        let read = (try? JSON(parsing: text))?.root.number
        let nearest = Double(text) ?? 0
        let isKept = nearest != 0 && Decimal(text) == Decimal(nearest.description)
        #expect(read == (isKept ? nearest : nil), "\(text)")
    }

    @Test func tinyNumbersAreReadIfTheyAreKept() {
        for exponent in -330...(-300) {
            for digits in 1...60 { check("\(digits)e\(exponent)") }
            for _ in 0..<60 { check("\(Int.random(in: 1...(1 << Int.random(in: 1...54))))e\(exponent)") }
        }
    }

    @Test func everySubnormalNumberIsReadAsItIsWritten() throws {
        let bits = (1...400).map { UInt64($0) } + (0..<400).map { _ in UInt64.random(in: 1..<1 << 53) }
        for bits in bits {
            let value = Double(bitPattern: bits)
            let text = value.description
            let json = try JSON(parsing: text)
            #expect(json.root.number?.bitPattern == bits)
            #expect(Decimal(String(decoding: json.root.canonical(), as: UTF8.self)) == Decimal(text))
            // Its neighbours in the last digit, most of which are not kept.
            let decimal = Decimal(text)
            guard let digits = Int(decimal.digits) else { continue }
            for other in [digits - 1, digits + 1] where other > 0 { check("\(other)e\(decimal.exponent)") }
        }
    }

    @Test func everyNumberIsWrittenInTheDigitsThatReadBackAsIt() throws {
        for _ in 0..<4000 {
            let value = Double(bitPattern: UInt64.random(in: 0...UInt64.max))
            guard value.isFinite, value != 0 else { continue }
            let text = value.description
            let json = try JSON(parsing: text)
            #expect(json.root.number == value)
            let written = String(decoding: json.root.canonical(), as: UTF8.self)
            #expect(Double(written) == value && Decimal(written) == Decimal(text), "\(text)")
        }
    }
}
