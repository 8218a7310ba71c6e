import Policy
import Testing
import TestSupport

/// The arithmetic of rates beside a model that keeps a list of what it let through.
@Suite struct GCRATests {
    /// A bucket of tokens, exact: in parts of a call, `calls` parts come every millisecond of `period`.
    private struct Model {
        let (calls, period, burst): (Int64, Int64, Int64)
        var (tokens, at): (Int64, Int64)

        init(_ calls: Int64, _ period: Int64, _ burst: Int64, at now: Int64) {
            (self.calls, self.period, self.burst) = (calls, period, burst)
            (tokens, at) = (burst * period, now)
        }

        /// In how many milliseconds a call could be taken; `nil` where it was.
        mutating func take(_ now: Int64) -> Int64? {
            let (gained, isMuch) = (now - at).multipliedReportingOverflow(by: calls)
            tokens = isMuch ? burst * period : min(burst * period, tokens + gained)
            at = now
            guard tokens < period else {
                tokens -= period
                return nil
            }
            return (period - tokens + calls - 1) / calls
        }
    }

    @Test func aMillionRandomCallsAreDecidedAsByABucketOfTokens() throws {
        var random = Seeded.announced("rates beside a model")
        var count = 0
        while count < 1_000_000 {
            let calls = Int64.random(in: 1...[1, 7, 1000, 500_000].randomElement(using: &random)!, using: &random)
            let period = Int64.random(in: 1...[10, 1000, 3_600_000].randomElement(using: &random)!, using: &random)
            let burst = Int64.random(in: 1...[1, calls, 3 * calls].randomElement(using: &random)!, using: &random)
            guard let rate = GCRA(calls: calls, period: period, burst: burst) else { continue }
            var now = Int64.random(in: 0...4_000_000_000_000, using: &random)
            var word = GCRA.full(at: now)
            var model = Model(calls, period, burst, at: now)
            for _ in 0..<1000 {
                count += 1
                let expected = model.take(now)
                switch rate.take(from: word, now: now) {
                case .taken(let next):
                    guard expected == nil else {
                        Issue.record("taken too early: \(calls) per \(period), \(burst) at once")
                        return
                    }
                    word = next
                case .wait(let wait), .ahead(_, let wait):
                    guard expected == wait else {
                        Issue.record("wait \(wait), not \(expected ?? 0): \(calls) per \(period), \(burst) at once")
                        return
                    }
                    // True to the millisecond, and the way there is used as well.
                    if Bool.random(using: &random) { now += wait - Int64.random(in: 0...1, using: &random) }
                }
                if Int.random(in: 0..<4, using: &random) == 0 {
                    now += Int64.random(in: 0...max(period / calls, 1) * 3, using: &random)
                }
            }
        }
    }

    @Test func noWindowHasMoreCallsThanTheBurstAndWhatFlowsOffInIt() throws {
        let rate = try #require(GCRA(calls: 7, period: 1000, burst: 5))
        var random = Seeded.announced("windows of rates")
        var (now, word): (Int64, UInt64) = (1_790_000_000_000, 0)
        var taken: [Int64] = []
        for _ in 0..<5000 {
            if case .taken(let next) = rate.take(from: word, now: now) {
                word = next
                taken.append(now)
            }
            now += Int64.random(in: 0...60, using: &random)
        }
        for first in taken.indices {
            for last in first..<min(first + 60, taken.count) {
                #expect(Int64(last - first + 1) <= 5 + (taken[last] - taken[first]) * 7 / 1000)
            }
        }
    }

    @Test func anyWordAndAnyTimeIsAnsweredAndHoldsNobodyUpForLongerThanTheRate() throws {
        var random = Seeded.announced("any word")
        for _ in 0..<200_000 {
            let rate = GCRA(
                calls: Int64.random(in: 1...1 << 40, using: &random) >> Int64.random(in: 0...40, using: &random),
                period: Int64.random(in: 1...1 << 40, using: &random) >> Int64.random(in: 0...40, using: &random),
                burst: Int64.random(in: 1...1 << 40, using: &random) >> Int64.random(in: 0...40, using: &random))
            guard let rate else { continue }
            let word = UInt64.random(in: 0 ... .max, using: &random) >> UInt64.random(in: 0...63, using: &random)
            let now = Int64.random(in: .min ... .max, using: &random) >> Int64.random(in: 0...63, using: &random)
            _ = rate.left(in: word, now: now)
            _ = rate.giveBack(to: word)
            if case .ahead(let lowered, let wait) = rate.take(from: word, now: now) {
                #expect(rate.left(in: lowered, now: now) == 0 && wait > 0)
                let later = min(max(now, 0), 1 << 43 - 1) + wait
                guard later < 1 << 43 else { continue }
                guard case .taken = rate.take(from: lowered, now: later) else {
                    Issue.record("a meter that was ahead does not go on")
                    return
                }
            }
        }
        for extreme in [Int64.min, -1, 0, 3] {
            #expect(GCRA(calls: extreme, period: .max, burst: .max) == nil)
            #expect(GCRA(calls: .max, period: extreme, burst: 1) == nil)
        }
    }

    @Test func whatIsGivenBackWasNeverTaken() throws {
        let rate = try #require(GCRA(calls: 7, period: 1000, burst: 3))
        var word = GCRA.full(at: 1_790_000_000_000)
        for now in stride(from: Int64(1_790_000_000_000), to: 1_790_000_100_000, by: 77) {
            guard case .taken(let next) = rate.take(from: word, now: now) else { continue }
            let (left, back) = (rate.left(in: word, now: now), rate.giveBack(to: next))
            #expect(rate.left(in: back, now: now) == left)
            word = next
        }
    }

    @Test func whateverIsGivenBackAndHoweverLateNoMoreCallsAreTakenThanTheRateHas() throws {
        var random = Seeded.announced("late refunds")
        for _ in 0..<2000 {
            let burst = Int64.random(in: 1...5, using: &random)
            let rate = try #require(
                GCRA(calls: Int64.random(in: 1...9, using: &random), period: 1000, burst: burst))
            var (now, word): (Int64, UInt64) = (1_790_000_000_000, 0)
            var (open, kept): ([Int64], [Int64]) = ([], [])
            for _ in 0..<60 {
                now += Int64.random(in: 0...300, using: &random)
                if Bool.random(using: &random), case .taken(let next) = rate.take(from: word, now: now) {
                    word = next
                    if Bool.random(using: &random) { kept.append(now) } else { open.append(now) }
                } else if let place = open.indices.randomElement(using: &random) {
                    word = rate.giveBack(to: word, after: now - open.remove(at: place))
                }
            }
            // Those that were kept are no more than one who never asked for the others could take.
            var alone: UInt64 = 0
            for time in kept {
                guard case .taken(let next) = rate.take(from: alone, now: time) else {
                    Issue.record("\(rate): \(kept)")
                    return
                }
                alone = next
            }
        }
    }

    @Test func aRateThatIsChangedGoesOnWhereTheMeterStands() throws {
        let (slow, fast) = (
            try #require(GCRA(calls: 7, period: 60_000, burst: 7)), try #require(GCRA(calls: 1, period: 3, burst: 1))
        )
        let now: Int64 = 1_790_000_000_000
        var word = GCRA.full(at: now)
        while case .taken(let next) = slow.take(from: word, now: now) { word = next }
        guard case .ahead(let lowered, _) = fast.take(from: word, now: now) else {
            Issue.record("what was taken is forgotten")
            return
        }
        #expect(fast.left(in: lowered, now: now) == 0 && fast.left(in: lowered, now: now + 3) == 1)
    }
}
