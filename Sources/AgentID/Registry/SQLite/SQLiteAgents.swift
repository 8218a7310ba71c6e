internal import StrictJSON

// Agents, their grants and their leases in SQLite.
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
        try database.first(
            "SELECT 1 FROM former_keys WHERE thumbprint = ? AND agent = ?", .text(key), .text(agent)
        ) { _ throws(AgentIDError) in true } ?? false
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

    func insert(_ grant: GrantRecord) throws(AgentIDError) {
        try database.run(
            "INSERT INTO grants VALUES (?, ?, ?, ?, ?)", .text(grant.id), .text(grant.agent),
            try packed(grant.chain, like: .chain),
            .int(grant.issued), .int(grant.expires))
    }

    func grants(of agent: String) throws(AgentIDError) -> [GrantRecord] {
        try database.rows(
            "SELECT jti, chain, issued, expires FROM grants WHERE agent = ? ORDER BY issued, jti", .text(agent)
        ) { row throws(AgentIDError) in
            GrantRecord(
                id: try row.text(0), agent: agent, chain: try unpacked(row.bytes(1)), issued: try row.int(2),
                expires: try row.int(3))
        }
    }

    func lastGrants(of agents: [String]) throws(AgentIDError) -> [GrantRecord?] {
        try agents.map { agent throws(AgentIDError) in
            try database.first(
                // By the order of their coming: a clock may be set back.
                "SELECT jti, chain, issued, expires FROM grants WHERE agent = ? ORDER BY rowid DESC LIMIT 1",
                .text(agent)
            ) { row throws(AgentIDError) in
                GrantRecord(
                    id: try row.text(0), agent: agent, chain: try unpacked(row.bytes(1)), issued: try row.int(2),
                    expires: try row.int(3))
            }
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
        try database.first("SELECT expires FROM grants ORDER BY expires DESC LIMIT 1") { row throws(AgentIDError) in
            try row.int(0)
        }
    }

    func lastGrantIssue(after time: Int64) throws(AgentIDError) -> Int64? {
        // A grant expires after it was issued, so the index excludes all that cannot match.
        try database.first(
            "SELECT issued FROM grants WHERE expires > ? AND issued > ? ORDER BY issued DESC LIMIT 1", .int(time),
            .int(time)
        ) { row throws(AgentIDError) in try row.int(0) }
    }

    func grant(_ id: String) throws(AgentIDError) -> GrantRecord? {
        try database.first("SELECT agent, chain, issued, expires FROM grants WHERE jti = ?", .text(id)) {
            row throws(AgentIDError) in
            GrantRecord(
                id: id, agent: try row.text(0), chain: try unpacked(row.bytes(1)), issued: try row.int(2),
                expires: try row.int(3))
        }
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
                AND (expires > ?2 - grace OR (boot = ?4 AND boot <> '' AND runs_until > ?6 - grace))
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
                AND CASE WHEN boot = ?4 AND boot <> '' THEN runs_until <= ?5 - grace ELSE expires <= ?6 - grace END
                ORDER BY expires, agent LIMIT ?7
                """, .int(time.wall), .int(last?.expires ?? .min), .text(last?.agent ?? ""), .text(time.steady.boot),
                .int(time.steady.milliseconds), .int(time.ofOtherBoots), .int(Int64(limit - found.count)),
                .int(time.latest), read: Self.lease)
        }
        return found
    }

    private static let leaseColumns = "agent, expires, renewed, holder, boot, runs_until, grace, sealed"

    private static func lease(_ row: SQLite.Row) throws(AgentIDError) -> LeaseRecord {
        LeaseRecord(
            agent: try row.text(0), expires: try row.int(1), renewed: try row.int(2), holder: try row.text(3),
            runsUntil: SteadyTime(boot: try row.text(4), milliseconds: try row.int(5)), grace: try row.int(6),
            sealed: try row.optionalBytes(7))
    }
}
