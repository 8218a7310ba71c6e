/// Makes due the secrets of agents that are stopped. Whoever has the provider returns them within a second.
extension RegistryWriter {
    /// Those of an agent that is suspended, and of all below it.
    func returnSecrets(below id: String, at time: Int64) throws(AgentIDError) {
        for agent in try secretHolders() where agent.isSame(as: id) || SPIFFEID.isUnder(agent, id) {
            try releaseBrokerLeases(of: agent, at: time)
        }
    }

    /// Those of agents that revocations name: themselves, one above them, their principal, owner or profile, or a grant
    /// or key in the chain of their last grant.
    func returnSecrets(of revocations: [Revocation], at time: Int64) throws(AgentIDError) {
        guard !revocations.isEmpty else { return }
        let revoked = Set(revocations)
        let readsChains = revocations.contains { $0.kind == .grant || $0.kind == .key || $0.kind == .issuer }
        for id in try secretHolders() {
            guard let agent = try agent(id) else { continue }
            var names = SPIFFEID.ancestry(of: id).map { Revocation(unchecked: .agent, $0) }
            names += [agent.principal, agent.owner].map { Revocation(unchecked: .principal, $0) }
            names.append(Revocation(unchecked: .profile, agent.profile))
            if readsChains { names += try lastGrants(of: [id]).flatMap { $0?.links ?? [] } }
            if !revoked.isDisjoint(with: names) { try releaseBrokerLeases(of: id, at: time) }
        }
    }
}
