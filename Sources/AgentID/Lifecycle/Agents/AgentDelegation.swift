public import JOSE
internal import Scopes
internal import StrictJSON

// What an agent hands on, offline.
extension Agent {
    /// Starts a sub-agent under this one, offline: an ID below this one's, a key of its own, a narrower grant.
    ///
    /// As long as it is held, so is this one, in whose name it acts.
    public func spawn(_ name: String, _ request: DelegationRequest) throws(AgentIDError) -> Agent {
        guard request.agent == nil else {
            throw AgentIDError(
                .argument, name: "delegate_only",
                message: "a sub-agent gets an ID below its parent's: to hand on to another agent, delegate to its key",
                at: "options.agent")
        }
        let state = try current()
        var request = request
        // A root that was started isolated isolates whatever it starts.
        if case .authority = state.term?.source, state.held.grant.claim?.isIsolated == true {
            request.isIsolated = true
        }
        guard !request.isIsolated || home != nil else { throw Agent.unisolable }
        guard let own = self.name else {
            throw AgentIDError(
                .argument, name: "spiffe_id",
                message: "its grant names no agent, and none can be below it: use delegate",
                at: "agent")
        }
        let parent = try SPIFFEID(own)
        let child: SPIFFEID
        do throws(AgentIDError) {
            child = try parent.child(name, instance: UUIDv7.make(at: clock.milliseconds))
        } catch { throw AgentIDError(error.code, name: error.name, message: error.message, at: "name") }
        let key = try Agent.newKey()
        let held = try derive(state, to: key.publicKey, agent: child.description, request).held
        let lineage = state.lineage.adding(
            grant: held.grant.id, key: key.thumbprint, agent: child.description)
        let term = Term(source: .parent(self, request), lifetime: request.lifetime, until: request.until)
        let agent = Agent(
            State(held: held, key: key, lineage: lineage, term: home == nil ? nil : term), clock: clock, home: home)
        if let lifecycle = home?.lifecycle {
            try lifecycle.leases.begin(for: lifecycle)
            try lifecycle.register(child.description, under: parent.description, held: held, lineage: lineage)
            lifecycle.leases.keep(agent, id: child.description, for: lifecycle)
            guard snapshot != nil else {
                // Parked or ended in between: what it is parked with is sealed.
                try agent.end(reason: "the agent that started it was closed meanwhile")
                throw Agent.closed
            }
        }
        return agent
    }

    /// Delegates to a key held elsewhere, offline, and returns the longer chain.
    public func delegate(to holder: PublicKey, _ request: DelegationRequest) throws(AgentIDError)
        -> String
    {
        let state = try current()
        guard !request.isIsolated else { throw Agent.unisolable }
        guard holder != state.key.publicKey else {
            throw AgentIDError(.argument, name: "own_key", message: "the holder's key is the agent's own", at: "holder")
        }
        if let agent = request.agent {
            do throws(AgentIDError) { _ = try SPIFFEID(agent) } catch {
                throw AgentIDError(error.code, name: error.name, message: error.message, at: "options.agent")
            }
        }
        let signed = try derive(state, to: holder, agent: request.agent, request)
        if let lifecycle = home?.lifecycle {
            try lifecycle.recordDelegation(by: id(), state.lineage, grant: signed.grant.id, to: holder)
        }
        return String(decoding: signed.chain, as: UTF8.self)
    }

    /// Signs a grant below its own; one that asks for more than it has is a sign that the policy may count.
    private func derive(
        _ state: State, to holder: PublicKey, agent: String?, _ request: DelegationRequest
    ) throws(AgentIDError) -> SignedGrant {
        // Of those that go on it is not asked again: their scope may be cut meanwhile.
        try request.limits?.check(reach: request.scope ?? state.held.scope)
        let labelled = try labelled(request, in: state)
        do throws(AgentIDError) {
            return try state.held.derive(to: holder, agent: agent, labelled, by: state.key, clock: clock)
        } catch {
            if error.name == "empty_intersection" || error.name == "not_below_parent" {
                home?.guardian.noteWidening(under: state.held.chain, error.message)
            }
            throw error
        }
    }

    static let unisolable = AgentIDError(
        .argument, name: "isolated",
        message: "only an agent that the registry has is isolated: spawn it, in a process of the authority",
        at: "options.isolated")
}
