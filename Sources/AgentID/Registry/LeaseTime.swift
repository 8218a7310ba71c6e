internal import StrictJSON

/// A moment by both clocks: which leases are over by then, so that their agents may be ended.
package struct LeaseTime: Sendable {
    /// In milliseconds since 1970.
    package let wall: Int64
    package let steady: SteadyTime
    /// How much longer than it says a lease of another run of the machine lasts, in milliseconds: no steady clock can
    /// confirm that it is over.
    package let margin: Int64

    /// - Parameter leaseDuration: in seconds.
    package init(wall: Int64, steady: SteadyTime, leaseDuration: Int64) {
        (self.wall, self.steady) = (wall, steady)
        margin = max(leaseDuration, 60) * 1000
    }

    /// Whether a lease is over by both clocks.
    func isOver(_ lease: LeaseRecord) -> Bool {
        guard lease.expires <= wall - lease.grace else { return false }
        guard !steady.boot.isEmpty, lease.runsUntil.boot.isSame(as: steady.boot) else {
            return wall - lease.expires >= margin + lease.grace
        }
        return lease.runsUntil.milliseconds <= steady.milliseconds - lease.grace
    }
}
