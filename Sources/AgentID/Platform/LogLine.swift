internal import StrictJSON

/// Something in this process that an operator should know.
public struct LogLine: Sendable {
    /// The weight of a line; the number is the C interface's `agentid_log_level`.
    public enum Level: Int32, Sendable {
        /// Something went back to normal.
        case info = 1
        /// It works on, and somebody should look.
        case warning = 2
        /// Calls are denied, or something is lost.
        case error = 3
    }

    /// The line's weight.
    public let level: Level
    /// A stable name, in snake case: that of an error where there is one.
    public let reason: String
    /// A text for people; printable, without arguments of calls, keys or secrets.
    public let message: String

    /// A line; what its message quotes from outside is made printable.
    public init(level: Level, reason: String, message: String) {
        (self.level, self.reason, self.message) = (level, reason, message.printable)
    }
}

/// The subjects of lines. Each has a place of its own where its latest line waits, so there are never more lines.
enum LogSubject: Int, CaseIterable, Sendable {
    case auditEntries, auditIntegration, auditGaps, directory, clock, policy, hooks, deadHooks, leases, grants,
        anomalies
}
