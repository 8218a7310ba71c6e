/// The number of a registry's agents, by their standing.
package struct AgentCounts: Sendable, Equatable {
    /// Neither suspended nor parked, with a lease that runs.
    package var active = 0
    /// Of those, the ones whose lease is over within a minute: renewals that fail show here first.
    package var lapsingSoon = 0
    /// Neither suspended nor parked, and their lease is over: `reap` ends them.
    package var lapsed = 0
    package var suspended = 0
    package var parked = 0
    /// Those that ended and were not pruned.
    package var ended = 0

    package init() {}

    /// A lease is renewed three times before it is over, so one that has less left was not, as a rule.
    static let soon: Int64 = 60_000

    /// Counts agents that have not ended; `lease` in milliseconds since 1970, as `now`.
    mutating func add(_ count: Int, _ state: AgentRecord.State, lease: Int64?, now: Int64) {
        switch state {
        case .deprovisioned: ended += count
        case .suspended: suspended += count
        case .parked: parked += count
        case .active:
            guard let lease, lease > now else { return lapsed += count }
            active += count
            if lease - now <= Self.soon { lapsingSoon += count }
        }
    }
}

extension SQLiteSession {
    func agentCounts(at now: Int64) throws(AgentIDError) -> AgentCounts {
        var counts = AgentCounts()
        // From the indexes alone, but for those that live.
        let soon = now > .max - AgentCounts.soon ? .max : now + AgentCounts.soon
        let rows = try database.rows(
            """
            SELECT CASE WHEN state = 'active' AND sealed IS NOT NULL THEN 'parked' ELSE state END,
            (expires > ?1) + (expires > ?2), count(*) FROM agents LEFT JOIN leases ON agent = id
            WHERE state IN ('active', 'suspended') GROUP BY 1, 2
            """, .int(now), .int(soon)
        ) { row throws(AgentIDError) in
            let state: AgentRecord.State = try row.named(0)
            return (state, try row.optionalInt(1) ?? 0, Int(clamping: try row.int(2)))
        }
        for (state, left, count) in rows {
            let lease: Int64? =
                switch left {
                case 0: nil
                case 1: soon
                default: .max
                }
            counts.add(count, state, lease: lease, now: now)
        }
        counts.ended = Int(
            clamping: try database.first("SELECT count(*) FROM agents WHERE state = 'deprovisioned'") {
                row throws(AgentIDError) in try row.int(0)
            } ?? 0)
        return counts
    }
}

extension MemoryTables {
    func agentCounts(at now: Int64) -> AgentCounts {
        var counts = AgentCounts()
        byID.visit { key in
            if let row = row(of: key.name) {
                counts.add(1, row.seen.state, lease: row.lease?.expires, now: now)
            }
            return true
        }
        return counts
    }
}
