internal import Policy
internal import StrictJSON
internal import Synchronization

extension Guard {
    /// Decides a call by the policy in force, which the decision names from then on; returns what it took.
    func enforce(
        _ view: RegistryView, on decision: inout Decision, under chain: VerifiedChain, call: JSON.Value, now: Int64,
        within work: inout WorkBudget
    ) throws(Denial) -> PolicyEnforcement? {
        guard let meters, let plan = try plan(of: chain, view, meters) else { return nil }
        decision.plan = plan
        var enforcement = try PolicyEnforcement(plan, of: decision.tool, now: now)
        try enforcement.decide(call, until: chain.expires * 1000, now: now, within: &work)
        if let denial = enforcement.wouldDeny { decision.wouldDeny = WouldDeny(denial) }
        decision.spending = enforcement.spending
        return enforcement
    }

    /// The plan of the policy in force for a chain; `nil` if there is none after all.
    private func plan(
        of chain: VerifiedChain, _ view: RegistryView, _ meters: MetersOpening
    ) throws(Denial) -> PolicyPlan? {
        let version = view.policyVersion
        if let plan = chain.plan.found(PolicyPlan.self), plan.policy.version == version { return plan }
        let policy: ActivePolicy?
        do throws(AgentIDError) { policy = try view.policy() } catch { throw Denial(error.name, error.message) }
        guard let policy else { return nil }
        // What was made for each policy stays with the chain. One that saw so many is verified anew, unless it is admitted.
        guard chain.plan.found(PolicyPlan.self)?.depth ?? 0 < PolicyPlan.deepest else {
            throw Denial(
                "policy_unreadable",
                "the policy changed \(PolicyPlan.deepest) times since this chain was admitted: admit it again",
                at: "chain")
        }
        let made = chain.plan.replaced { PolicyPlan(policy, for: chain, meters, after: $0) }
        if made.depth == PolicyPlan.deepest { chain.isWornOut.store(true, ordering: .relaxed) }
        return made
    }
}
