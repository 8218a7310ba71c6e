// Times as `Duration`, e.g. `.seconds(300)`. A part of a second is cut off what limits authority, and added to what waits.

extension Duration {
    /// Whole seconds, never more.
    fileprivate var seconds: Int64 { components.attoseconds < 0 ? components.seconds &- 1 : components.seconds }

    /// Whole milliseconds, never less; as many as there are at most.
    fileprivate var milliseconds: Int64 {
        let (whole, isTooLong) = components.seconds.multipliedReportingOverflow(by: 1000)
        guard !isTooLong else { return components.seconds < 0 ? .min : .max }
        let part = components.attoseconds / 1_000_000_000_000_000
        let rest = components.attoseconds % 1_000_000_000_000_000 > 0 ? 1 : 0 as Int64
        let (sum, isBeyond) = whole.addingReportingOverflow(part + rest)
        return isBeyond ? .max : sum
    }
}

extension AgentRequest {
    /// A request whose grants live for a duration.
    public init(
        principal: String, task: String, scope: Scope, intent: String? = nil, entitlements: Scope? = nil,
        lifetime: Duration, until: Int64? = nil, maxDepth: Int? = nil, labels: [String] = [], audiences: [String] = [],
        isolated: Bool = false
    ) {
        self.init(
            principal: principal, task: task, scope: scope, intent: intent, entitlements: entitlements,
            lifetime: lifetime.seconds, until: until, maxDepth: maxDepth, labels: labels, audiences: audiences,
            isolated: isolated)
    }
}

extension DelegationRequest {
    /// Hands on no more than a scope, for a duration.
    public init(
        scope: Scope, lifetime: Duration, until: Int64? = nil, maxDepth: Int? = nil, labels: [String] = [],
        agent: String? = nil, audiences: [String] = [], isolated: Bool = false
    ) {
        self.init(
            scope: scope, lifetime: lifetime.seconds, until: until, maxDepth: maxDepth, labels: labels, agent: agent,
            audiences: audiences, isolated: isolated)
    }

    /// Hands on all that the parent may, for a duration.
    public static func sameScope(
        lifetime: Duration, until: Int64? = nil, maxDepth: Int? = nil, labels: [String] = [], agent: String? = nil,
        audiences: [String] = [], isolated: Bool = false
    ) -> DelegationRequest {
        .sameScope(
            lifetime: lifetime.seconds, until: until, maxDepth: maxDepth, labels: labels, agent: agent,
            audiences: audiences, isolated: isolated)
    }
}

extension Agent {
    /// Parks the agent for at most this long. See AgentID's own call.
    public func park(for duration: Duration) async throws(AgentIDError) { try await park(for: duration.seconds) }
}

extension Authority {
    /// Waits until no delivery is due that a hook in this process, or a command, can make. Returns whether none is.
    public func settle(within duration: Duration) async throws(AgentIDError) -> Bool {
        try await settle(milliseconds: duration.milliseconds)
    }
}
