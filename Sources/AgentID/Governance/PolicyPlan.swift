internal import Policy
internal import Synchronization

/// The plan of one policy for one chain: made at the first call under both, and found at every other without a lock.
final class PolicyPlan: Sendable {
    let policy: ActivePolicy
    /// The rules that the chain's grants state: asked before the policy's, from the leaf on, and counted on from those.
    let limits: [PolicyRule]
    /// The policy's; 0 where only the chain's grants state rules.
    let version: Int64
    var named: Int64? { version == 0 ? nil : version }
    /// The number of plans kept for one chain.
    let depth: Int
    static let deepest = 256
    let subjects: PolicySubjects
    let meters: MetersOpening
    /// The labels that the grant carries.
    let carried: LabelSet
    /// The earlier plan for the same chain, under an older policy. Kept, as another thread may be in it; goes
    /// with the chain.
    private let previous: PolicyPlan?
    private let tools = LatestPlace()
    private let anomalies = LatestPlace()
    private let context = Memo()
    /// An estimate of the memory that it takes, with all before it, in bytes.
    private let bytes: Atomic<Int>
    var size: Int { bytes.load(ordering: .relaxed) }

    init(
        _ policy: ActivePolicy, for chain: VerifiedChain, _ meters: MetersOpening, isolated: [IsolatedAgent],
        after previous: PolicyPlan?
    ) {
        (self.policy, self.previous, depth) = (policy, previous, (previous?.depth ?? 0) + 1)
        version = policy.version
        limits = chain.isLimited ? chain.limits : []
        bytes = Atomic((previous?.size ?? 0) + Self.overhead + limits.count * Self.ofLimit)
        (subjects, self.meters) = (PolicySubjects(of: chain, isolated: isolated), meters)
        carried = policy.labels(carriedAs: chain.leaf.claim?.labels ?? [])
    }

    private static let (overhead, ofLimit) = (2048, 1024)

    /// A rule by its place: in the document, or beyond it among the limits.
    func rule(at place: Int) -> PolicyRule {
        let rules = policy.document.rules
        return place < rules.count ? rules[place] : limits[place - rules.count]
    }

    /// The part of audit entries about the chain under this policy.
    func auditContext(of chain: VerifiedChain) -> AuditContext {
        context { AuditContext(chain.links, chain.issuer, policy: named) }
    }

    /// The rules for a tool that was asked for before.
    func known(_ tool: String) -> Borrowed<ToolPlan>? { tools.borrowed(ToolPlan.self)?.with { $0.known(tool) } }

    /// The anomalies of the policy, with their meters for this chain: made when its first sign is counted.
    func counting(now: Int64) throws(Denial) -> AnomalyCounting {
        if let found = anomalies.found(AnomalyCounting.self) { return found }
        let made = try AnomalyCounting(policy, of: subjects, meters, now: now)
        bytes.add(made.size, ordering: .relaxed)
        // One that another thread made meanwhile stays.
        return anomalies.replaced { $0 ?? made }
    }

    /// The rates of another tool that are those of the same rules.
    func rates(of rules: [PlannedRule]) -> [PlannedRate]? {
        tools.found(ToolPlan.self)?.first { $0.hasRates(of: rules) }?.rates
    }

    /// The rules that a call of this tool may be about. A chain has so many tools at most as its scope.
    func tool(_ name: String, now: Int64) throws(Denial) -> ToolPlan {
        if let found = known(name) { return found.object }
        let made = try ToolRules(name, under: self, now: now)
        bytes.add(made.size + name.utf8.count, ordering: .relaxed)
        return tools.replaced { ToolPlan(name, made, before: $0) }
    }
}

/// The rules of a policy that calls of one tool may be about, and the tools that were asked for before.
final class ToolPlan: Sendable {
    private let name: String
    let rules: ToolRules
    private let next: ToolPlan?

    init(_ name: String, _ rules: ToolRules, before next: ToolPlan?) {
        (self.name, self.rules, self.next) = (name, rules, next)
    }

    /// The first of all tools' rules that are such.
    func first(_ isSuch: (ToolRules) -> Bool) -> ToolRules? {
        var plan: ToolPlan? = self
        while let one = plan {
            if isSuch(one.rules) { return one.rules }
            plan = one.next
        }
        return nil
    }

    /// The plan of a tool: this one, or one that was made before.
    func known(_ name: String) -> Borrowed<ToolPlan>? {
        // Most names are of at most 15 bytes, which their values hold: such are compared without a look at their bytes.
        if self.name._isIdentical(to: name) || self.name.isSame(as: name) { return Borrowed(self) }
        // A loop: no list is longer than a scope has tools.
        var plan = next
        while let other = plan {
            if other.name._isIdentical(to: name) || other.name.isSame(as: name) { return Borrowed(other) }
            plan = other.next
        }
        return nil
    }
}
