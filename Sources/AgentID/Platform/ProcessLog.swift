internal import JOSE
internal import Synchronization

/// The lines that this process's operator should see, handed to one receiver.
///
/// Process-wide, since what is worth a line often belongs to no handle that the caller has. Lines are written wherever
/// something happens, also under locks; they are handed over on a thread of their own. So the receiver may do whatever
/// it likes, and whatever it causes comes after it returned. Of each subject at most one line a second is handed over,
/// and one a minute where that goes on: the latest, which says how many it stands for. No flood of them fills memory.
public enum ProcessLog {
    private static let current = Locked<LogDelivery?>(nil)
    /// The least level that is received; above all levels where nobody receives any. All that a line costs then.
    private static let least = Atomic<Int32>(.max)
    private static let mark = ForkMark()

    /// Sets who receives the lines of this process from now on, in place of the one before; `nil` ends it.
    ///
    /// - Parameters:
    ///   - receiver: Called on a thread of the library's own, one line at a time; may call this. It is let go of on that
    ///     thread once its last call is over: after this returns, a call that is under way may still run, and none begins.
    ///   - least: Lines of lower levels are left out.
    public static func deliver(
        from least: LogLine.Level = .info, to receiver: (@Sendable (LogLine) -> Void)?
    ) throws(AgentIDError) {
        guard !mark.isInChild else {
            throw AgentIDError(.state, name: "forked", message: "this process was forked")
        }
        let made = try receiver.map { receiver throws(AgentIDError) in try LogDelivery(receiver) }
        let before = current.withLock { current in
            defer { current = made }
            Self.least.store(made == nil ? .max : least.rawValue, ordering: .relaxed)
            return current
        }
        before?.end()
    }

    /// Writes a line, if somebody receives it. Waits for nothing; may be called under any lock but this file's own.
    static func write(
        _ level: LogLine.Level, _ subject: LogSubject, _ reason: String, _ message: @autoclosure () -> String
    ) {
        guard level.rawValue >= least.load(ordering: .relaxed) else { return }
        // A child has no such thread, and may have inherited a lock that nobody holds any more.
        guard !mark.isInChild else { return }
        guard let delivery = current.withLock({ $0 }) else { return }
        delivery.add(LogLine(level: level, reason: reason, message: message()), of: subject)
    }
}

/// How often lines of one subject are handed over: at first one a second. The time between two doubles while they go on, and
/// is short again after a silence that is longer.
struct LogPace {
    private static let pauses: ClosedRange<Int64> = 1000...60_000
    private var pause = pauses.lowerBound
    /// The next line is not handed over before, in milliseconds, by a clock that nobody sets.
    private(set) var due = Int64.min

    mutating func handOver(at now: Int64) {
        let (silence, isFirst) = now.subtractingReportingOverflow(due)
        let goesOn = !isFirst && silence <= pause
        pause = goesOn ? min(pause * 2, Self.pauses.upperBound) : Self.pauses.lowerBound
        due = now + pause
    }
}

/// One receiver, its thread, and the lines that wait for it.
final class LogDelivery: Sendable {
    private struct Slot {
        var line: LogLine?
        /// The number of lines that the latest stands for.
        var count = 0
        var pace = LogPace()
    }

    private let slots = Locked([Slot](repeating: Slot(), count: LogSubject.allCases.count))
    private let thread = Locked<BackgroundThread?>(nil)

    init(_ receiver: @escaping @Sendable (LogLine) -> Void) throws(AgentIDError) {
        let slots = slots
        let started = try BackgroundThread.start(name: "agentid-log") { thread in
            var wait: Int64 = 0
            repeat {
                while !thread.isStopping, let line = Self.next(in: slots, &wait) { receiver(line) }
            } while thread.wait(milliseconds: Int(clamping: wait))
        }
        thread.withLock { $0 = started }
    }

    /// Takes a line that is due. Without one, says how long to wait for the next.
    private static func next(in slots: Locked<[Slot]>, _ wait: inout Int64) -> LogLine? {
        let now = MonotonicClock.milliseconds
        wait = 3_600_000
        return slots.withLock { slots in
            for i in slots.indices {
                guard let line = slots[i].line else { continue }
                guard slots[i].pace.due <= now else {
                    wait = min(wait, slots[i].pace.due - now)
                    continue
                }
                let count = slots[i].count
                slots[i].pace.handOver(at: now)
                (slots[i].line, slots[i].count) = (nil, 0)
                guard count > 1 else { return line }
                return LogLine(
                    level: line.level, reason: line.reason,
                    message: "\(line.message) (the latest of \(count) since the last such line)")
            }
            return nil
        }
    }

    func add(_ line: LogLine, of subject: LogSubject) {
        let isFirst = slots.withLock { slots in
            let i = subject.rawValue
            guard i < slots.count else { return false }
            defer { (slots[i].line, slots[i].count) = (line, slots[i].count &+ 1) }
            return slots[i].line == nil
        }
        if isFirst { thread.withLock { $0 }?.wake() }
    }

    /// Ends the thread, without waiting for a call that is under way.
    func end() { thread.withLock { $0 }?.abandon() }
}
