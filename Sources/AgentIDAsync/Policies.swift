public import AgentID
public import StrictJSON

extension Authority {
    /// Puts a policy in force, in place of the one before, and returns its version.
    @discardableResult
    public func applyPolicy(_ document: [UInt8]) async throws(AgentIDError) -> Int64 {
        try await WaitingThreads.run { () throws(AgentIDError) in try applyPolicy(document) }
    }

    /// The policy in force, as JSON in canonical form; `nil` where there is none.
    public func policy() async throws(AgentIDError) -> [UInt8]? {
        try await WaitingThreads.run { () throws(AgentIDError) in try policy() }
    }

    /// Checks a policy against this authority's profiles and the policy in force, after which it is to come.
    public func checkPolicy(_ document: [UInt8]) async throws(AgentIDError) -> PolicyCheck {
        try await WaitingThreads.run { () throws(AgentIDError) in try checkPolicy(document) }
    }

    /// The rates in use, in the order of the policy's rules, those with least left first.
    public func limits(from offset: Int = 0, atMost limit: Int = 1000) async throws(AgentIDError) -> JSONTree {
        try await WaitingThreads.run { () throws(AgentIDError) in try limits(from: offset, atMost: limit) }
    }

    /// The budgets of which something was spent in their present period, likewise.
    public func budgets(from offset: Int = 0, atMost limit: Int = 1000) async throws(AgentIDError) -> JSONTree {
        try await WaitingThreads.run { () throws(AgentIDError) in try budgets(from: offset, atMost: limit) }
    }

    /// The authority in numbers. Reads the registry and the end of the audit log: for a look now and then.
    public func statistics() async throws(AgentIDError) -> JSONTree {
        try await WaitingThreads.run { () throws(AgentIDError) in try statistics() }
    }

    /// A signed list of what this authority has revoked, for guards that cannot read its registry.
    ///
    /// - Parameter lifetime: The list is good for so many seconds, 1 second to 30 days.
    public func revocationList(lifetime: Int64 = 3600) async throws(AgentIDError) -> String {
        try await WaitingThreads.run { () throws(AgentIDError) in try revocationList(lifetime: lifetime) }
    }

    /// The profiles in the registry that cannot be read.
    public func damagedProfiles() async throws(AgentIDError) -> [DamagedProfile] {
        try await WaitingThreads.run { () throws(AgentIDError) in try damagedProfiles() }
    }
}
