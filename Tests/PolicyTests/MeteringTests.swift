import Policy
import StrictJSON
import Testing

/// Rates and amounts: pure arithmetic.
@Suite struct MeteringTests {
    /// A generator that repeats itself.
    struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }

    @Test func aRateIsTakenUpToItsBurstAndThenAfterTheTimeThatItNames() throws {
        var random = Seeded(state: 7)
        for _ in 0..<2000 {
            let calls = Int64.random(in: 1...200, using: &random)
            let period = Int64.random(in: 1...1_000_000, using: &random)
            let burst = Int64.random(in: 1...calls, using: &random)
            let meter = try #require(Rate(calls: calls, period: period, burst: burst)).meter
            let now: Int64 = 1_700_000_000_000
            var word: UInt64 = 0
            for left in (0..<burst).reversed() {
                guard case .taken(let next) = meter.take(from: word, now: now) else {
                    Issue.record("a burst was not given whole")
                    return
                }
                word = next
                #expect(meter.left(in: word, now: now) == left)
            }
            guard case .wait(let wait) = meter.take(from: word, now: now) else {
                Issue.record("more than a burst was given")
                return
            }
            if case .taken = meter.take(from: word, now: now + wait - 1) { Issue.record("it could be taken before") }
            guard case .taken(let next) = meter.take(from: word, now: now + wait) else {
                Issue.record("it could not be taken then")
                return
            }
            #expect(meter.take(from: meter.giveBack(to: next), now: now + wait) == .taken(next))
        }
    }

    @Test func noRateIsBeyondTheLimits() throws {
        #expect(Rate(calls: 0, period: 1) == nil && Rate(calls: 1, period: 0) == nil)
        #expect(Rate(calls: 2, period: 1, burst: 3) == nil && Rate(calls: 2, period: 1, burst: 0) == nil)
        #expect(Rate(calls: PolicyLimits.calls, period: PolicyLimits.longest) != nil)
        #expect(Rate(calls: PolicyLimits.calls + 1, period: 1000) == nil)
        #expect(Rate(calls: 499_979, period: PolicyLimits.longest - 1) != nil)
    }

    private func amount(_ text: String, _ scale: Int) -> Amount? {
        let bytes = Array(text.utf8)
        return try? Amount(bytes.span, scale: scale)
    }

    @Test func amountsAreExact() {
        #expect(amount("5", 2)?.units == 500 && amount("5.0", 2)?.units == 500 && amount("0.05", 2)?.units == 5)
        #expect(amount("5.000", 2)?.units == 500 && amount("5.001", 2) == nil)
        #expect(amount("9223372036854775807", 0)?.units == .max && amount("9223372036854775808", 0) == nil)
        #expect(amount("92233720368547758.07", 2)?.units == .max && amount("92233720368547758.08", 2) == nil)
        for wrong in ["", ".", "5.", ".5", "-5", "+5", "5e3", "05", "5,0", "5 ", "0x5", "5.0.0", "٥"] {
            #expect(amount(wrong, 2) == nil, "\(wrong)")
        }
        #expect(Amount(units: 5)?.text(scale: 2) == "0.05" && Amount(units: 500)?.text(scale: 2) == "5.00")
        #expect(Amount(units: .max)?.adding(Amount.zero)?.units == .max)
        #expect(Amount(units: .max).flatMap { one in Amount(units: 1).flatMap { one.adding($0) } } == nil)
        #expect(Amount.zero.subtracting(Amount(units: 1) ?? .zero) == nil && Amount(units: -1) == nil)
    }

    /// What does not fit may stand for an amount that empties a budget; what is no amount stands for none.
    @Test func whatIsNoAmountIsNeverTooLargeOrTooFine() {
        for text in ["99999999999999999999x", "99999999999999999999-;", "1.999x", "9999999999999999999999.9.9"] {
            let bytes = Array(text.utf8)
            let fault = #expect(throws: Amount.Fault.self, "\(text)") { try Amount(bytes.span, scale: 2) }
            #expect(fault == .notDecimal, "\(text)")
            let up = #expect(throws: Amount.Fault.self, "\(text)") { try Amount(roundingUp: bytes.span, scale: 2) }
            #expect(up == .notDecimal, "\(text)")
        }
        for (text, expected) in [("99999999999999999999", Amount.Fault.tooLarge), ("1.999", .tooFine)] {
            let bytes = Array(text.utf8)
            let fault = #expect(throws: Amount.Fault.self) { try Amount(bytes.span, scale: 2) }
            #expect(fault == expected)
        }
    }

    @Test func anAmountInACallIsReadAsItIsWritten() throws {
        let call = try JSON(parsing: #"{"a":12.50,"b":"12.50","c":0.1,"d":1e3,"e":null,"f":-1,"g":1200}"#).root
        func read(_ name: String) throws -> Int64? { try? Amount(#require(call[name]), scale: 2).units }
        #expect(try read("a") == 1250 && read("b") == 1250 && read("c") == 10 && read("g") == 120_000)
        #expect(try read("d") == nil && read("e") == nil && read("f") == nil)
    }
}
