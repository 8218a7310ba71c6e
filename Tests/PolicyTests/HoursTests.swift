import Policy
import StrictJSON
import Testing

/// Hours of the week in a time zone.
@Suite struct HoursTests {
    private func hours(_ text: String) throws -> Hours {
        let policy = try policy(#"{"version":1,"rules":[{"id":"h","match":"t","hours":"\#(text)"}]}"#)
        guard case .hours(let hours) = policy.rules[0].effect else { throw PolicyDocumentTests.Unexpected() }
        return hours
    }

    @Test func summerTimeMovesThem() throws {
        let hours = try hours("Mon-Fri 08:00-18:00 Europe/Berlin")
        // 2026-07-01 and 2026-12-01 are a Wednesday and a Tuesday; Berlin is two hours ahead, then one.
        let (summer, winter): (Int64, Int64) = (1_782_864_000_000, 1_796_083_200_000)
        let hour: Int64 = 3_600_000
        #expect(!hours.contain(summer + 6 * hour - 1) && hours.contain(summer + 6 * hour))
        #expect(hours.contain(summer + 16 * hour - 1) && !hours.contain(summer + 16 * hour))
        #expect(!hours.contain(winter + 7 * hour - 1) && hours.contain(winter + 7 * hour))
        #expect(hours.contain(winter + 17 * hour - 1) && !hours.contain(winter + 17 * hour))
        // The changes of 2026: on March 29 and October 25 at 01:00 UTC.
        let night = try self.hours("Sun 02:30-03:30 Europe/Berlin")
        let (spring, autumn): (Int64, Int64) = (1_774_746_000_000, 1_792_890_000_000)
        #expect(!night.contain(spring - 1) && night.contain(spring) && !night.contain(spring + hour / 2))
        #expect(night.contain(autumn - 1) && !night.contain(autumn) && night.contain(autumn + hour / 2))
    }

    @Test func anEndBeforeTheStartIsTheNextDays() throws {
        let night = try hours("Sun 22:00-06:00 UTC")
        // 1970-01-04 was a Sunday.
        let sunday: Int64 = 3 * 86_400_000
        let hour: Int64 = 3_600_000
        #expect(!night.contain(sunday + 22 * hour - 1) && night.contain(sunday + 22 * hour))
        #expect(night.contain(sunday + 30 * hour - 1) && !night.contain(sunday + 30 * hour))
        #expect(!night.contain(sunday + 3 * hour))
        #expect(try hours("Sat-Mon 10:00-11:00 UTC").contain(sunday + 10 * hour))
        #expect(try hours("00:00-24:00 UTC").contain(0) && hours("00:00-24:00 UTC").contain(-1))
        #expect(try hours("Mon,Sun 10:00-11:00; Tue 12:00-13:00 UTC").contain(sunday + 10 * hour))
        for wrong in [Int64.min, .max] { _ = night.contain(wrong) }
    }

    @Test func noFileOfAZoneTraps() throws {
        func read(_ bytes: [UInt8]) -> Bool {
            let text = #"{"version":1,"rules":[{"id":"h","match":"t","hours":"10:00-11:00 A/B"}]}"#
            guard let policy = try? PolicyDocument(parsing: Array(text.utf8), zones: { _ in bytes }),
                case .hours(let hours) = policy.rules[0].effect
            else { return false }
            for time in [Int64.min, -1, 0, 1_700_000_000_000, .max] { _ = hours.contain(time) }
            return true
        }
        #expect(read(berlin))
        for end in 0..<berlin.count { #expect(!read(Array(berlin[..<end]))) }
        var random = MeteringTests.Seeded(state: 3)
        for _ in 0..<5000 {
            var bytes = berlin
            for _ in 0..<3 {
                bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random)
            }
            _ = read(bytes)
        }
    }
}
