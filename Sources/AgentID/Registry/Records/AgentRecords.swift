package import StrictJSON

/// An agent as it is registered. Times in seconds since 1970.
package struct AgentRecord: Sendable, Equatable {
    /// A parked agent is an active one whose key is sealed with its lease.
    package enum State: String, Sendable { case active, parked, suspended, deprovisioned }

    @Exact package var id: String
    /// The agent that started it; `nil` if the authority did.
    @Exact package var parent: String?
    @Exact package var profile: String
    @Exact package var owner: String
    @Exact package var principal: String
    @Exact package var task: String
    @Exact package var intent: String?
    /// The thumbprint of its present key.
    @Exact package var key: String
    package var state: State = .active
    package var created: Int64
    package var ended: Int64?
    @Exact package var endReason: String?
    @Exact package var tombstone: String?

    package init(
        id: String, parent: String? = nil, profile: String, owner: String, principal: String, task: String,
        intent: String? = nil, key: String, created: Int64
    ) {
        (self.id, self.parent, self.profile, self.owner) = (id, parent, profile, owner)
        (self.principal, self.task, self.intent, self.key, self.created) = (principal, task, intent, key, created)
    }
}

/// A filter on agents: an agent must match every part that is given.
package struct AgentFilter: Sendable {
    @Exact package var profile: String?
    @Exact package var principal: String?
    @Exact package var owner: String?
    @Exact package var parent: String?
    package var state: AgentRecord.State?
    package var limit = 1000
    package var offset = 0
    /// The ID after which those asked for come.
    @Exact package var after: String?

    package init() {}
}

/// The standing of an agent, as far as a guard needs it.
package struct AgentStanding: Sendable, Equatable {
    @Exact package var agent: String
    package var state: AgentRecord.State
    /// In milliseconds since 1970; `nil` if it has no lease.
    package var leaseExpires: Int64?
    /// The thumbprint of its present key.
    @Exact package var key: String
    /// The profile, owner and principal: revoking one of them ends the agent too.
    @Exact package var profile: String
    @Exact package var owner: String
    @Exact package var principal: String

    package init(
        agent: String, state: AgentRecord.State, leaseExpires: Int64?, key: String, profile: String, owner: String,
        principal: String
    ) {
        (self.agent, self.state, self.leaseExpires, self.key) = (agent, state, leaseExpires, key)
        (self.profile, self.owner, self.principal) = (profile, owner, principal)
    }
}

/// A grant that was issued or derived here, with the chain up to it. Times in seconds since 1970.
package struct GrantRecord: Sendable, Equatable {
    /// The grant's `jti`.
    @Exact package var id: String
    @Exact package var agent: String
    @Exact package var chain: String
    package var issued: Int64
    package var expires: Int64

    package init(id: String, agent: String, chain: String, issued: Int64, expires: Int64) {
        (self.id, self.agent, self.chain, self.issued, self.expires) = (id, agent, chain, issued, expires)
    }
}

/// An agent's right to exist. Times in milliseconds since 1970.
package struct LeaseRecord: Sendable, Equatable {
    @Exact package var agent: String
    package var expires: Int64
    package var renewed: Int64
    /// The process that renews it, e.g. `4711:8243`: its process ID and start time.
    @Exact package var holder: String
    /// The lease's end by the machine's steady clock; without a boot's name, no clock knows it.
    package var runsUntil: SteadyTime
    /// The time after lapsing in which its holder may still renew it.
    package var grace: Int64
    /// The sealed key and term of a parked agent; `nil` if it is not parked.
    package var sealed: [UInt8]?

    package init(
        agent: String, expires: Int64, renewed: Int64, holder: String,
        runsUntil: SteadyTime = SteadyTime(boot: "", milliseconds: 0), grace: Int64 = 0, sealed: [UInt8]? = nil
    ) {
        (self.agent, self.expires, self.renewed, self.holder) = (agent, expires, renewed, holder)
        (self.runsUntil, self.sealed) = (runsUntil, sealed)
        // Far more than any, and no time less so much overflows: a registry that is damaged is read too.
        self.grace = min(max(grace, 0), 1 << 61)
    }

    /// Whether it ended because the directory was restored.
    package var isTakenBack: Bool { expires == 0 }
}
