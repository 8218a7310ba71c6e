public import AgentID
public import StrictJSON
public import TransparencyLog

extension AuditReader {
    /// Opens the audit log of an authority's directory.
    ///
    /// - Parameters:
    ///   - directory: The authority's directory.
    ///   - key: The key that must have signed its checkpoint, `name+hash+key`; `nil`: the key in the directory
    ///     itself.
    public static func open(authority directory: String, key: String? = nil) async throws(AgentIDError) -> AuditReader {
        try await WaitingThreads.run { () throws(AgentIDError) in try AuditReader(authority: directory, key: key) }
    }

    /// Up to `limit` entries from an index on, and no more than their bundle has; continue after the last one.
    public func entries(from index: UInt64, limit: Int = Tile.fullWidth) async throws(AgentIDError) -> [[UInt8]] {
        try await WaitingThreads.run { () throws(AgentIDError) in try entries(from: index, limit: limit) }
    }

    /// The entry at an index, from 0.
    public func entry(at index: UInt64) async throws(AgentIDError) -> [UInt8] {
        try await WaitingThreads.run { () throws(AgentIDError) in try entry(at: index) }
    }

    /// The proof that an entry is in the log, as a document.
    public func proof(of index: UInt64) async throws(AgentIDError) -> JSONTree {
        try await WaitingThreads.run { () throws(AgentIDError) in try proof(of: index) }
    }

    /// The proof that the log of `to` entries starts with the log of `from` entries, as a document.
    public func consistency(from: UInt64, to: UInt64?) async throws(AgentIDError) -> JSONTree {
        try await WaitingThreads.run { () throws(AgentIDError) in try consistency(from: from, to: to) }
    }

    /// The checkpoint of the log of its first entries.
    public func checkpoint(ofFirst size: UInt64) async throws(AgentIDError) -> Checkpoint {
        try await WaitingThreads.run { () throws(AgentIDError) in try checkpoint(ofFirst: size) }
    }

    /// The proof that the entry at an index is in the log.
    public func inclusionProof(of index: UInt64) async throws(AgentIDError) -> InclusionProof {
        try await WaitingThreads.run { () throws(AgentIDError) in try inclusionProof(of: index) }
    }

    /// The proof that the log of `newSize` entries, by default all, starts with the log of `oldSize`.
    public func consistencyProof(
        from oldSize: UInt64, to newSize: UInt64? = nil
    ) async throws(AgentIDError) -> ConsistencyProof {
        try await WaitingThreads.run { () throws(AgentIDError) in try consistencyProof(from: oldSize, to: newSize) }
    }

    /// A decision's entry, its index, and the events reported about it. Reads the log from its end.
    public func find(decision: String) async throws(AgentIDError) -> JSONTree {
        try await WaitingThreads.run { () throws(AgentIDError) in try find(decision: decision) }
    }

    /// Reads everything again and reports each fault with its place.
    ///
    /// - Parameters:
    ///   - trusted: An earlier checkpoint of this log, kept elsewhere: it also reveals a log that was put back.
    ///   - progress: Told the number of entries read.
    public func verify(
        against trusted: Checkpoint? = nil, progress: @Sendable (UInt64) -> Void = { _ in }
    ) async throws(AgentIDError) -> AuditVerification {
        try await WaitingThreads.run { () throws(AgentIDError) in try verify(against: trusted, progress: progress) }
    }
}
