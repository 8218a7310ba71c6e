// The remains of agents that ended long ago.
extension SQLiteSession {
    func prunedTombstone(of agent: String) throws(AgentIDError) -> String? {
        try database.first("SELECT tombstone FROM tombstones WHERE agent = ?", .text(agent)) {
            row throws(AgentIDError) in
            try unpacked(row.bytes(0))
        }
    }

    func prunedAgents(endedAfter time: Int64, limit: Int) throws(AgentIDError) -> [String] {
        try database.rows(
            "SELECT agent FROM tombstones WHERE ended > ? ORDER BY ended DESC, agent LIMIT ?", .int(time),
            .int(Int64(limit))
        ) { row throws(AgentIDError) in try row.text(0) }
    }

    func prune(endedBefore ended: Int64, expiredBefore expired: Int64, limit: Int) throws(AgentIDError) -> Int {
        // Children first: no agent may be left whose parent is unknown.
        let found = try database.rows(
            """
            SELECT id FROM agents INDEXED BY agents_ended
            WHERE ended < ?1 AND state = 'deprovisioned' AND tombstone IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM grants WHERE grants.agent = agents.id AND expires >= ?2)
            AND NOT EXISTS (SELECT 1 FROM agents AS child WHERE child.parent = agents.id)
            AND NOT EXISTS (SELECT 1 FROM broker_leases WHERE broker_leases.agent = agents.id)
            AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.agent = agents.id)
            ORDER BY ended LIMIT ?3
            """, .int(ended), .int(expired), .int(Int64(limit))
        ) { row throws(AgentIDError) in try row.text(0) }
        for agent in found {
            try database.run(
                "INSERT OR IGNORE INTO tombstones SELECT id, ended, tombstone FROM agents WHERE id = ?", .text(agent))
            // Grants that others delegated to its key may be valid for longer.
            try database.run(
                "INSERT OR IGNORE INTO former_keys SELECT key, id FROM agents WHERE id = ?", .text(agent))
            // Nobody can present an expired grant, and none is accepted from an unknown agent.
            try database.run(
                "DELETE FROM revocations WHERE kind = 'grant' AND value IN (SELECT jti FROM grants WHERE agent = ?)",
                .text(agent))
            // With names below it that are in no registry: '0' is what follows '/'.
            try database.run(
                "DELETE FROM revocations WHERE kind = 'agent' AND (value = ?1 OR value > ?1 || '/' AND value < ?1 || '0')",
                .text(agent))
            try database.run("DELETE FROM grants WHERE agent = ?", .text(agent))
            try database.run("DELETE FROM leases WHERE agent = ?", .text(agent))
            try database.run("DELETE FROM counters WHERE agent = ?1 AND agent <> ''", .text(agent))
            try database.run("DELETE FROM agents WHERE id = ?", .text(agent))
        }
        return found.count
    }

    func pruneCounters(endedBefore ended: Int64, limit: Int) throws(AgentIDError) -> Int {
        let (time, isTooMuch) = ended.multipliedReportingOverflow(by: 1000)
        guard !isTooMuch else { return 0 }
        let found = try database.rows(
            "SELECT name FROM counters WHERE until < ?1 AND until < 9223372036854775807 LIMIT ?2", .int(time),
            .int(Int64(limit))
        ) { row throws(AgentIDError) in try row.text(0) }
        for name in found { try database.run("DELETE FROM counters WHERE name = ?", .text(name)) }
        return found.count
    }
}
