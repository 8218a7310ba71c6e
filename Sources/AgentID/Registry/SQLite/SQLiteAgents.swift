internal import StrictJSON

// Agents in SQLite.
extension SQLiteSession {
    private static let columns =
        "id, parent, profile, owner, principal, task, intent, key, state, created, ended, end_reason, tombstone"
    private static let isParked =
        "EXISTS (SELECT 1 FROM leases WHERE leases.agent = agents.id AND sealed IS NOT NULL)"
    private static let readColumns =
        "\(columns), CASE state WHEN 'active' THEN \(isParked) END"

    private func record(_ row: SQLite.Row) throws(AgentIDError) -> AgentRecord {
        var agent = AgentRecord(
            id: try row.text(0), parent: try row.optionalText(1), profile: try row.text(2), owner: try row.text(3),
            principal: try row.text(4), task: try row.text(5), intent: try row.optionalText(6), key: try row.text(7),
            created: try row.int(9))
        agent.state = try row.optionalInt(13) == 1 ? .parked : row.named(8)
        agent.ended = try row.optionalInt(10)
        agent.endReason = try row.optionalText(11)
        agent.tombstone = try row.optionalBytes(12).map { bytes throws(AgentIDError) in try unpacked(bytes) }
        return agent
    }

    func agent(_ id: String) throws(AgentIDError) -> AgentRecord? {
        try database.first("SELECT \(Self.readColumns) FROM agents WHERE id = ?", .text(id), read: record)
    }

    /// Whether an agent's last grant has expired, or it is revoked by itself. Chains are not read: when the grant was issued
    /// tells the key that signed.
    private static let isOver = """
        coalesce((SELECT grants.expires FROM grants WHERE agent = id ORDER BY grants.rowid DESC LIMIT 1), 0) <= ?1 / 1000
        OR \(isRevoked)
        """
    private static let isRevoked = """
        EXISTS (SELECT 1 FROM revocations WHERE kind = 'agent' AND value IN (id, substr(id, 1, length(id) - 37)))
        OR EXISTS (SELECT 1 FROM revocations WHERE kind = 'profile' AND value = profile)
        OR EXISTS (SELECT 1 FROM revocations WHERE kind = 'principal' AND value IN (principal, owner))
        OR EXISTS (SELECT 1 FROM revocations WHERE kind = 'key' AND value = key)
        OR EXISTS (SELECT 1 FROM revocations WHERE kind = 'grant'
            AND value = (SELECT jti FROM grants WHERE agent = id ORDER BY grants.rowid DESC LIMIT 1))
        OR EXISTS (SELECT 1 FROM revocations WHERE kind = 'issuer' AND value = (
            SELECT thumbprint FROM keys WHERE role = 'active' OR role = 'retired' AND retired_at >=
                (SELECT issued FROM grants WHERE agent = id ORDER BY grants.rowid DESC LIMIT 1)
            ORDER BY role = 'active', retired_at LIMIT 1))
        """

    func agentCounts(at now: Int64) throws(AgentIDError) -> AgentCounts {
        var counts = AgentCounts()
        let soon = now > .max - AgentCounts.soon ? .max : now + AgentCounts.soon
        let rows = try database.rows(
            """
            WITH RECURSIVE stopped (agent) AS (
                SELECT id FROM agents LEFT JOIN leases ON leases.agent = id WHERE state = 'suspended'
                    OR state = 'active' AND (sealed IS NOT NULL OR coalesce(leases.expires, 0) <= ?1 OR \(Self.isOver))
                UNION SELECT id FROM stopped JOIN agents ON parent = stopped.agent WHERE state = 'active'
            )
            SELECT CASE WHEN state = 'active' AND sealed IS NOT NULL THEN 'parked' ELSE state END,
            (expires > ?1) + (expires > ?2), id IN stopped, count(*) FROM agents LEFT JOIN leases ON leases.agent = id
            WHERE state IN ('active', 'suspended') GROUP BY 1, 2, 3
            """, .int(now), .int(soon)
        ) { row throws(AgentIDError) in
            let state: AgentRecord.State = try row.named(0)
            return (state, try row.optionalInt(1) ?? 0, try row.int(2) != 0, Int(clamping: try row.int(3)))
        }
        for (state, left, isDenied, count) in rows {
            let lease: Int64? =
                switch left {
                case 0: nil
                case 1: soon
                default: .max
                }
            counts.add(count, state, lease: lease, isDenied: isDenied, now: now)
        }
        let ended = try database.number("SELECT count(*) FROM agents WHERE state = 'deprovisioned'")
        counts.ended = Int(clamping: ended ?? 0)
        return counts
    }

    func agents(_ filter: AgentFilter) throws(AgentIDError) -> [AgentRecord] {
        let asked: [(column: String, value: String?)] = [
            ("profile", filter.profile), ("principal", filter.principal), ("owner", filter.owner),
            ("parent", filter.parent), ("state", filter.state == .parked ? nil : filter.state?.rawValue),
        ]
        var conditions: [String] = []
        var values: [SQLite.Value] = []
        for (column, value) in asked {
            guard let value else { continue }
            conditions.append("\(column) = ?")
            values.append(.text(value))
        }
        // One that was suspended meanwhile is both.
        if filter.state == .parked { conditions.append("state <> 'deprovisioned' AND \(Self.isParked)") }
        if filter.state == .active { conditions.append("NOT \(Self.isParked)") }
        if let after = filter.after {
            conditions.append("id > ?")
            values.append(.text(after))
        }
        let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        values += [.int(Int64(max(filter.limit, 0))), .int(Int64(max(filter.offset, 0)))]
        return try database.query(
            "SELECT \(Self.readColumns) FROM agents\(condition) ORDER BY id LIMIT ? OFFSET ?", values, read: record)
    }

    func subtree(of agent: String) throws(AgentIDError) -> [AgentRecord] {
        // '0' is the character after '/': the IDs that start with the agent's and a slash.
        try database.rows(
            """
            WITH RECURSIVE tree (id) AS (
                VALUES (?1)
                UNION SELECT id FROM agents WHERE id > ?1 || '/' AND id < ?1 || '0'
                UNION SELECT agents.id FROM agents JOIN tree ON agents.parent = tree.id
            )
            SELECT \(Self.readColumns) FROM agents WHERE id IN tree ORDER BY created, id
            """, .text(agent), read: record)
    }

    func agentsWithoutTombstone(limit: Int) throws(AgentIDError) -> [AgentRecord] {
        // Forces this index: by itself, SQLite scans all agents that ever ended.
        try database.rows(
            """
            SELECT \(Self.readColumns) FROM agents INDEXED BY agents_unburied
            WHERE state = 'deprovisioned' AND tombstone IS NULL
            ORDER BY ended, id LIMIT ?
            """, .int(Int64(limit)), read: record)
    }

    func standing(of agents: [String]) throws(AgentIDError) -> [AgentStanding] {
        var found: [AgentStanding] = []
        for agent in agents {
            let standing = try database.first(
                "SELECT \(Self.standingColumns) FROM agents LEFT JOIN leases ON agent = id WHERE id = ?", .text(agent),
                read: Self.standing)
            if let standing { found.append(standing) }
        }
        return found
    }

    private static let standingColumns =
        "id, CASE WHEN state = 'active' AND sealed IS NOT NULL THEN 'parked' ELSE state END, expires, key, profile, "
        + "owner, principal"

    /// The stored form of a state: a parked agent is stored as an active one.
    private static func stored(_ state: AgentRecord.State) -> String {
        (state == .parked ? .active : state).rawValue
    }

    private static func standing(_ row: SQLite.Row) throws(AgentIDError) -> AgentStanding {
        AgentStanding(
            agent: try row.text(0), state: try row.named(1), leaseExpires: try row.optionalInt(2), key: try row.text(3),
            profile: try row.text(4), owner: try row.text(5), principal: try row.text(6))
    }

    func holders(of key: String, limit: Int) throws(AgentIDError) -> [AgentStanding] {
        var found: [AgentStanding] = []
        // State by state: if thousands of agents had the key, one that ended is found at once.
        for state in [AgentRecord.State.deprovisioned, .suspended, .active] {
            found += try database.rows(
                """
                SELECT \(Self.standingColumns) FROM agents LEFT JOIN leases ON agent = id
                WHERE key = ?1 AND state = ?2 LIMIT ?3
                """, .text(key), .text(state.rawValue), .int(Int64(limit)), read: Self.standing)
        }
        // Only the name of a pruned agent is left: it has ended.
        return try found
            + database.rows(
                """
                SELECT former_keys.agent, CASE WHEN state = 'active' AND sealed IS NOT NULL THEN 'parked' ELSE coalesce(state, 'deprovisioned') END,
                    expires, coalesce(key, ''),
                    coalesce(profile, ''), coalesce(owner, ''), coalesce(principal, '')
                FROM former_keys LEFT JOIN agents ON id = former_keys.agent
                LEFT JOIN leases ON leases.agent = id WHERE thumbprint = ?1 ORDER BY id IS NOT NULL LIMIT ?2
                """, .text(key), .int(Int64(limit)), read: Self.standing)
    }

    func isFormerKey(_ key: String, of agent: String) throws(AgentIDError) -> Bool {
        try database.hasRow(
            "SELECT 1 FROM former_keys WHERE thumbprint = ? AND agent = ?", .text(key), .text(agent))
    }

    func insert(_ agent: AgentRecord) throws(AgentIDError) {
        try database.run(
            "INSERT INTO agents (\(Self.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", .text(agent.id),
            .optional(agent.parent), .text(agent.profile), .text(agent.owner), .text(agent.principal),
            .text(agent.task), .optional(agent.intent), .text(agent.key), .text(Self.stored(agent.state)),
            .int(agent.created), .optional(agent.ended), .optional(agent.endReason),
            try agent.tombstone.map { text throws(AgentIDError) in try packed(text, like: .tombstone) } ?? .null)
    }

    func formerKeys(of agent: String) throws(AgentIDError) -> [String] {
        try database.rows("SELECT thumbprint FROM former_keys WHERE agent = ?", .text(agent)) {
            row throws(AgentIDError) in try row.text(0)
        }
    }

    func update(_ agent: AgentRecord) throws(AgentIDError) -> Bool {
        try database.run(
            "INSERT OR IGNORE INTO former_keys SELECT key, id FROM agents WHERE id = ? AND key <> ?", .text(agent.id),
            .text(agent.key))
        return try database.run(
            "UPDATE agents SET key = ?, state = ?, ended = ?, end_reason = ?, tombstone = ? WHERE id = ?",
            .text(agent.key), .text(Self.stored(agent.state)), .optional(agent.ended), .optional(agent.endReason),
            try agent.tombstone.map { text throws(AgentIDError) in try packed(text, like: .tombstone) } ?? .null,
            .text(agent.id)) > 0
    }
}
