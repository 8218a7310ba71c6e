internal import StrictJSON

/// A moment by both clocks: leases over by both may be ended with their agents. So may one that a clock dated which was ahead,
/// once it is over by the steady clock: a later date says nothing.
package struct LeaseTime: Sendable {
    /// In milliseconds since 1970.
    package let wall: Int64
    package let steady: SteadyTime
    /// Leases of another boot are over that end by then, in milliseconds since 1970: they have some extra time, as no steady
    /// clock can confirm it. None is, as long again after a boot: that often begins with a clock that is wrong.
    package let ofOtherBoots: Int64
    /// A lease that ends later, in milliseconds since 1970, and was renewed later than now, was dated by a clock that was ahead.
    package let latest: Int64

    /// - Parameter leaseDuration: In seconds.
    package init(wall: Int64, steady: SteadyTime, leaseDuration: Int64) {
        (self.wall, self.steady) = (wall, steady)
        let margin = max(leaseDuration, 60) * 1000
        latest = wall &+ margin
        ofOtherBoots = steady.milliseconds < margin ? -1 << 62 : wall - margin
    }

    /// Whether a lease is over by both clocks.
    func isOver(_ lease: LeaseRecord) -> Bool {
        guard lease.expires <= wall - lease.grace else {
            return lease.expires > latest && lease.renewed > wall && lease.runs(at: steady) == false
        }
        return lease.runs(at: steady).map { !$0 } ?? (lease.expires <= ofOtherBoots - lease.grace)
    }
}

extension LeaseRecord {
    /// The time that it can run from a moment on, with a minute for what lies between two clocks.
    private static func longest(from renewed: Int64, until expires: Int64) -> Int64 {
        let (length, isTooMuch) = expires.subtractingReportingOverflow(renewed)
        return isTooMuch ? .max : max(length, 0).addingReportingOverflow(60_000).partialValue
    }

    /// Whether it runs at a moment of the steady clock; `nil`: of another boot, which tells nothing. So does a clock by which it
    /// runs longer than it is: that went back, as that of a machine that was set back to an earlier state.
    func runs(at steady: SteadyTime) -> Bool? {
        guard !steady.boot.isEmpty, runsUntil.boot.isSame(as: steady.boot) else { return nil }
        let (left, isTooMuch) = runsUntil.milliseconds.subtractingReportingOverflow(steady.milliseconds)
        guard !isTooMuch, left <= Self.longest(from: renewed, until: expires) else { return nil }
        return runsUntil.milliseconds > steady.milliseconds - grace
    }
}
