public import AgentID
public import StrictJSON
public import TransparencyLog

extension AuditReader {
    /// Opens the audit log of an authority's directory.
    ///
    /// - Parameters:
    ///   - directory: The authority's.
    ///   - key: What its checkpoint must be signed with, `name+hash+key`; `nil`: what the directory itself says.
    public static func open(authority directory: String, key: String? = nil) async throws(AgentIDError) -> AuditReader {
        try await WaitingThreads.run { () throws(AgentIDError) in try AuditReader(authority: directory, key: key) }
    }

    /// Up to `limit` entries from an index on; as many as their bundle has, so that a caller goes on where they end.
    public func entries(from index: UInt64, limit: Int = Tile.fullWidth) async throws(AgentIDError) -> [[UInt8]] {
        try await WaitingThreads.run { () throws(AgentIDError) in try entries(from: index, limit: limit) }
    }

    /// The entry at an index, from 0.
    public func entry(at index: UInt64) async throws(AgentIDError) -> [UInt8] {
        try await WaitingThreads.run { () throws(AgentIDError) in try entry(at: index) }
    }

    /// The proof that the entry at an index is in the log.
    public func inclusionProof(of index: UInt64) async throws(AgentIDError) -> InclusionProof {
        try await WaitingThreads.run { () throws(AgentIDError) in try inclusionProof(of: index) }
    }

    /// The proof that the log of `oldSize` entries is the beginning of the one of `newSize`, by default of all.
    public func consistencyProof(
        from oldSize: UInt64, to newSize: UInt64? = nil
    ) async throws(AgentIDError) -> ConsistencyProof {
        try await WaitingThreads.run { () throws(AgentIDError) in try consistencyProof(from: oldSize, to: newSize) }
    }

    /// A decision's entry, its index, and what was reported of it. Reads the log from its end.
    public func find(decision: String) async throws(AgentIDError) -> JSONTree {
        try await WaitingThreads.run { () throws(AgentIDError) in try find(decision: decision) }
    }

    /// Reads everything again and says what is wrong, and where.
    ///
    /// - Parameters:
    ///   - trusted: A checkpoint of this log from before, kept elsewhere: with it a log that was put back is found too.
    ///   - progress: Told how many entries were read.
    public func verify(
        against trusted: Checkpoint? = nil, progress: @Sendable (UInt64) -> Void = { _ in }
    ) async throws(AgentIDError) -> AuditVerification {
        try await WaitingThreads.run { () throws(AgentIDError) in try verify(against: trusted, progress: progress) }
    }
}
