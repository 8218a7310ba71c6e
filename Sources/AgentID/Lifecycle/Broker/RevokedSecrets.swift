extension RegistryWriter {
    /// Makes due the secrets of agents that a revocation names: themselves, one above them, their principal, owner or
    /// profile. Whoever has the provider returns them within a second.
    func returnSecrets(of revocation: Revocation, at time: Int64) throws(AgentIDError) {
        guard revocation.kind == .agent || revocation.kind == .principal || revocation.kind == .profile else { return }
        for id in Set(try brokerLeases(of: nil, limit: .max).map(\.agent.exact)) {
            guard let agent = try agent(id.string) else { continue }
            let names =
                switch revocation.kind {
                case .agent: Array(SPIFFEID.ancestry(of: agent.id))
                case .principal: [agent.principal, agent.owner]
                default: [agent.profile]
                }
            if names.holds(revocation.value) { try releaseBrokerLeases(of: agent.id, at: time) }
        }
    }
}
