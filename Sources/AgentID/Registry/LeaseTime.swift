internal import StrictJSON

/// A moment by both clocks: leases over by both may be ended with their agents.
package struct LeaseTime: Sendable {
    /// In milliseconds since 1970.
    package let wall: Int64
    package let steady: SteadyTime
    /// The extra time given to a lease of another boot, in milliseconds: no steady clock can confirm that it is over.
    package let margin: Int64

    /// - Parameter leaseDuration: In seconds.
    package init(wall: Int64, steady: SteadyTime, leaseDuration: Int64) {
        (self.wall, self.steady) = (wall, steady)
        margin = max(leaseDuration, 60) * 1000
    }

    /// Whether a lease is over by both clocks.
    func isOver(_ lease: LeaseRecord) -> Bool {
        guard lease.expires <= wall - lease.grace else { return false }
        return lease.runs(at: steady).map { !$0 } ?? (wall - lease.expires >= margin + lease.grace)
    }
}

extension LeaseRecord {
    /// Whether it runs at a moment of the steady clock; `nil`: of another boot, which tells nothing.
    func runs(at steady: SteadyTime) -> Bool? {
        guard !steady.boot.isEmpty, runsUntil.boot.isSame(as: steady.boot) else { return nil }
        return runsUntil.milliseconds > steady.milliseconds - grace
    }
}
