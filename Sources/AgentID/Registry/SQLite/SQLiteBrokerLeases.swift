// The secrets that brokers hold for agents, in SQLite.
extension SQLiteSession {
    private static let columns =
        "id, agent, provider, resource, release_command, acquired, expires, state, attempts, next_at, error, boot, runs_until"

    private static func lease(_ row: SQLite.Row) throws(AgentIDError) -> BrokerLeaseRecord {
        var lease = BrokerLeaseRecord(
            id: try row.text(0), agent: try row.text(1), provider: try row.text(2), resource: try row.text(3),
            releaseCommand: try texts(row, 4), acquired: try row.int(5), expires: try row.int(6),
            state: try row.named(7))
        (lease.attempts, lease.nextAt, lease.error) = (try row.int(8), try row.int(9), try row.optionalText(10))
        lease.runsUntil = SteadyTime(boot: try row.text(11), milliseconds: try row.int(12))
        return lease
    }

    func brokerLease(_ id: String) throws(AgentIDError) -> BrokerLeaseRecord? {
        try database.first("SELECT \(Self.columns) FROM broker_leases WHERE id = ?", .text(id), read: Self.lease)
    }

    func brokerLeases(of agent: String?, limit: Int) throws(AgentIDError) -> [BrokerLeaseRecord] {
        try database.rows(
            "SELECT \(Self.columns) FROM broker_leases WHERE ?1 IS NULL OR agent = ?1 ORDER BY id LIMIT ?2",
            .optional(agent), .int(Int64(limit)), read: Self.lease)
    }

    func brokerLeases(
        dueBy time: Int64, _ steady: SteadyTime, limit: Int
    ) throws(AgentIDError) -> [BrokerLeaseRecord] {
        // As ``BrokerLeaseRecord/isDue(at:)`` and ``BrokerLeaseRecord/isOver(at:_:)``.
        try database.rows(
            """
            SELECT \(Self.columns) FROM broker_leases
            WHERE (next_at <= ?1 OR next_at > ?1 + \(RetryDelay.longest))
                AND (state = 'releasing' OR iif(boot <> '' AND boot = ?3, runs_until <= ?4, expires <= ?1))
            ORDER BY next_at, id LIMIT ?2
            """, .int(time), .int(Int64(limit)), .text(steady.boot), .int(steady.milliseconds), read: Self.lease)
    }

    func secretHolders() throws(AgentIDError) -> [String] {
        try database.rows("SELECT DISTINCT agent FROM broker_leases WHERE state <> 'releasing'") {
            row throws(AgentIDError) in try row.text(0)
        }
    }

    func releaseBrokerLeases(of agent: String, at time: Int64) throws(AgentIDError) -> Int {
        try database.run(
            """
            UPDATE broker_leases SET state = iif(state = 'acquiring', state, 'releasing'), expires = min(expires, ?2),
                runs_until = 0, next_at = ?2 WHERE agent = ?1 AND state <> 'releasing'
            """, .text(agent), .int(time))
    }

    func put(_ lease: BrokerLeaseRecord) throws(AgentIDError) {
        try database.run(
            "INSERT OR REPLACE INTO broker_leases (\(Self.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            .text(lease.id), .text(lease.agent), .text(lease.provider), .text(lease.resource),
            Self.json(lease.releaseCommand), .int(lease.acquired),
            .int(lease.expires), .text(lease.state.rawValue), .int(lease.attempts), .int(lease.nextAt),
            .optional(lease.error), .text(lease.runsUntil.boot), .int(lease.runsUntil.milliseconds))
    }

    func removeBrokerLease(_ id: String) throws(AgentIDError) {
        try database.run("DELETE FROM broker_leases WHERE id = ?", .text(id))
    }
}
