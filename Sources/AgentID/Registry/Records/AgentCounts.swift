/// The number of a registry's agents, by their standing.
package struct AgentCounts: Sendable, Equatable {
    /// Neither suspended nor parked, with a lease that runs, and not denied.
    package var active = 0
    /// Of those, the ones whose lease is over within a minute: renewals that fail show here first.
    package var lapsingSoon = 0
    /// Neither suspended nor parked, and their lease is over: `reap` ends them.
    package var lapsed = 0
    /// Neither suspended nor parked, with a lease that runs, and a guard denies it: its last grant has expired, something it
    /// depends on is revoked, or one above it is so, or suspended, parked or lapsed.
    package var denied = 0
    package var suspended = 0
    package var parked = 0
    /// Those that ended and were not pruned.
    package var ended = 0

    package init() {}

    /// A lease is renewed three times before it is over, so one that has less left was not, as a rule.
    static let soon: Int64 = 60_000

    /// Counts agents; `lease` in milliseconds since 1970, as `now`.
    mutating func add(_ count: Int, _ state: AgentRecord.State, lease: Int64?, isDenied: Bool, now: Int64) {
        switch state {
        case .deprovisioned: ended += count
        case .suspended: suspended += count
        case .parked: parked += count
        case .active:
            guard let lease, lease > now else { return lapsed += count }
            guard !isDenied else { return denied += count }
            active += count
            let (left, isFar) = lease.subtractingReportingOverflow(now)
            if !isFar, left <= Self.soon { lapsingSoon += count }
        }
    }
}
