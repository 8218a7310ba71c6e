// What brokers hold for agents, in SQLite.
extension SQLiteSession {
    private static let columns =
        "id, agent, provider, resource, handle, acquired, expires, state, attempts, error"

    private static func lease(_ row: SQLite.Row) throws(AgentIDError) -> BrokerLeaseRecord {
        BrokerLeaseRecord(
            id: try row.text(0), agent: try row.text(1), provider: try row.text(2), resource: try row.text(3),
            handle: try row.text(4), acquired: try row.int(5), expires: try row.int(6), state: try row.named(7),
            attempts: try row.int(8), error: try row.optionalText(9))
    }

    func brokerLease(_ id: String) throws(AgentIDError) -> BrokerLeaseRecord? {
        try database.first("SELECT \(Self.columns) FROM broker_leases WHERE id = ?", .text(id), read: Self.lease)
    }

    func brokerLeases(of agent: String) throws(AgentIDError) -> [BrokerLeaseRecord] {
        try database.rows(
            "SELECT \(Self.columns) FROM broker_leases WHERE agent = ? ORDER BY id", .text(agent), read: Self.lease)
    }

    func brokerLeases(expiredBy time: Int64, limit: Int) throws(AgentIDError) -> [BrokerLeaseRecord] {
        try database.rows(
            "SELECT \(Self.columns) FROM broker_leases WHERE expires <= ? ORDER BY expires, id LIMIT ?", .int(time),
            .int(Int64(limit)), read: Self.lease)
    }

    func put(_ lease: BrokerLeaseRecord) throws(AgentIDError) {
        try database.run(
            "INSERT OR REPLACE INTO broker_leases (\(Self.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            .text(lease.id), .text(lease.agent), .text(lease.provider), .text(lease.resource), .text(lease.handle),
            .int(lease.acquired), .int(lease.expires), .text(lease.state.rawValue), .int(lease.attempts),
            .optional(lease.error))
    }

    func removeBrokerLease(_ id: String) throws(AgentIDError) {
        try database.run("DELETE FROM broker_leases WHERE id = ?", .text(id))
    }
}
