import Synchronization
import Testing

@testable import AgentID

/// A guard's clock beside the machine's steady one, both set by hand.
@Suite struct ClockWatchTests {
    private final class Hands: Sendable { let steady = Atomic<Int64>(1_000_000) }
    private static let start: Int64 = 1_790_000_000_000
    private let hands = Hands()

    private func watch() -> ClockWatch {
        let hands = hands
        return ClockWatch(window: 30_000) { hands.steady.load(ordering: .relaxed) }
    }

    /// The time when so many milliseconds have passed, of a clock that is right.
    private func pass(_ milliseconds: Int64) -> Int64 {
        hands.steady.add(milliseconds, ordering: .relaxed)
        return Self.start + hands.steady.load(ordering: .relaxed) - 1_000_000
    }

    @Test func aMomentAtWhichItWasWrongIsOverWhenItIsRightAgain() {
        let watch = watch()
        #expect(watch.wentBack(to: pass(0)) == nil)
        let ahead: [Int64] = [600_000, 365 * 86_400_000, 75 * 365 * 86_400_000]
        for wrong in ahead {
            #expect(watch.wentBack(to: pass(1000) + wrong) == nil, "what expires by it is denied, not this")
            #expect(watch.wentBack(to: pass(1000)) == nil)
        }
        #expect(watch.wentBack(to: pass(1000) - 600_000) == 599_000)
        #expect(watch.wentBack(to: pass(1000)) == nil)
    }

    @Test func whatWasDecidedAtIsNotDecidedAtAgain() {
        let watch = watch()
        for _ in 0..<40 { #expect(watch.wentBack(to: pass(30_000)) == nil) }
        // Twenty minutes were decided at; ten of them come again, and proofs with them.
        for passed in stride(from: Int64(0), to: 560_000, by: 10_000) {
            #expect(watch.wentBack(to: pass(10_000) - 600_000) != nil, "\(passed)")
        }
        _ = pass(40_000)
        #expect(watch.wentBack(to: pass(10_000) - 600_000) == nil, "past all that was decided at")
    }

    @Test func aClockThatWasWrongFromTheStartCostsAsLongAgainTwoWindowsAtMost() {
        for (wrong, cost): (Int64, Int64) in [(0, 0), (5000, 5000), (59_000, 59_000), (3_600_000, 60_000)] {
            let watch = watch()
            for passed in stride(from: Int64(0), through: wrong, by: 1000) {
                #expect(watch.wentBack(to: pass(passed == 0 ? 0 : 1000) + 86_400_000) == nil)
            }
            for passed in stride(from: Int64(0), through: cost + 1000, by: 1000) {
                #expect(watch.wentBack(to: pass(passed == 0 ? 0 : 1000)) != nil, "\(wrong): \(passed)")
            }
            #expect(watch.wentBack(to: pass(1000)) == nil, "\(wrong)")
            #expect(watch.isSettled(at: pass(1000)))
        }
    }

    @Test func aMomentAheadDoesNotHastenTheWayBackToBeforeTheStart() {
        let watch = watch()
        for _ in 0..<100 { #expect(watch.wentBack(to: pass(1000)) == nil) }
        #expect(watch.wentBack(to: pass(1000) + 86_400_000) == nil)
        for _ in 0..<60 { #expect(watch.wentBack(to: pass(1000) - 86_400_000) != nil) }
        #expect(watch.wentBack(to: pass(1000)) == nil)
    }

    @Test func manyStepsMakeNoneForgetWhatWasDecidedAt() {
        let watch = watch()
        for _ in 0..<1000 { #expect(watch.wentBack(to: pass(1000)) == nil) }
        for step in Int64(1)...40 { #expect(watch.wentBack(to: pass(1000) + step * 3_600_000) == nil) }
        for _ in 0..<80 { #expect(watch.wentBack(to: pass(1000) - 500_000) != nil) }
        #expect(watch.wentBack(to: pass(1000)) == nil)
    }

    @Test func aClockMayBeSlewedAndTheMachineMaySleep() {
        let watch = watch()
        for i in 0..<1000 { #expect(watch.wentBack(to: pass(1000) + Int64(i) * 5) == nil) }
        #expect(watch.wentBack(to: pass(8 * 3_600_000) + 5000) == nil)
        #expect(watch.wentBack(to: pass(0) - 20_000) == nil)
        #expect(watch.wentBack(to: pass(0) - 26_000) != nil, "small steps do not add up")
    }

    @Test func aClockThatStandsStillHasNotGoneBack() {
        let watch = watch()
        let now = pass(0)
        for _ in 0..<200 {
            _ = pass(10_000)
            #expect(watch.wentBack(to: now) == nil)
        }
        #expect(watch.wentBack(to: now - 31_000) == 31_000)
        #expect(watch.wentBack(to: now) == nil)
        #expect(watch.wentBack(to: pass(0)) == nil)
    }

    @Test func noTimeThatAClockTellsOverflows() {
        for value in [Int64.min, -1, 0, CheckedClock.latest + 1, .max] {
            let clock = CheckedClock(CallbackClock { value })
            #expect(throws: AgentIDError.self) { try clock.now() }
            #expect((1...CheckedClock.latest).contains(clock.milliseconds))
        }
        #expect(throws: AgentIDError.self) { try CheckedClock(CallbackClock { nil }).now() }
        let watch = watch()
        for now in [1, CheckedClock.latest, 1, CheckedClock.latest] { _ = watch.wentBack(to: now) }
    }
}
