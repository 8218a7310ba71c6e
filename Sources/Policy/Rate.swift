/// So many calls in so much time, as a rule says it.
package struct Rate: Sendable, Equatable {
    /// The number of calls in a period.
    package let calls: Int64
    /// The period, in milliseconds.
    package let period: Int64
    /// The number of calls that may come at once, at most as many as a period has.
    package let burst: Int64
    /// The meter that decides and takes.
    package let meter: GCRA

    /// `nil` where the numbers are beyond a policy's limits.
    package init?(calls: Int64, period: Int64, burst: Int64? = nil) {
        let burst = burst ?? calls
        guard (1...PolicyLimits.calls).contains(calls), (1...PolicyLimits.longest).contains(period),
            (1...calls).contains(burst), let meter = GCRA(calls: calls, period: period, burst: burst)
        else { return nil }
        (self.calls, self.period, self.burst, self.meter) = (calls, period, burst, meter)
    }

    /// As people read it: `10 calls per 1h`.
    package var text: String {
        "\(calls) \(calls == 1 ? "call" : "calls") per \(PolicyDuration.text(period))"
            + (burst == calls ? "" : ", \(burst) at once")
    }
}

extension PolicyDuration {
    /// The shortest way to write so many milliseconds.
    static func text(_ milliseconds: Int64) -> String {
        for (unit, factor) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] as [(String, Int64)]
        where milliseconds % factor == 0 { return "\(milliseconds / factor)\(unit)" }
        return "\(milliseconds)ms"
    }
}
