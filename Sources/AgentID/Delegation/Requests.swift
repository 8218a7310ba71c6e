public import Scopes

/// What is asked for a new agent.
public struct AgentRequest: Sendable {
    /// On whose behalf it acts, a URI.
    public var principal: String
    /// Which task, in a few words.
    public var task: String
    /// What the human asked.
    public var intent: String?
    /// What the task needs.
    public var scope: Scope
    /// What the principal may do at most; `nil`: no limit beside the profile's ceiling.
    public var entitlements: Scope?
    /// How long a grant runs, in seconds: short, and made anew at half its life as long as the agent's handle is held.
    public var lifetime: Int64
    /// When it ends for good, in seconds since 1970: no grant runs past it; `nil`: as long as it is held.
    public var until: Int64?
    /// The deepest delegation; `nil`: the profile's.
    public var maxDepth: Int?
    /// Information-flow labels the task starts with.
    public var labels: [String]
    /// The guards that the grant, and all below it, may be presented to, by their names; empty: any.
    public var audiences: [String]

    /// A request.
    public init(
        principal: String, task: String, scope: Scope, intent: String? = nil, entitlements: Scope? = nil,
        lifetime: Int64 = 300, until: Int64? = nil, maxDepth: Int? = nil, labels: [String] = [],
        audiences: [String] = []
    ) {
        self.audiences = audiences
        (self.principal, self.task, self.scope, self.intent) = (principal, task, scope, intent)
        self.until = until
        (self.entitlements, self.lifetime, self.maxDepth, self.labels) = (entitlements, lifetime, maxDepth, labels)
    }
}

/// What a parent hands on.
public struct DelegationRequest: Sendable {
    /// What the child may do, less what the parent may not; `nil`: all that the parent may.
    public package(set) var scope: Scope?
    /// How long a grant runs, in seconds; `nil`: as long as the parent's. A spawned agent's is made anew while it is held;
    /// one that was delegated to a key elsewhere is not.
    public var lifetime: Int64?
    /// When it ends for good, in seconds since 1970: no grant runs past it; `nil`: with its parent.
    public var until: Int64?
    /// How much deeper the child may delegate; `nil`: as deep as the parent may.
    public var maxDepth: Int?
    /// Labels added to the parent's.
    public var labels: [String]
    /// The ID of a holder that has a credential of its own.
    public var agent: String?
    /// The guards that the child's grants, and all below them, may be presented to, by their names; empty: those that the
    /// parent's may. Each grant above is checked as well, so a child never gets to more.
    public var audiences: [String]

    /// Hands on no more than a scope.
    public init(
        scope: Scope, lifetime: Int64? = nil, until: Int64? = nil, maxDepth: Int? = nil, labels: [String] = [],
        agent: String? = nil, audiences: [String] = []
    ) {
        self.init(
            part: scope, lifetime: lifetime, until: until, maxDepth: maxDepth, labels: labels, agent: agent,
            audiences: audiences)
    }

    /// Hands on all that the parent may.
    public static func sameScope(
        lifetime: Int64? = nil, until: Int64? = nil, maxDepth: Int? = nil, labels: [String] = [], agent: String? = nil,
        audiences: [String] = []
    ) -> DelegationRequest {
        DelegationRequest(
            part: nil, lifetime: lifetime, until: until, maxDepth: maxDepth, labels: labels, agent: agent,
            audiences: audiences)
    }

    private init(
        part scope: Scope?, lifetime: Int64?, until: Int64?, maxDepth: Int?, labels: [String], agent: String?,
        audiences: [String]
    ) {
        self.audiences = audiences
        (self.scope, self.lifetime, self.until, self.maxDepth) = (scope, lifetime, until, maxDepth)
        (self.labels, self.agent) = (labels, agent)
    }

    /// Refuses what is out of range, by its name.
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

    /// Refuses labels that no guard would take.
    static func check(labels: [String]) throws(AgentIDError) {
        guard labels.count <= 64, labels.allSatisfy({ $0.utf8.count <= AuditBounds.label }) else {
            throw AgentIDError(
                .limit, name: "context",
                message: "labels number at most 64, of at most \(AuditBounds.label) bytes each",
                at: "options.labels")
        }
    }
}
