/// Watches whether the log is integrated, by another process where that holds the lock.
struct IntegrationLag {
    /// The tolerated delay, in milliseconds; integration normally takes about a second.
    static let tolerated: Int64 = 30_000

    private var since: Int64?
    private var isTold = false

    /// Takes the outcome of an attempt; `now` by a clock that nobody sets, in milliseconds. What the operator should know of
    /// it; `nil`: nothing new.
    mutating func note(isBehind: Bool, now: Int64 = MonotonicClock.milliseconds) -> LogLine? {
        guard isBehind else {
            defer { (since, isTold) = (nil, false) }
            return isTold
                ? LogLine(level: .info, reason: "audit_caught_up", message: "the audit log is integrated again") : nil
        }
        let begun = since ?? now
        since = begun
        guard !isTold, now - begun >= Self.tolerated else { return nil }
        isTold = true
        return LogLine(
            level: .warning, reason: "audit_behind",
            message: "another process has been integrating the audit log for \((now - begun) / 1000) s without an end: "
                + "look at it, or end it")
    }
}
