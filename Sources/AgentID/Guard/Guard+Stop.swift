internal import Policy

extension Guard {
    /// Stops the agent of a denied call, where a rule says so: before the denial is answered.
    @inline(never) func stopAgent(of decision: inout Decision) {
        guard let stopping, let chain = decision.chain, let denial = decision.denial, let rule = denial.rule,
            denial.consequence.isStop
        else { return }
        stop(rule, denial.consequence, chain, &decision, stopping)
    }

    private func stop(
        _ rule: String, _ consequence: Consequence, _ chain: VerifiedChain, _ decision: inout Decision,
        _ stopping: AgentStopping
    ) {
        let version = decision.policy.map { "policy \($0), " } ?? ""
        let (stopped, isPending) = stopping.stop(
            chain, consequence, reason: "\(version)rule \(rule)", now: decision.time)
        decision.stop = AgentStop(rule: rule, consequence, of: stopped, isPending: isPending)
    }
}
