public import AgentID
public import JOSE

extension Agent {
    /// Starts a sub-agent under this one: an ID below this one's, a key of its own, a narrower grant.
    ///
    /// ``withAgent(_:_:isolation:_:)`` also ends it.
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

    /// Replaces the key and wipes the old one here. The old key is revoked only on request. See AgentID's own call.
    ///
    /// - Parameter revokingOldKey: Whether to revoke it, with all that was delegated and spawned under it.
    public func rotateKey(revokingOldKey: Bool = false) async throws(AgentIDError) {
        // Not on the threads for ends: it waits for a signer, which may hang.
        try await WaitingThreads.run { () throws(AgentIDError) in try rotateKey(revokingOldKey: revokingOldKey) }
    }

    /// Parks the agent for at most this many seconds; `Authority.unpark(agent:)` unparks it. See AgentID's own call.
    public func park(for seconds: Int64) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try park(for: seconds) }
    }

    /// Ends the agent and all below it, for good; harmless if it has ended or was closed.
    ///
    /// - Returns: Its tombstone; `nil` if it could not be signed now: `Authority.reap` signs it later.
    @discardableResult public func end(reason: String = "") async throws(AgentIDError) -> String? {
        try await WaitingThreads.run(on: .ending) { () throws(AgentIDError) in try end(reason: reason) }
    }
}
