internal import Policy
internal import StrictJSON
internal import Synchronization

extension Guard {
    /// Decides a call by the policy in force, which the decision names from then on, and looks for revocations once more.
    ///
    /// - Parameters:
    ///   - labels: those that the proof carries, or that its holder was told.
    ///   - taken: what the caller gives back where the call is denied.
    func enforcePolicy(
        on decision: inout Decision, under chain: VerifiedChain, call: JSON.Value, labels: [String], now: Int64,
        within work: inout WorkBudget, taking taken: inout TakenByDecision
    ) throws(Denial) {
        guard let plan = try plan(of: chain) else { return try lookOnceMore(chain, now: now) }
        decision.plan = plan
        let known = plan.with { $0.known(decision.tool) }
        let exhausted = work.isExhausted
        let granted = plan.with { $0.carried }
        let told = labels.isEmpty ? .none : plan.with { $0.policy.labels(carriedAs: labels) }
        let answer = known?.with {
            exhausted
                ? ToolRules.AtOnce.ask
                : $0.rules.takeAtOnce(
                    at: now, carrying: granted.union(told), shown: told.subtracting(granted),
                    until: chain.expires * 1000, by: clock)
        }
        switch answer ?? .ask {
        case .nothing: break
        case .taken: taken.atOnce = known
        case .ask:
            taken.enforcement = try enforce(
                plan.object, on: &decision, under: chain, call: call, labels, now: now, within: &work)
        }
        try lookOnceMore(chain, now: now)
    }

    /// The same, rule by rule.
    private func enforce(
        _ plan: PolicyPlan, on decision: inout Decision, under chain: VerifiedChain, call: JSON.Value,
        _ labels: [String], now: Int64, within work: inout WorkBudget
    ) throws(Denial) -> PolicyEnforcement {
        var enforcement = try PolicyEnforcement(plan, of: decision.tool, carrying: labels, now: now, by: clock)
        count(plan, of: chain)
        while true {
            do throws(Denial) {
                try enforcement.decide(call, until: chain.expires * 1000, now: now, at: desk, within: &work)
                break
            } catch {
                guard let question = enforcement.takeQuestion() else { throw error }
                // Asked again with what was approved. Each turn adds a rule, so the turns end.
                let record = try consent(
                    to: question, decision.tool, call, under: chain, plan, enforcement.carried, now: now)
                enforcement.consent(to: question.rule, by: record)
            }
        }
        if let denial = enforcement.wouldDeny { decision.wouldDeny = WouldDeny(denial) }
        decision.spending = enforcement.spending
        return enforcement
    }

    /// Counts in the cache what a chain's plan takes, where that is more than before.
    func count(_ plan: PolicyPlan, of chain: VerifiedChain) {
        let size = plan.size
        if size > chain.planned.load(ordering: .relaxed) { cache.withLock { $0.count(size, of: chain) } }
    }

    /// The consent to a call that a rule refuses without; asks for it where there is none.
    private func consent(
        to question: PolicyQuestion, _ tool: String, _ call: JSON.Value, under chain: VerifiedChain, _ plan: PolicyPlan,
        _ carried: LabelSet, now: Int64
    ) throws(Denial) -> ApprovalRecord {
        let asked = try ApprovalQuestion(
            tool, call, under: chain, rule: plan.policy.document.rules[question.rule], of: plan.policy,
            because: question.because, labels: plan.labels(now: now).union(carried))
        return try consent(to: asked, now: now)
    }

    /// The consent to what people are asked.
    func consent(to asked: ApprovalQuestion, now: Int64) throws(Denial) -> ApprovalRecord {
        guard let desk else { throw asked.denial("this guard follows no registry to ask in") }
        // By the meters' time: a clock that is wrong for a moment must not let requests lapse, its own or another's.
        return try desk.consent(to: asked, now: meterTime(now, making: true)) {
            revocations.first(of: $0) != nil || view?.revocations.first(of: $0) != nil
        }
    }

    /// The time that the meters go by, which no wrong clock moves; the guard's own where there are none.
    ///
    /// - Parameter isMaking: whether the page is made where there is none.
    func meterTime(_ now: Int64, making isMaking: Bool = false) -> Int64 {
        guard let meters else { return now }
        if isMaking { _ = try? meters.page(now) }
        return meters.time(now, opening: true) ?? now
    }

    /// The plan of the policy in force for a chain; `nil` if there is none after all.
    func plan(of chain: VerifiedChain) throws(Denial) -> Borrowed<PolicyPlan>? {
        let version = following?.with { $0.policyVersion } ?? 0
        if let plan = chain.plan.borrowed(PolicyPlan.self), plan.with({ $0.version }) == version { return plan }
        return try newPlan(of: chain)
    }

    private func newPlan(of chain: VerifiedChain) throws(Denial) -> Borrowed<PolicyPlan>? {
        let policy: ActivePolicy?
        do throws(AgentIDError) { policy = try view?.policy() } catch { throw Denial(error.name, error.message) }
        guard policy != nil || chain.isLimited else { return nil }
        guard let meters else {
            throw Denial(
                "budget_unavailable",
                "the chain's grants state limits, and this guard has no meters: present it to a guard of a directory",
                at: "chain")
        }
        // What was made for each policy stays with the chain. One that saw so many is verified anew, unless it is admitted.
        guard chain.plan.found(PolicyPlan.self)?.depth ?? 0 < PolicyPlan.deepest else {
            throw Denial(
                "policy_unreadable",
                "the policy changed \(PolicyPlan.deepest) times since this chain was admitted: admit it again",
                at: "chain")
        }
        // Only a grant of the registry's own authority isolates, and few do.
        var isolated: [IsolatedAgent] = []
        if let view, chain.issuer.isOwn, chain.links.dropFirst().contains(where: { $0.grant.claim?.isIsolated == true })
        {
            do throws(AgentIDError) { isolated = try view.registry.read { try $0.isolated(in: chain) } } catch {
                throw view.denial(error, "the grants")
            }
        }
        let made = chain.plan.replaced {
            PolicyPlan(policy ?? .none, for: chain, meters, isolated: isolated, after: $0)
        }
        if made.depth == PolicyPlan.deepest { chain.isWornOut.store(true, ordering: .relaxed) }
        return Borrowed(made)
    }
}
