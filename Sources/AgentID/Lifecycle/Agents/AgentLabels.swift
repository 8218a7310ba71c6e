internal import Policy
internal import Synchronization

// The labels of an agent's task, as its holder knows them: they go into the grants that it signs, and into its proofs.
extension Agent {
    /// The information-flow labels that the agent's task has: those of its grant, those that it was told by ``addLabels(_:)``,
    /// and, where the authority is in this process, those that its directory keeps. In the order of their bytes.
    ///
    /// - Throws: Where those of the directory cannot be read.
    public func labels() throws(AgentIDError) -> [String] { try labels(in: current()) }

    func labels(in state: State) throws(AgentIDError) -> [String] {
        let kept = try home?.guardian.labels(of: self) ?? []
        return Claim.labels((state.held.grant.claim?.labels ?? []) + noted.withLock { $0 } + kept)
    }

    /// Adds labels to the agent's task: what it has read, where no guard of its directory saw it. They stay, and go into every
    /// grant that it signs from now on, and every proof.
    ///
    /// Where the authority is in this process, and its policy names labels, they are there for every process of the
    /// directory when this returns.
    ///
    /// - Throws: `unknown_label` and `label_permits` as ``Call/labels(_:)``, where the authority is in this process; `context`
    ///   where they are too many or too long.
    public func addLabels(_ names: [String]) throws(AgentIDError) {
        try DelegationRequest.check(labels: names)
        // What the directory keeps is noted nowhere else: it may be taken away there.
        if let guardian = homeGuard, try guardian.raise(names, of: self) { return }
        try note(names)
    }

    /// The labels that no directory keeps.
    var notes: [String] { hasNotes.load(ordering: .acquiring) ? noted.withLock { $0 } : [] }

    func note(_ names: [String]) throws(AgentIDError) {
        guard !names.isEmpty else { return }
        try turn.withLock { _ throws(AgentIDError) in
            // One that is parked meanwhile would lose them.
            _ = try current()
            let all = Claim.labels(notes + names)
            try DelegationRequest.check(labels: all)
            noted.withLock { $0 = all }
            hasNotes.store(true, ordering: .releasing)
            front?.note()
        }
    }

    /// A request with all that is known of the labels: what is signed below the grant never has fewer.
    func labelled(_ request: DelegationRequest, in state: State) throws(AgentIDError) -> DelegationRequest {
        var request = request
        request.labels += try labels(in: state)
        return request
    }

    /// The labels that a grant made anew carries: those of the one before, and what is known now. Where that cannot be read,
    /// or is too much, those of before: the grant goes on, and guards of the directory read there themselves.
    func labelsKept(in state: State) -> [String] {
        let before = state.held.grant.claim?.labels ?? []
        guard let id = state.held.grant.claim?.agent, let home else { return before }
        guard let kept = try? home.guardian.labels(of: self),
            let left = try? home.lifecycle.labelsLeft(of: state.held, id: id)
        else { return before }
        let known = Claim.labels(left + noted.withLock { $0 } + kept)
        return known.count <= Claim.mostLabels ? known : before
    }

    /// Takes the labels of an agent below this one, whose result this one is about to use.
    ///
    /// Of one that is not isolated they are there already, as far as the directory keeps them. Those that permit stay with the
    /// child: only rules add them.
    ///
    /// - Parameter child: As long as it has not ended.
    /// - Returns: The labels joined, in the order of their bytes.
    /// - Throws: `not_below` where the child is not below this agent; where the labels cannot be kept: then the result must
    ///   not be used.
    @discardableResult
    public func joinLabels(from child: Agent) throws(AgentIDError) -> [String] {
        try checkBelow(child)
        let labels = try child.labels()
        guard let guardian = homeGuard else {
            try note(labels)
            return labels
        }
        let (joined, unkept) = try guardian.join(labels, to: self)
        try note(unkept)
        return Claim.labels(joined + unkept)
    }

    /// Takes a result of an agent below this one as what the policy's `results` call by a name: not with the child's
    /// labels, but with those that stand there. So narrow a type carries a fact, no instructions.
    ///
    /// - Parameters:
    ///   - child: As long as it has not ended.
    ///   - result: Exactly what is used from then on.
    ///   - type: The name of its type in the policy.
    /// - Returns: The labels joined.
    /// - Throws: `unknown_result` where the policy has no such type, or there is none; `result_type` where the result is not of
    ///   it; else as ``joinLabels(from:)``. Where it throws nothing was joined.
    @discardableResult
    public func joinLabels(from child: Agent, result: String, as type: String) throws(AgentIDError) -> [String] {
        try checkBelow(child)
        // Its end, or a fault of its labels, shows here too.
        _ = try child.labels()
        guard let guardian = homeGuard else { throw Agent.homeless }
        return try guardian.join(result, as: type, to: self)
    }

    private func checkBelow(_ child: Agent) throws(AgentIDError) {
        let (own, other) = (try current().held, try child.current().held)
        let isBelow =
            if let above = own.grant.claim?.agent, let below = other.grant.claim?.agent {
                SPIFFEID.isUnder(below, above) && !below.isSame(as: above)
            } else {
                other.chain.starts(with: own.chain + [UInt8(ascii: "~")])
            }
        guard isBelow else {
            throw AgentIDError(
                .argument, name: "not_below", message: "this agent started no such child: labels are joined from below",
                at: "child")
        }
    }

    /// Forgets labels that were taken away, and has the grant made anew without them.
    func declassify(_ names: [String]) {
        noted.withLock { $0.removeAll { label in names.contains { $0.isSame(as: label) } } }
        hasFewerLabels = true
    }
}

extension Guard {
    /// The labels that the directory keeps of an agent's task; none where no policy names any. Throws where the policy, or
    /// what it counts, cannot be read: a grant without them would pass where neither is.
    func labels(of agent: Agent) throws(AgentIDError) -> [String] {
        guard let view, view.policyVersion != 0 || view.hasMoved else { return [] }
        do throws(Denial) {
            let now = try begin()
            let policy: ActivePolicy?
            do throws(AgentIDError) { policy = try view.policy() } catch { throw Denial(error.name, error.message) }
            guard let policy, !policy.document.labels.names.isEmpty,
                let plan = try plan(of: verified(agent, now: now))?.object
            else { return [] }
            return plan.policy.document.labels.list(try plan.kept(now: now))
        } catch { throw AgentIDError(undone: error) }
    }

    /// Raises those of a child's labels that the policy lists and that do not permit. Returns them, and those that it does
    /// not list.
    func join(_ names: [String], to agent: Agent) throws(AgentIDError) -> (joined: [String], unkept: [String]) {
        do throws(Denial) {
            let now = try begin()
            guard let plan = try plan(of: verified(agent, now: now))?.object else { return ([], names) }
            let policy = plan.policy
            let labels = policy.labels(carriedAs: names)
            if !labels.isEmpty { try plan.raise(labels, now: now) }
            let listed = policy.document.labels.names
            return (policy.document.labels.list(labels), names.filter { !listed.contains($0.exact) })
        } catch { throw AgentIDError(undone: error) }
    }

    func join(_ result: String, as type: String, to agent: Agent) throws(AgentIDError) -> [String] {
        let (plan, now): (PolicyPlan?, Int64)
        do throws(Denial) {
            now = try begin()
            plan = try self.plan(of: verified(agent, now: now))?.object
        } catch { throw AgentIDError(undone: error) }
        guard let plan, let found = plan.policy.document.results.first(where: { $0.name == type.exact }) else {
            throw AgentIDError(
                .notFound, name: "unknown_result",
                message:
                    "the policy has no type of results named \(type.beginning(atMost: PolicyLimits.name)): add it to its "
                    + "results", at: "type")
        }
        guard found.holds(result) else {
            throw AgentIDError(
                .malformed, name: "result_type", message: "the result is not \(found.text): do not use it", at: "result"
            )
        }
        let labels = found.labels.subtracting(plan.policy.permitting)
        do throws(Denial) { if !labels.isEmpty { try plan.raise(labels, now: now) } } catch {
            throw AgentIDError(undone: error)
        }
        return plan.policy.document.labels.list(labels)
    }

    /// Raises labels that an agent in this process is told; whether they are kept.
    func raise(_ names: [String], of agent: Agent) throws(AgentIDError) -> Bool {
        let chain: VerifiedChain
        do throws(Denial) { chain = try verified(agent, now: begin()) } catch { throw AgentIDError(undone: error) }
        return try raise(names, under: chain)
    }

    private func verified(_ agent: Agent, now: Int64) throws(Denial) -> VerifiedChain {
        if let known = agent.front?.verified { return known }
        let bytes: [UInt8]
        do throws(AgentIDError) { bytes = try agent.chainBytes() } catch { throw Denial(error.name, error.message) }
        return try verifyAnew(bytes, of: agent, now: now)
    }
}
