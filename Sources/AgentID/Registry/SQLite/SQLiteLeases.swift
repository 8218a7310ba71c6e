internal import StrictJSON

// Agents' leases in SQLite.
extension SQLiteSession {
    /// As ``LeaseRecord/runs(at:)`` says, whether a steady clock can tell: `?4` is its boot.
    private static func isTold(by steady: String) -> String {
        "boot = ?4 AND boot <> '' AND runs_until - \(steady) <= max(expires - renewed, 0) + 60000"
    }

    private static let leaseColumns = "agent, expires, renewed, holder, boot, runs_until, grace, sealed"

    private static func lease(_ row: SQLite.Row) throws(AgentIDError) -> LeaseRecord {
        LeaseRecord(
            agent: try row.text(0), expires: try row.int(1), renewed: try row.int(2), holder: try row.text(3),
            runsUntil: SteadyTime(boot: try row.text(4), milliseconds: try row.int(5)), grace: try row.int(6),
            sealed: try row.optionalBytes(7))
    }

    func put(_ lease: LeaseRecord) throws(AgentIDError) {
        try database.run(
            "INSERT OR REPLACE INTO leases (\(Self.leaseColumns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            .text(lease.agent), .int(lease.expires), .int(lease.renewed), .text(lease.holder),
            .text(lease.runsUntil.boot), .int(lease.runsUntil.milliseconds), .int(lease.grace),
            lease.sealed.map { .blob($0) } ?? .null)
    }

    func renewLeases(
        of agents: [String], at now: Int64, until expires: Int64, runsUntil: SteadyTime, orRunningAt steady: Int64
    ) throws(AgentIDError) -> [String] {
        var renewed: [String] = []
        for agent in agents {
            let rows = try database.run(
                """
                UPDATE leases SET expires = CASE WHEN ?6 < ?7 AND expires > ?3 + 60000 THEN ?3 ELSE max(expires, ?3) END,
                renewed = ?2, boot = ?4, runs_until = ?5
                WHERE agent = ?1 AND sealed IS NULL
                AND (expires > ?2 - grace OR (\(Self.isTold(by: "?6")) AND runs_until > ?6 - grace))
                AND EXISTS (SELECT 1 FROM agents WHERE id = ?1 AND state <> 'deprovisioned')
                """, .text(agent), .int(now), .int(expires), .text(runsUntil.boot), .int(runsUntil.milliseconds),
                .int(steady), .int(.max))
            if rows > 0 { renewed.append(agent) }
        }
        return renewed
    }

    func removeLease(of agent: String) throws(AgentIDError) {
        try database.run("DELETE FROM leases WHERE agent = ?", .text(agent))
    }

    func lease(of agent: String) throws(AgentIDError) -> LeaseRecord? {
        try database.first(
            "SELECT \(Self.leaseColumns) FROM leases WHERE agent = ?", .text(agent), read: Self.lease)
    }

    func leases(lapsedBy time: Int64, limit: Int) throws(AgentIDError) -> [LeaseRecord] {
        try database.rows(
            """
            SELECT \(Self.leaseColumns) FROM leases JOIN agents ON id = agent
            WHERE expires <= ? AND state <> 'deprovisioned' ORDER BY expires, agent LIMIT ?
            """, .int(time), .int(Int64(limit)), read: Self.lease)
    }

    func leases(
        overBy time: LeaseTime, after last: LeaseRecord?, limit: Int
    ) throws(AgentIDError) -> [LeaseRecord] {
        // Those that a clock dated which was ahead come last: each search reads what it finds, and no more.
        var found: [LeaseRecord] = []
        let ranges = [
            "expires <= min(?1, ?8) AND expires <= ?1 - grace", "expires > ?8 AND renewed > ?1 AND boot = ?4",
        ]
        for range in ranges {
            found += try database.rows(
                """
                SELECT \(Self.leaseColumns) FROM leases JOIN agents ON id = agent
                WHERE \(range) AND (expires, agent) > (?2, ?3) AND state <> 'deprovisioned'
                AND CASE WHEN \(Self.isTold(by: "?5")) THEN runs_until <= ?5 - grace ELSE expires <= ?6 - grace END
                ORDER BY expires, agent LIMIT ?7
                """, .int(time.wall), .int(last?.expires ?? .min), .text(last?.agent ?? ""), .text(time.steady.boot),
                .int(time.steady.milliseconds), .int(time.ofOtherBoots), .int(Int64(limit - found.count)),
                .int(time.latest), read: Self.lease)
        }
        return found
    }
}
