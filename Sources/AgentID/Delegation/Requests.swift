public import Scopes

/// The request for a new agent.
public struct AgentRequest: Sendable {
    /// The principal on whose behalf it acts, a URI.
    public var principal: String
    /// The task, in a few words.
    public var task: String
    /// The request in the principal's words.
    public var intent: String?
    /// The scope that the task needs.
    public var scope: Scope
    /// The most that the principal may do; `nil`: no limit besides the profile's ceiling.
    public var entitlements: Scope?
    /// The lifetime of a grant, in seconds: short, and renewed at half its life while the agent's handle is held; `nil`: five
    /// minutes, or the profile's longest where that is less.
    public var lifetime: Int64?
    /// The agent's end for good, in seconds since 1970: no grant runs past it; `nil`: as long as it is held.
    public var until: Int64?
    /// The deepest delegation; `nil`: the profile's.
    public var maxDepth: Int?
    /// The information-flow labels that the task starts with.
    public var labels: [String]
    /// The guards that the grant, and all below it, may be presented to, by their names; empty: any.
    public var audiences: [String]
    /// Whether every agent that it spawns is isolated: what these learn does not flow up to it. See
    /// ``DelegationRequest/isIsolated``.
    public var isIsolated: Bool
    /// Rates and budgets of the agent and all below it, in the grant; `nil`: none but the policy's.
    public var limits: GrantLimits?

    /// A request.
    public init(
        principal: String, task: String, scope: Scope, intent: String? = nil, entitlements: Scope? = nil,
        lifetime: Int64? = nil, until: Int64? = nil, maxDepth: Int? = nil, labels: [String] = [],
        audiences: [String] = [], isolated: Bool = false, limits: GrantLimits? = nil
    ) {
        (self.audiences, isIsolated, self.limits) = (audiences, isolated, limits)
        (self.principal, self.task, self.scope, self.intent) = (principal, task, scope, intent)
        self.until = until
        (self.entitlements, self.lifetime, self.maxDepth, self.labels) = (entitlements, lifetime, maxDepth, labels)
    }
}

extension AgentRequest {
    func lifetime(under profile: Profile) -> Int64 { lifetime ?? min(300, profile.maxLifetime) }
}

/// The part of a parent's authority that is handed on.
public struct DelegationRequest: Sendable {
    /// The child's scope, cut to the parent's; `nil`: all of the parent's.
    public package(set) var scope: Scope?
    /// The lifetime of a grant, in seconds; `nil`: the rest of the parent's. A spawned agent's grant is renewed while
    /// the agent is held; a grant delegated to a key elsewhere is not.
    public var lifetime: Int64?
    /// The child's end for good, in seconds since 1970: no grant runs past it; `nil`: ends with its parent.
    public var until: Int64?
    /// The number of further delegations below the child; `nil`: as many as the parent may.
    public var maxDepth: Int?
    /// Labels added to the parent's.
    public var labels: [String]
    /// The ID of a holder that has a credential of its own.
    public var agent: String?
    /// The guards that the child's grants, and all below them, may be presented to, by their names; empty: the
    /// parent's. Each grant above is checked as well, so a child never reaches more guards.
    public var audiences: [String]
    /// Whether the child and all below it keep the labels of what they learn to themselves. Its parent takes a result with
    /// ``Agent/joinLabels(from:)``, or a typed one without them. Only for `spawn`, where the authority is in this process:
    /// a guard elsewhere, or one whose registry does not have the child, counts what it learns for the whole task.
    public var isIsolated: Bool
    /// Rates and budgets of the child and all below it, beside those of every agent above; `nil`: no others.
    public var limits: GrantLimits?

    /// Hands on no more than a scope.
    public init(
        scope: Scope, lifetime: Int64? = nil, until: Int64? = nil, maxDepth: Int? = nil, labels: [String] = [],
        agent: String? = nil, audiences: [String] = [], isolated: Bool = false, limits: GrantLimits? = nil
    ) {
        self.init(
            part: scope, lifetime: lifetime, until: until, maxDepth: maxDepth, labels: labels, agent: agent,
            audiences: audiences, isolated: isolated, limits: limits)
    }

    /// Hands on all that the parent may.
    public static func sameScope(
        lifetime: Int64? = nil, until: Int64? = nil, maxDepth: Int? = nil, labels: [String] = [], agent: String? = nil,
        audiences: [String] = [], isolated: Bool = false, limits: GrantLimits? = nil
    ) -> DelegationRequest {
        DelegationRequest(
            part: nil, lifetime: lifetime, until: until, maxDepth: maxDepth, labels: labels, agent: agent,
            audiences: audiences, isolated: isolated, limits: limits)
    }

    private init(
        part scope: Scope?, lifetime: Int64?, until: Int64?, maxDepth: Int?, labels: [String], agent: String?,
        audiences: [String], isolated: Bool, limits: GrantLimits?
    ) {
        (self.audiences, isIsolated, self.limits) = (audiences, isolated, limits)
        (self.scope, self.lifetime, self.until, self.maxDepth) = (scope, lifetime, until, maxDepth)
        (self.labels, self.agent) = (labels, agent)
    }

    /// Refuses values out of range, by their names.
    func check() throws(AgentIDError) {
        guard (lifetime ?? Limits.shortestLifetime) >= Limits.shortestLifetime else {
            throw AgentIDError(
                .argument, name: "lifetime", message: "a lifetime is at least \(Limits.shortestLifetime) seconds",
                at: "options.lifetime")
        }
        guard (0...Limits.hardDepth).contains(maxDepth ?? 0) else {
            throw AgentIDError(
                .argument, name: "depth", message: "a depth is 0 to \(Limits.hardDepth)", at: "options.max_depth")
        }
        try Self.check(labels: labels)
    }

    /// Refuses labels that no guard would accept.
    static func check(labels: [String], at place: String = "options.labels") throws(AgentIDError) {
        guard labels.count <= Claim.mostLabels, labels.allSatisfy({ (1...AuditBounds.label).contains($0.utf8.count) })
        else {
            throw AgentIDError(
                .limit, name: "context",
                message: "labels number at most \(Claim.mostLabels), of 1 to \(AuditBounds.label) bytes each",
                at: place)
        }
    }
}
