internal import StrictJSON

/// A moment by both clocks. An agent may be ended when its lease is over by both. A lease that was dated by a clock that was
/// ahead need only be over by the steady clock: its later date says nothing.
package struct LeaseTime: Sendable {
    /// In milliseconds since 1970.
    package let wall: Int64
    package let steady: SteadyTime
    /// A lease of another boot is over if it ends by this time, in milliseconds since 1970. It gets extra time, since no
    /// steady clock can confirm its end. For as long after a boot, none is over: a machine often starts with a wrong clock.
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

    /// Whether it runs at a moment of the steady clock; `nil` if that clock tells nothing: it is of another boot, or it went
    /// back. It went back, as on a machine that was restored to an earlier state, if the lease would run longer than it is.
    func runs(at steady: SteadyTime) -> Bool? {
        guard !steady.boot.isEmpty, runsUntil.boot.isSame(as: steady.boot) else { return nil }
        let (left, isTooMuch) = runsUntil.milliseconds.subtractingReportingOverflow(steady.milliseconds)
        guard !isTooMuch, left <= Self.longest(from: renewed, until: expires) else { return nil }
        return runsUntil.milliseconds > steady.milliseconds - grace
    }
}
