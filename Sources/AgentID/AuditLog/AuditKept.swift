internal import StrictJSON

/// The range of a log's entries that is in this directory: all of them, unless some were archived.
///
/// The hashes of all entries stay: archived entries are proved and verified by the same signed tree.
struct AuditKept: Sendable, Equatable {
    static let path = "kept"

    var from: UInt64 = 0
    /// The end of an archive; `nil` for a log, which also keeps new entries.
    var to: UInt64?

    func contains(_ index: UInt64) -> Bool { index >= from && index < to ?? .max }

    /// Reads the range of a log's directory; all entries if it does not say.
    init(reading directory: String, files: any AuditFiles) throws(AgentIDError) {
        let path = "\(directory)/\(Self.path)"
        guard let bytes = try files.read(path, limit: 4096) else { return }
        guard let root = try? JSON(parsing: bytes).root, let from = root["from"]?.int, from >= 0, from & 255 == 0 else {
            throw Self.damaged(path)
        }
        self.from = UInt64(from)
        if let to = root["to"], to.kind != .null {
            // Whole bundles, and at least one: an archive without entries is never made.
            guard let end = to.int, end > from, end & 255 == 0 else { throw Self.damaged(path) }
            self.to = UInt64(end)
        }
    }

    init(from: UInt64, to: UInt64?) { (self.from, self.to) = (from, to) }

    var bytes: [UInt8] {
        let tree: JSONTree = [
            "from": .int(Int(clamping: from)), "to": to.map { .int(Int(clamping: $0)) } ?? .null,
        ]
        return tree.canonical()
    }

    static func damaged(_ path: String) -> AgentIDError {
        AgentIDError(
            .malformed, name: "audit_damaged",
            message: "the audit log is damaged: audit/kept does not say which entries are here", at: path)
    }
}
