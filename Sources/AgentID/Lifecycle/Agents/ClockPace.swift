/// How the wall clock keeps pace with the steady one, and by which of its settings leases are dated. Times in milliseconds.
struct ClockPace {
    /// A clock that is off by less was slewed, not set.
    private static let slack = 1000

    /// How far the wall clock is ahead of the steady one; `nil`: nobody looked yet.
    private var ahead: Int64?
    /// When it was first seen to be as it is, by the steady clock; `nil`: it was never seen otherwise.
    private var since: Int64?
    /// How far the clock was ahead that dated the leases; `nil`: several did.
    private var dated: Int64?

    /// Notes a clock that a lease was dated by.
    mutating func dates(_ ahead: Int64) {
        if self.ahead == nil { (self.ahead, dated) = (ahead, ahead) }
        if isOff(ahead, from: dated) { dated = nil }
    }

    /// Notes a clock that all leases were dated by.
    mutating func redates(_ ahead: Int64) { dated = ahead }

    /// - Returns: whether leases were dated by a clock that was set since, and whether it has kept pace for a while.
    mutating func look(_ ahead: Int64, at steady: Int64) -> (isWrong: Bool, isSettled: Bool) {
        if let known = self.ahead, isOff(ahead, from: known) { since = steady }
        if self.ahead == nil { dated = ahead }
        self.ahead = ahead
        return (isOff(ahead, from: dated), since.map { steady - $0 >= ClockWatch.settling } ?? true)
    }

    private func isOff(_ ahead: Int64, from known: Int64?) -> Bool {
        known.map { (ahead - $0).magnitude >= Self.slack } ?? true
    }
}
