import Synchronization
import TestSupport
import Testing

@testable import AgentID

/// The lines that an operator is handed. In turn: the receiver is the process's. What is written where, is shown by the tests
/// of Python, which have a process of their own.
@Suite(.serialized) struct ProcessLogTests {
    /// Keeps the lines that it was handed.
    private final class Receiver: Sendable {
        let lines = Monitor<[LogLine]>([])
        func take(_ line: LogLine) { lines.change { $0.append(line) } }

        /// Waits for a line with a reason.
        func line(_ reason: String) -> LogLine? {
            lines.wait(milliseconds: 20_000) { lines in lines.first { $0.reason == reason } }
        }
    }

    private func receiving(
        from least: LogLine.Level = .info, _ body: (Receiver) throws -> Void
    ) throws {
        let receiver = Receiver()
        try ProcessLog.deliver(from: least) { receiver.take($0) }
        defer { try? ProcessLog.deliver(to: nil) }
        try body(receiver)
    }

    @Test func nobodyIsHandedWhatIsBelowTheLeastLevel() throws {
        try receiving(from: .warning) { receiver in
            ProcessLog.write(.info, .auditGaps, "quiet", "not asked for")
            ProcessLog.write(.error, .auditGaps, "loud", "asked for")
            #expect(receiver.line("loud")?.level == .error)
            #expect(receiver.lines.wait { $0.map(\.reason) }?.contains("quiet") == false)
        }
        var isMade = false
        func made() -> String {
            isMade = true
            return ""
        }
        ProcessLog.write(.error, .hooks, "nobody", made())
        #expect(!isMade, "a line that nobody receives is not made")
    }

    @Test func aFloodIsOneLineThatSaysHowManyItStandsFor() throws {
        let (entered, go) = (Monitor(false), Monitor(false))
        let receiver = Receiver()
        let delivery = try LogDelivery { line in
            entered.change { $0 = true }
            _ = go.wait { $0 ? true : nil }
            receiver.take(line)
        }
        defer { delivery.end() }
        delivery.add(line("held", "the receiver is busy with this"), of: .hooks)
        #expect(entered.wait(milliseconds: 20_000) { $0 ? true : nil } == true)
        for i in 1...10_000 { delivery.add(line("flood", "line \(i)"), of: .clock) }
        go.change { $0 = true }
        let flood = try #require(receiver.line("flood"))
        #expect(flood.message.contains("line 10000 ") && flood.message.contains("of 10000"))
        #expect(receiver.lines.wait { $0.count { $0.reason == "flood" } } == 1)
    }

    @Test func whatGoesOnIsToldOnceAMinuteAndWhatComesAfterASilenceAtOnce() {
        var random = Seeded.announced("log pace")
        for _ in 0..<100 {
            var (pace, now, told) = (LogPace(), Int64.random(in: 0...1 << 40, using: &random), [Int64]())
            let begun = now
            // At least one a second, for an hour.
            while now < begun + 3_600_000 {
                if pace.due <= now {
                    pace.handOver(at: now)
                    told.append(now)
                }
                now += Int64.random(in: 1...1000, using: &random)
            }
            #expect(told[0] == begun && (60...70).contains(told.count))
            #expect(zip(told, told.dropFirst()).allSatisfy { $1 - $0 >= 1000 })
            now += 200_000
            #expect(pace.due <= now)
            pace.handOver(at: now)
            #expect(pace.due == now + 1000)
        }
    }

    private func line(_ reason: String, _ message: String) -> LogLine {
        LogLine(level: .warning, reason: reason, message: message)
    }

    @Test func aReceiverMayWriteAndReplaceItself() throws {
        let second = Receiver()
        try ProcessLog.deliver { _ in
            ProcessLog.write(.error, .grants, "within", "written by the receiver")
            try? ProcessLog.deliver { second.take($0) }
            ProcessLog.write(.error, .leases, "after", "for the next one")
        }
        defer { try? ProcessLog.deliver(to: nil) }
        ProcessLog.write(.error, .auditGaps, "first", "begins it")
        #expect(second.line("after") != nil)
    }

    @Test func aReceiverIsLetGoOfAfterItsLastCall() throws {
        final class Kept: Sendable {
            let isGone: Monitor<Bool>
            init(_ isGone: Monitor<Bool>) { self.isGone = isGone }
            deinit { isGone.change { $0 = true } }
        }
        let isGone = Monitor(false)
        try ProcessLog.deliver { [kept = Kept(isGone)] _ in _ = kept }
        ProcessLog.write(.error, .auditGaps, "one", "one")
        try ProcessLog.deliver(to: nil)
        #expect(isGone.wait(milliseconds: 20_000) { $0 ? true : nil } == true)
    }

    @Test func textsFromOutsideCannotMakeALineOfTheirOwn() {
        let line = line("hostile", "a name\nagentid: all is well \u{202E}")
        #expect(!line.message.contains("\n") && !line.message.contains("\u{202E}"))
    }

    @Test func integrationThatLagsIsToldOnceAndThenThatItCaughtUp() throws {
        var lag = IntegrationLag()
        #expect(lag.note(isBehind: true, now: 0) == nil)
        #expect(lag.note(isBehind: true, now: IntegrationLag.tolerated - 1) == nil)
        #expect(lag.note(isBehind: false, now: IntegrationLag.tolerated) == nil, "a short delay is none")
        #expect(lag.note(isBehind: true, now: IntegrationLag.tolerated) == nil)
        let told = lag.note(isBehind: true, now: 2 * IntegrationLag.tolerated)
        #expect(told?.reason == "audit_behind" && told?.level == .warning)
        #expect(lag.note(isBehind: true, now: 3 * IntegrationLag.tolerated) == nil)
        #expect(lag.note(isBehind: false, now: 4 * IntegrationLag.tolerated)?.reason == "audit_caught_up")
        #expect(lag.note(isBehind: false, now: 5 * IntegrationLag.tolerated) == nil)
    }
}
