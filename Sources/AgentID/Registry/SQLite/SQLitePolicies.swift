// Policies in SQLite.
extension SQLiteSession {
    func policy(_ version: Int64) throws(AgentIDError) -> PolicyRecord? {
        try database.first("SELECT version, document, applied FROM policies WHERE version = ?", .int(version)) {
            row throws(AgentIDError) in
            PolicyRecord(version: try row.int(0), document: try row.blob(1), appliedAt: try row.int(2))
        }
    }

    func put(_ policy: PolicyRecord) throws(AgentIDError) {
        try database.run(
            "INSERT INTO policies VALUES (?, ?, ?)", .int(policy.version), .blob(policy.document),
            .int(policy.appliedAt))
        // Versions may have gaps: the oldest of more than are kept go.
        try database.run(
            "DELETE FROM policies WHERE version NOT IN (SELECT version FROM policies ORDER BY version DESC LIMIT ?)",
            .int(PolicyRecord.kept))
        try database.run("UPDATE meta SET policy_version = ?", .int(policy.version))
        _ = try announce()
    }
}
