internal import Policy
internal import StrictJSON

extension Guard {
    /// Raises labels that a permitted call's tool reports. Whether they are kept.
    func raise(_ names: [String], of decision: Decision) throws(AgentIDError) -> Bool {
        guard let chain = decision.chain else { return false }
        return try raise(names, under: chain)
    }

    /// Whether they are kept.
    func raise(_ names: [String], under chain: VerifiedChain) throws(AgentIDError) -> Bool {
        let (plan, now): (PolicyPlan?, Int64)
        do throws(Denial) {
            now = try begin()
            plan = try self.plan(of: chain)?.object
        } catch { throw AgentIDError(undone: error) }
        // Nothing depends on labels where no policy names any.
        guard let plan, !plan.policy.document.labels.names.isEmpty else { return false }
        let labels = try plan.policy.labels(named: names)
        do throws(Denial) { try plan.raise(labels, now: now) } catch { throw AgentIDError(undone: error) }
        return true
    }

    /// Records the outcome of a call, where there is a log; throws where it must be recorded and cannot be.
    func record(
        _ outcome: String, labels: [String], of decision: Decision, at time: Int64
    ) throws(AgentIDError) {
        guard let trail, trail.log != nil, !decision.id.isEmpty else { return }
        do throws(AgentIDError) { try trail.report(outcome, labels: labels, of: decision.id, at: time) } catch {
            if trail.isStrict { throw error }
        }
    }

    /// The rest of what the policy lets the holder of a chain do: see `PolicyPlan.remaining`.
    func remaining(under chain: [UInt8], of tool: String?) throws(AgentIDError) -> JSONTree {
        do throws(Denial) {
            let now = try begin()
            let chain = try verify(chain, credentials: [], now: now)
            guard let plan = try plan(of: chain)?.object else { return PolicyPlan.unlimited }
            return try plan.remaining(within: chain.scope, of: tool, now: now)
        } catch { throw AgentIDError(undone: error) }
    }
}
