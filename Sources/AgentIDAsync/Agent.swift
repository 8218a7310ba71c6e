public import AgentID
public import JOSE

extension Agent {
    /// Starts a sub-agent under this one: an ID below this one's, a key of its own, a narrower grant.
    ///
    /// ``withAgent(_:_:isolation:_:)`` ends it as well.
    public func spawn(
        _ name: String, _ request: DelegationRequest
    ) async throws(AgentIDError) -> Agent {
        try await WaitingThreads.run { () throws(AgentIDError) in try spawn(name, request) }
    }

    /// Delegates to a key held elsewhere and returns the longer chain.
    public func delegate(
        to holder: PublicKey, _ request: DelegationRequest
    ) async throws(AgentIDError) -> String {
        try await WaitingThreads.run { () throws(AgentIDError) in try delegate(to: holder, request) }
    }

    /// Replaces the key, and wipes the old one here: that is not revoked unless this is asked for. See AgentID's own.
    ///
    /// - Parameter revokingOldKey: whether to revoke it, with all that was delegated and spawned under it.
    public func rotateKey(revokingOldKey: Bool = false) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try rotateKey(revokingOldKey: revokingOldKey) }
    }

    /// Parks the agent for so many seconds at most; `Authority.unpark(agent:)` takes it up again. See AgentID's own.
    public func park(for seconds: Int64) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try park(for: seconds) }
    }

    /// Ends the agent and all below it, for good; harmless where it has ended or was closed.
    ///
    /// - Returns: its tombstone; `nil` where it could not be signed now: `Authority.reap` makes up for it.
    @discardableResult public func end(reason: String = "") async throws(AgentIDError) -> String? {
        try await WaitingThreads.run { () throws(AgentIDError) in try end(reason: reason) }
    }
}
