/// A log's gaps and faults, for its statistics; each is told to the operator as it is noted.
struct AuditNotes {
    /// The latest 256.
    private(set) var gaps: [AuditGap] = []
    private(set) var lastError: AgentIDError?

    mutating func add(_ found: [AuditGap]) {
        gaps = Array((gaps + found).suffix(256))
        guard let last = found.last else { return }
        ProcessLog.write(
            .error, .auditGaps, "audit_gap",
            "lines of the audit log are damaged or missing: "
                + "\(last.kind.rawValue) in segment \(last.segment)")
    }

    /// Keeps an error of the background's work.
    mutating func fail(_ error: AgentIDError) {
        lastError = error
        ProcessLog.write(
            .error, .auditIntegration, error.name,
            "the audit log is not synced, or not integrated: \(error.message)")
    }
}
