internal import Policy

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
        if let guardian = homeGuard { try guardian.raise(names, of: self) }
        try noted.withLock { noted throws(AgentIDError) in
            let all = Claim.labels(noted + names)
            try DelegationRequest.check(labels: all)
            noted = all
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
        guard let known = try? labels(in: state), known.count <= Claim.mostLabels else { return before }
        return known
    }
}

extension Guard {
    /// The labels that the directory keeps of an agent's task; none where no policy names any.
    func labels(of agent: Agent) throws(AgentIDError) -> [String] {
        guard let view, view.policyVersion != 0 || view.hasMoved else { return [] }
        do throws(Denial) {
            let now = try begin()
            guard let policy = try? view.policy(), !policy.document.labels.names.isEmpty,
                let plan = try plan(of: verified(agent, now: now))?.object
            else { return [] }
            return plan.policy.document.labels.list(try plan.labels(now: now))
        } catch { throw AgentIDError(undone: error) }
    }

    /// Raises labels that an agent in this process is told.
    func raise(_ names: [String], of agent: Agent) throws(AgentIDError) {
        let chain: VerifiedChain
        do throws(Denial) { chain = try verified(agent, now: begin()) } catch { throw AgentIDError(undone: error) }
        try raise(names, under: chain)
    }

    private func verified(_ agent: Agent, now: Int64) throws(Denial) -> VerifiedChain {
        if let known = agent.verified { return known }
        let bytes: [UInt8]
        do throws(AgentIDError) { bytes = try agent.chainBytes() } catch { throw Denial(error.name, error.message) }
        let chain = try verifyAnew(bytes, now: now)
        agent.keep(chain)
        return chain
    }
}
