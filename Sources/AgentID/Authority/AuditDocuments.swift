public import StrictJSON
internal import TransparencyLog

// The audit log as documents for other tools and languages.
extension AuditReader {
    /// Opens the audit log of an authority's directory.
    ///
    /// - Parameters:
    ///   - directory: The authority's directory, an archive of its log, or a copy of its directory `audit` alone.
    ///   - key: The key that must have signed its checkpoint, `name+hash+key`. With `nil`, the key in the directory
    ///     itself:
    ///     that reveals damage, but not a forged log.
    public init(authority directory: String, key: String? = nil) throws(AgentIDError) {
        let audit = try Self.place(of: directory)
        let told: String
        if let key {
            told = key
        } else {
            guard try Files.isPresent("\(audit)/\(AuditTrail.keyPath)") else {
                throw AgentIDError(
                    .notFound, name: "no_audit_log", message: "there is no audit log in \(directory)", at: "directory")
            }
            told = String(decoding: try Files.read("\(audit)/\(AuditTrail.keyPath)"), as: UTF8.self)
        }
        try self.init(directory: audit, key: told)
        events = { number in RegistryOutbox.waiting(in: directory, after: number) }
    }

    /// The path of the log in an authority's directory, in an archive of one, or in a copy of the log alone.
    private static func place(of directory: String) throws(AgentIDError) -> String {
        try AuthorityDirectory.check(directory)
        var isLog = try Files.isPresent("\(directory)/\(AuditKept.path)")
        if !isLog { isLog = try Files.isPresent("\(directory)/\(Checkpoint.path)") }
        guard isLog, try !Files.isPresent("\(directory)/registry.db") else {
            return try AuthorityDirectory(reading: directory).auditPath
        }
        let archive = try Files.resolve(directory)
        try Files.checkDirectory(archive, isReader: true)
        return archive
    }

    /// Size, root, key, and the checkpoint as a signed note that others can verify; the first entry that is here, and the end
    /// of those.
    public func head() throws(AgentIDError) -> JSONTree {
        [
            "size": .int(Int(clamping: count)), "first": .int(Int(clamping: first)), "end": .int(Int(clamping: last)),
            "root": .string(checkpoint.root.base64), "key": .string(key),
            "checkpoint": .string(note),
        ]
    }

    /// The proof that an entry is in the log (RFC 6962 section 2.1.1).
    public func proof(of index: UInt64) throws(AgentIDError) -> JSONTree {
        let proof = try inclusionProof(of: index)
        let entry = try entry(at: index)
        let leaf = MerkleHash.leaf(entry.span)
        return [
            "index": .int(Int(clamping: index)), "size": .int(Int(clamping: proof.size)),
            "leaf": .string(leaf.base64), "path": .array(proof.path.map { .string($0.base64) }),
            "checkpoint": .string(note),
        ]
    }

    /// The proof that the log of `to` entries starts with the log of `from` entries (RFC 6962 section 2.1.2).
    public func consistency(from: UInt64, to: UInt64?) throws(AgentIDError) -> JSONTree {
        let proof = try consistencyProof(from: from, to: to)
        return [
            "from": .int(Int(clamping: proof.oldSize)), "to": .int(Int(clamping: proof.newSize)),
            "old_root": .string(try checkpoint(ofFirst: proof.oldSize).root.base64),
            "new_root": .string(try checkpoint(ofFirst: proof.newSize).root.base64),
            "path": .array(proof.path.map { .string($0.base64) }), "checkpoint": .string(note),
        ]
    }

    /// A decision's entry, its index, and the events reported about it. Reads the log from its end.
    public func find(decision: String) throws(AgentIDError) -> JSONTree {
        var outcome: JSONTree = .null
        var end = min(count, kept.to ?? .max)
        while end > first {
            let start = (end - 1) / 256 * 256
            let lines = try entries(from: start, limit: Int(end - start))
            for (i, line) in lines.enumerated().reversed() {
                guard let entry = try? JSON(parsing: line).root else { continue }
                if entry["kind"]?.equals("outcome") == true, entry["decision"]?.equals(decision) == true {
                    if case .null = outcome { outcome = entry["outcome"].map { .value($0) } ?? .null }
                } else if entry["kind"]?.equals("decision") == true || entry["kind"]?.equals("denials") == true,
                    entry["id"]?.equals(decision) == true
                {
                    return ["index": .int(Int(clamping: start) + i), "entry": .value(entry), "outcome": outcome]
                }
            }
            end = start
        }
        throw AgentIDError(
            .notFound, name: "decision", message: "the audit log has no decision of this ID\(among)", at: "decision")
    }
}

extension AuditVerification {
    /// The answer as a document.
    public var document: JSONTree {
        [
            "sound": .bool(isSound), "size": .int(Int(clamping: checkpoint.size)),
            "archived": .int(Int(clamping: archived)), "pending": .int(pending),
            "findings": .array(
                findings.map { ["place": .string($0.place.description), "message": .string($0.message)] }),
        ]
    }
}
