internal import StrictJSON

// Requests for approval in SQLite.
extension SQLiteSession {
    private static let approvalColumns =
        "id, call, agent, task, asked, expires, document, arguments, state, tokens, refused_by"

    private static func approval(_ row: SQLite.Row) throws(AgentIDError) -> ApprovalRecord {
        ApprovalRecord(
            id: try row.text(0), call: try row.text(1), agent: try row.text(2), task: try row.text(3),
            asked: try row.int(4), expires: try row.int(5), document: try row.text(6),
            arguments: try row.optionalText(7), state: try row.named(8), tokens: try texts(row, 9),
            refusedBy: try row.optionalText(10))
    }

    func approval(_ id: String) throws(AgentIDError) -> ApprovalRecord? {
        try database.first("SELECT \(Self.approvalColumns) FROM approvals WHERE id = ?", .text(id), read: Self.approval)
    }

    func approval(ofCall call: String) throws(AgentIDError) -> ApprovalRecord? {
        try database.first(
            "SELECT \(Self.approvalColumns) FROM approvals WHERE call = ?", .text(call), read: Self.approval)
    }

    func approvals(limit: Int) throws(AgentIDError) -> [ApprovalRecord] {
        try database.rows(
            "SELECT \(Self.approvalColumns) FROM approvals ORDER BY asked, id LIMIT ?", .int(Int64(limit)),
            read: Self.approval)
    }

    func approvalCounts(of task: String, at time: Int64) throws(AgentIDError) -> (ofTask: Int, inAll: Int) {
        try database.first(
            "SELECT count(*) FILTER (WHERE task = ?1), count(*) FROM approvals WHERE expires > ?2", .text(task),
            .int(time)
        ) {
            row throws(AgentIDError) in (Int(try row.int(0)), Int(try row.int(1)))
        } ?? (0, 0)
    }

    func approvalCount(ofPrincipal principal: String, at time: Int64) throws(AgentIDError) -> Int {
        // Within a value a quote is escaped: no other document has this text.
        let member = JSONTree.object(["principal": .string(principal)]).text.dropFirst().dropLast()
        let count = try database.number(
            """
            SELECT count(*) FROM approvals
            WHERE expires > ? AND substr(task, 1, 6) = 'agent:' AND instr(document, ?) > 0
            """, .int(time), .text(String(member)))
        return Int(count ?? 0)
    }

    func hasApproval(lapsedBy time: Int64) throws(AgentIDError) -> Bool {
        try database.hasRow("SELECT 1 FROM approvals WHERE expires <= ? LIMIT 1", .int(time))
    }

    func put(_ approval: ApprovalRecord) throws(AgentIDError) {
        func put() throws(AgentIDError) {
            try database.run(
                "INSERT OR REPLACE INTO approvals (\(Self.approvalColumns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                .text(approval.id), .text(approval.call), .text(approval.agent), .text(approval.task),
                .int(approval.asked), .int(approval.expires), .text(approval.document), .optional(approval.arguments),
                .text(approval.state.rawValue), Self.json(approval.tokens), .optional(approval.refusedBy))
        }
        if approval.arguments == nil { try overwriting { () throws(AgentIDError) in try put() } } else { try put() }
    }

    func removeApproval(_ id: String) throws(AgentIDError) -> Bool {
        try overwriting { () throws(AgentIDError) in
            try database.run("DELETE FROM approvals WHERE id = ?", .text(id)) > 0
        }
    }

    func removeApprovals(of agent: String) throws(AgentIDError) {
        // Most agents that end have never asked.
        guard try hasApproval(lapsedBy: .max) else { return }
        try overwriting { () throws(AgentIDError) in
            // All IDs below an agent's begin with it and a slash; `0` comes next after that.
            _ = try database.run(
                "DELETE FROM approvals WHERE agent = ?1 OR agent > ?1 || '/' AND agent < ?1 || '0'", .text(agent))
        }
    }

    func removeApprovals(lapsedBy time: Int64) throws(AgentIDError) {
        try overwriting { () throws(AgentIDError) in
            _ = try database.run("DELETE FROM approvals WHERE expires <= ?", .int(time))
        }
    }

    /// Writes zeroes over what is removed: the file's free pages would keep arguments' values. The write-ahead log keeps them
    /// until it is written over, at the latest until the last process closes the registry.
    private func overwriting<Result>(_ body: () throws(AgentIDError) -> Result) throws(AgentIDError) -> Result {
        try database.script("PRAGMA secure_delete=ON")
        defer { try? database.script("PRAGMA secure_delete=OFF") }
        return try body()
    }
}
