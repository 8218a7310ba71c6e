import Policy
import Testing

@testable import AgentID

/// Which time meters go by.
@Suite struct MetersClockTests {
    private let start = MetersWorld.start
    private let hour: Int64 = 3_600_000
    private let rate = GCRA(calls: 2, period: 120_000, burst: 2)

    @Test func theMachinesClockCanBeSetAndMetersDoNotNotice() throws {
        let rate = try #require(rate)
        let (world, clock) = (try MetersWorld(), MovedClock())
        let page = try world.page(isMachine: true, steady: clock.steady)
        #expect(try page.take("a", rate, now: start) == nil && page.take("a", rate, now: start) == nil)
        for wrong in [24 * hour, -24 * hour, 500_000 * hour, 0] {
            #expect(try page.take("a", rate, now: start + wrong) == 60_000)
        }
        clock.move(by: 59_999)
        #expect(try page.take("a", rate, now: start - hour) == 1)
        clock.move(by: 1)
        #expect(try page.take("a", rate, now: start - hour + 200) == nil)
        #expect(try page.take("a", rate, now: start + 60_000) == 60_000)
    }

    @Test func oneProcessWithAWrongClockGainsNothingAndSpoilsNothing() throws {
        let rate = try #require(rate)
        let (world, clock) = (try MetersWorld(), MovedClock())
        let right = try world.page(isMachine: true, steady: clock.steady)
        #expect(try right.take("a", rate, now: start) == nil)
        for wrong in [hour, -hour, 24 * hour] {
            let other = try world.page(isMachine: true, now: start + wrong, steady: clock.steady)
            // The last of the burst once, then nothing.
            let answer = try other.take("a", rate, now: start + wrong)
            #expect(answer == (wrong == hour ? nil : 60_000))
            #expect(try other.take("a", rate, now: start + wrong + 1) == 59_999 || answer != nil)
            // Nor by going to and fro.
            for away in [2 * hour, 0, 2 * hour, 0] {
                #expect(try other.take("a", rate, now: start + away) == 60_000)
            }
            #expect(try right.take("a", rate, now: start) == 60_000)
            #expect(try right.take("b \(wrong)", rate, now: start) == nil)
        }
        clock.move(by: 60_000)
        #expect(try right.take("a", rate, now: start + 60_000) == nil)
    }

    @Test func aClockThatAProgramBringsDoesNotDragTheLineAlong() throws {
        let (world, clock) = (try MetersWorld(), MovedClock())
        let right = try world.page(isMachine: true, steady: clock.steady)
        let brought = try MetersPage(
            path: world.file, believesSteps: false, follows: false, now: start, steady: clock.steady)
        for step in 1...20 as ClosedRange<Int64> {
            for away in [hour, 90 * step] { #expect(try brought.look(start + away).milliseconds == start) }
        }
        #expect(try right.look(start).milliseconds == start)
    }

    /// The line is in the file, sealed by a key that is in it too.
    @Test(arguments: [Int64.min, .min + 2_000_000, -1 << 53, 1 << 53, .max - 2_000_000, .max])
    func aLineThatLeadsBeyondAllTimesIsDamaged(_ ahead: Int64) throws {
        let (world, clock) = (try MetersWorld(), MovedClock())
        let page = try world.page(isMachine: true, steady: clock.steady)
        let rate = try #require(rate)
        #expect(try page.take("a", rate, now: start) == nil)
        let word = UInt64(bitPattern: ahead)
        try world.write([MeterName.sealed(page.clock.run, word, page.header.key), word], at: 72)
        for _ in 0..<2 {
            #expect {
                let time = try page.look(start + hour)
                let slot = try page.slot(of: page.key(["l"]), .labels, until: start, at: time)
                try page.raise(slot, bits: 1, until: time.milliseconds + PolicyLimits.kept, at: time)
            } throws: {
                ($0 as? Denial)?.reason.rawValue == "meters_damaged"
            }
        }
    }

    @Test func aGuardsOwnClockIsBelievedWhereItsMetersAreItsOwn() throws {
        let rate = try #require(rate)
        let page = try MetersPage(path: nil, believesSteps: true, now: start, steady: MovedClock().steady)
        var now = start
        for _ in 0..<50 {
            #expect(try page.take("a", rate, now: now) == nil && page.take("a", rate, now: now) == nil)
            #expect(try page.take("a", rate, now: now) == 60_000 && page.take("a", rate, now: now + 59_999) == 1)
            now += 120_000
        }
        // Back, it was ahead of itself: from then on the rate holds.
        #expect(try page.take("a", rate, now: start) == 60_000 && page.take("a", rate, now: start + 59_999) == 1)
        #expect(try page.take("a", rate, now: start + 60_000) == nil)
    }

    @Test func afterARebootMetersGoOnUnderTheClockThatIsThereThen() throws {
        let rate = try #require(rate)
        let world = try MetersWorld()
        let before = try world.page(isMachine: true, steady: MovedClock(50_000_000, run: "first").steady)
        #expect(try before.take("a", rate, now: start) == nil && before.take("a", rate, now: start) == nil)
        let after = try world.page(isMachine: true, now: start + 30_000, steady: MovedClock(2000, run: "second").steady)
        #expect(try after.take("a", rate, now: start + 30_000) == 30_000)
        // A machine that lost its clock: no longer than the rate.
        let lost = try world.page(isMachine: true, now: 1_000_000, steady: MovedClock(2000, run: "third").steady)
        #expect(try lost.take("a", rate, now: 1_000_000) == 60_000 && lost.take("a", rate, now: 1_000_000) == 60_000)
    }

    @Test func aProcessThatWasStoppedTakesNothingAway() throws {
        let rate = try #require(rate)
        let (world, clock) = (try MetersWorld(), MovedClock())
        let page = try world.page(isMachine: true, steady: clock.steady)
        let old = try page.look(start)
        clock.move(by: hour)
        #expect(try page.take("a", rate, now: start + hour) == nil && page.take("a", rate, now: start + hour) == nil)
        // It read the clock an hour ago, and sees a meter that is an hour ahead.
        let slot = try page.slot(of: page.key(["a"]), .rate, at: old)
        #expect(try page.take(slot, rate, at: old) == 60_000)
        #expect(try page.take("a", rate, now: start + hour) == 60_000)
    }
}
