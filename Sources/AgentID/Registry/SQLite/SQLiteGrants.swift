internal import StrictJSON

// Grants in SQLite.
extension SQLiteSession {
    private static let grantColumns = "jti, agent, chain, issued, expires"

    private func grantRecord(_ row: SQLite.Row) throws(AgentIDError) -> GrantRecord {
        GrantRecord(
            id: try row.text(0), agent: try row.text(1), chain: try unpacked(row.bytes(2)), issued: try row.int(3),
            expires: try row.int(4))
    }

    func insert(_ grant: GrantRecord) throws(AgentIDError) {
        try database.run(
            "INSERT INTO grants VALUES (?, ?, ?, ?, ?)", .text(grant.id), .text(grant.agent),
            try packed(grant.chain, like: .chain), .int(grant.issued), .int(grant.expires))
    }

    func grants(of agent: String) throws(AgentIDError) -> [GrantRecord] {
        try database.rows(
            "SELECT \(Self.grantColumns) FROM grants WHERE agent = ? ORDER BY issued, jti", .text(agent),
            read: grantRecord)
    }

    func lastGrants(of agents: [String]) throws(AgentIDError) -> [GrantRecord?] {
        try agents.map { agent throws(AgentIDError) in
            try database.first(
                // By the order of their coming: a clock may be set back.
                "SELECT \(Self.grantColumns) FROM grants WHERE agent = ? ORDER BY rowid DESC LIMIT 1", .text(agent),
                read: grantRecord)
        }
    }

    func removeGrants(of agent: String, expiredBefore time: Int64) throws(AgentIDError) {
        try database.run(
            """
            DELETE FROM grants WHERE agent = ?1 AND expires < ?2
            AND jti <> (SELECT jti FROM grants WHERE agent = ?1 ORDER BY issued, jti LIMIT 1)
            """, .text(agent), .int(time))
    }

    func lastGrantExpiry() throws(AgentIDError) -> Int64? {
        try database.number("SELECT expires FROM grants ORDER BY expires DESC LIMIT 1")
    }

    func lastGrantIssue(after time: Int64) throws(AgentIDError) -> Int64? {
        // A grant expires after it was issued, so the index excludes all that cannot match.
        try database.number(
            "SELECT issued FROM grants WHERE expires > ? AND issued > ? ORDER BY issued DESC LIMIT 1", .int(time),
            .int(time))
    }

    func grant(_ id: String) throws(AgentIDError) -> GrantRecord? {
        try database.first("SELECT \(Self.grantColumns) FROM grants WHERE jti = ?", .text(id), read: grantRecord)
    }
}
