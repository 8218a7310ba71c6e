internal import StrictJSON

// Hooks and their deliveries in SQLite.
extension SQLiteSession {
    private static let hookColumns = "name, kind, events, command, deadline, max_attempts"
    private static let columns =
        "id, hook, agent, event, payload, attempts, next_at, claimed_until, claimed_by, state, error"

    private static func hook(_ row: SQLite.Row) throws(AgentIDError) -> HookRecord {
        HookRecord(
            name: try row.text(0), kind: try row.named(1), events: try texts(row, 2), command: try texts(row, 3),
            deadline: try row.int(4), maxAttempts: try row.int(5))
    }

    /// An array of texts, kept as JSON.
    static func texts(_ row: SQLite.Row, _ column: Int32) throws(AgentIDError) -> [String] {
        guard let root = try? JSON(parsing: try row.text(column)).root, root.kind == .array else {
            throw row.mistyped(column)
        }
        return root.elements.compactMap(\.string)
    }

    static func json(_ texts: [String]) -> SQLite.Value { .text(JSONTree.array(texts.map { .string($0) }).text) }

    private static func delivery(_ row: SQLite.Row) throws(AgentIDError) -> DeliveryRecord {
        DeliveryRecord(
            id: try row.int(0), hook: try row.text(1), agent: try row.text(2), event: try row.text(3),
            payload: try row.text(4), attempts: try row.int(5), nextAt: try row.int(6), claimedUntil: try row.int(7),
            claimedBy: try row.optionalText(8), state: try row.named(9), error: try row.optionalText(10))
    }

    func hooks() throws(AgentIDError) -> [HookRecord] {
        try database.rows("SELECT \(Self.hookColumns) FROM hooks ORDER BY name", read: Self.hook)
    }

    func put(_ hook: HookRecord) throws(AgentIDError) {
        try database.run(
            """
            INSERT INTO hooks (\(Self.hookColumns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO UPDATE
            SET kind = ?2, events = ?3, command = ?4, deadline = ?5, max_attempts = ?6
            """, .text(hook.name), .text(hook.kind.rawValue), Self.json(hook.events), Self.json(hook.command),
            .int(hook.deadline), .int(hook.maxAttempts))
    }

    func removeHook(named name: String) throws(AgentIDError) -> Bool {
        try database.run("DELETE FROM hooks WHERE name = ?", .text(name)) > 0
    }

    func deliveries(_ state: DeliveryRecord.State, hook: String?, limit: Int) throws(AgentIDError) -> [DeliveryRecord] {
        try database.rows(
            """
            SELECT \(Self.columns) FROM deliveries WHERE state = ?1 AND (?2 IS NULL OR hook = ?2) ORDER BY id LIMIT ?3
            """,
            .text(state.rawValue), .optional(hook), .int(Int64(limit)), read: Self.delivery)
    }

    func deliveryCounts(of hook: String) throws(AgentIDError) -> (pending: Int, dead: Int) {
        try database.first(
            "SELECT count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'dead') FROM deliveries WHERE hook = ?",
            .text(hook)
        ) { row throws(AgentIDError) in (Int(try row.int(0)), Int(try row.int(1))) } ?? (0, 0)
    }

    func deliveryLoads(of hook: String) throws(AgentIDError) -> [DeliveryLoad] {
        try database.rows(
            """
            SELECT source, count(*), sum(length(CAST(payload AS BLOB))) FROM deliveries
            WHERE hook = ? AND source <> '' GROUP BY source
            """, .text(hook)
        ) { row throws(AgentIDError) in
            DeliveryLoad(source: try row.text(0), count: Int(try row.int(1)), bytes: Int(try row.int(2)))
        }
    }

    func deliveryCount(about agent: String) throws(AgentIDError) -> Int {
        Int(
            try database.number("SELECT count(*) FROM deliveries WHERE agent = ? AND state = 'pending'", .text(agent))
                ?? 0)
    }

    func enqueue(
        hook: String, agent: String, event: String, payload: String, source: String, at time: Int64
    ) throws(AgentIDError) {
        try database.run(
            "INSERT INTO deliveries (hook, agent, event, payload, source, next_at) VALUES (?, ?, ?, ?, ?, ?)",
            .text(hook), .text(agent), .text(event), .text(payload), .text(source), .int(time))
    }

    /// Whether a delivery's turn has not come at ?2: as ``DeliveryRecord/waits(at:)``.
    private static let waits = """
        (next_at > ?2 AND next_at <= ?2 + \(RetryDelay.longest)
            OR claimed_until > ?2 AND claimed_until <= ?2 + \(DeliveryRecord.longestClaim))
        """
    /// The pending deliveries of hook ?1 that are due at ?2 and not blocked by an earlier one of the same agent, which
    /// is not due or taken. Those of one agent that are due come together, and in their order.
    private static let due = """
        FROM deliveries AS d WHERE hook = ?1 AND state = 'pending' AND NOT \(waits)
            AND NOT EXISTS (
                SELECT 1 FROM deliveries WHERE hook = ?1 AND agent = d.agent AND state = 'pending' AND id < d.id
                    AND \(waits))
        """

    func hasDelivery(of hook: String, dueBy time: Int64) throws(AgentIDError) -> Bool {
        try database.hasRow("SELECT 1 \(Self.due) LIMIT 1", .text(hook), .int(time))
    }

    func claimDeliveries(
        of hook: String, by claimant: String, at now: Int64, until deadline: Int64, limit: Int
    ) throws(AgentIDError) -> [DeliveryRecord] {
        // RETURNING gives rows in no particular order.
        try database.rows(
            """
            UPDATE deliveries SET attempts = attempts + 1, claimed_by = ?3, claimed_until = ?4 WHERE id IN (
                SELECT id \(Self.due) ORDER BY id LIMIT ?5)
            RETURNING \(Self.columns)
            """, .text(hook), .int(now), .text(claimant), .int(deadline), .int(Int64(limit)), read: Self.delivery
        ).inOrder { $0.id < $1.id }
    }

    func giveUpDeliveries(
        of hook: String, afterAttempts most: Int64, at now: Int64, error: String
    ) throws(AgentIDError) -> Int {
        try database.run(
            """
            UPDATE deliveries SET state = 'dead', error = ?4, claimed_until = 0, claimed_by = NULL
            WHERE hook = ?1 AND state = 'pending' AND claimed_by IS NOT NULL AND attempts >= ?3 AND NOT \(Self.waits)
            """, .text(hook), .int(now), .int(most), .text(error))
    }

    func release(_ delivery: Int64, by claimant: String) throws(AgentIDError) -> Bool {
        try database.run(
            """
            UPDATE deliveries SET attempts = attempts - 1, claimed_until = 0, claimed_by = NULL
            WHERE id = ? AND claimed_by = ?
            """, .int(delivery), .text(claimant)) > 0
    }

    func complete(_ delivery: Int64, by claimant: String) throws(AgentIDError) -> Bool {
        try database.run("DELETE FROM deliveries WHERE id = ? AND claimed_by = ?", .int(delivery), .text(claimant)) > 0
    }

    func fail(
        _ delivery: Int64, by claimant: String, error: String, retryAt time: Int64?
    ) throws(AgentIDError) -> Bool {
        try database.run(
            """
            UPDATE deliveries SET error = ?3, state = iif(?4 IS NULL, 'dead', 'pending'),
                next_at = coalesce(?4, next_at), claimed_until = 0, claimed_by = NULL
            WHERE id = ?1 AND claimed_by = ?2
            """, .int(delivery), .text(claimant), .text(error), .optional(time)) > 0
    }

    func retry(_ delivery: Int64, at time: Int64) throws(AgentIDError) -> Bool {
        try database.run(
            "UPDATE deliveries SET state = 'pending', attempts = 0, next_at = ? WHERE id = ? AND state = 'dead'",
            .int(time), .int(delivery)) > 0
    }
}
