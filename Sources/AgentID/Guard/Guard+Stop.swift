internal import Policy
internal import Scopes
internal import StrictJSON

// What follows a denial, before it is answered: a rule with a consequence stops the agent, and anomalies are counted.
extension Guard {
    /// Stops the agent of a denied call, where a rule says so.
    ///
    /// - Parameters:
    ///   - proof: `nil` where holding the agent is the proof.
    ///   - call: the arguments, where they were read.
    @inline(never) func stopAgent(
        of decision: inout Decision, proof: [UInt8]?, call: JSON.Value?, since begun: Int64
    ) {
        guard let stopping, let chain = decision.chain, let denial = decision.denial else { return }
        if let rule = denial.rule, denial.consequence.isStop {
            return stop(rule, denial.consequence, chain, above: 0, &decision, stopping)
        }
        guard let plan = anomalies(for: chain) else { return }
        let signs = Anomaly.Sign.of(denial.reason.rawValue, by: denial.rule, under: plan.policy)
        guard !signs.isEmpty, isOwnDoing(decision, chain, proof: proof, call: call, since: begun) else { return }
        count(signs, chain, plan, &decision, stopping)
    }

    /// Counts an attempt of an agent in this process to hand on more than it has; where that is one too many, stops it and
    /// records it, as a decision on no tool.
    func noteWidening(under bytes: [UInt8], _ message: String) {
        guard let stopping, let now = try? begin(), let chain = try? verify(bytes, credentials: [], now: now),
            (try? checkKnown(chain, now: now)) != nil, let plan = anomalies(for: chain)
        else { return }
        var decision = Decision(tool: "", time: now)
        (decision.chain, decision.denial) = (chain, Denial("constraint_expansion", message, at: "scope"))
        count([.widenings], chain, plan, &decision, stopping)
        guard decision.stop != nil else { return }
        if let trail, let auditMark {
            _ = try? trail.record(&decision, arguments: { nil }, by: auditMark, sequence: view?.sequence ?? 0)
        }
        count(decision)
    }

    /// The plan for a chain, where the policy in force has anomalies.
    private func anomalies(for chain: VerifiedChain) -> PolicyPlan? {
        guard let view, view.policyVersion != 0, let plan = try? plan(of: chain)?.object,
            !plan.policy.anomalies.isEmpty
        else { return nil }
        return plan
    }

    /// Whether the holder of the chain's key asked for this very call, and it was not counted before.
    ///
    /// Chains and proofs are seen by others: whoever has seen them can send them again, under other names of tools and with
    /// other arguments. None of that may count against the holder.
    private func isOwnDoing(
        _ decision: Decision, _ chain: VerifiedChain, proof: [UInt8]?, call: JSON.Value?, since begun: Int64
    ) -> Bool {
        guard let proof else { return true }
        guard let call, let opened = try? proofVerifier(at: decision.time).open(proof, of: decision.tool, under: chain)
        else { return false }
        var work = WorkBudget(steps: Limits.stepsOfCall)
        guard (try? opened.check(call, within: &work)) != nil else { return false }
        let use = UsedProof(name: "denied " + opened.use.name, tree: opened.use.tree)
        return proofs.remember(use, since: begun) == .fresh
    }

    private func count(
        _ signs: [Anomaly.Sign], _ chain: VerifiedChain, _ plan: PolicyPlan, _ decision: inout Decision,
        _ stopping: AgentStopping
    ) {
        let found: AnomalyCounting.Crossing?
        do throws(Denial) { found = try plan.counting(now: decision.time).count(signs, now: decision.time) } catch {
            // It is denied all the same.
            return ProcessLog.write(
                .warning, .anomalies, "anomaly_uncounted",
                "a denied call is not counted by the policy's anomalies: \(error.message)")
        }
        count(plan, of: chain)
        guard let crossing = found else { return }
        // Kept by the chain.
        decision.plan = Borrowed(plan)
        let rule = crossing.rule
        if rule.mode == .observe {
            decision.stop = AgentStop(rule: rule.id.string, rule.consequence, of: [], isObserved: true)
        } else {
            stop(rule.id.string, rule.consequence, chain, above: crossing.above, &decision, stopping)
        }
    }

    private func stop(
        _ rule: String, _ consequence: Consequence, _ chain: VerifiedChain, above: Int, _ decision: inout Decision,
        _ stopping: AgentStopping
    ) {
        let version = decision.policy.map { "policy \($0), " } ?? ""
        let (stopped, isPending) = stopping.stop(
            chain, above: above, consequence, reason: "\(version)rule \(rule)", now: decision.time)
        decision.stop = AgentStop(rule: rule, consequence, of: stopped, isPending: isPending)
    }
}
