internal import JOSE

extension Lifecycle {
    /// Grants an agent what it holds anew, to another key, and revokes every key and grant it held until now.
    ///
    /// One transaction: either both are done, or neither.
    func grantAnew(to key: SigningKey, id: String, in before: Agent.State) throws(AgentIDError) -> Agent.State {
        try withActiveKey { active throws(AgentIDError) in
            let (agent, profile) = try registry.read { registry in
                let agent = try self.active(id, in: registry)
                guard agent.parent == nil else {
                    throw AgentIDError(
                        .state, name: "sub_agent",
                        message: "an agent's key is revoked by its authority, a sub-agent's with it by ending it: "
                            + "deprovision it and spawn another", at: "agent")
                }
                return (agent, try Issuance.profile(named: agent.profile, in: registry))
            }
            let issuance = try Issuance(
                renewing: agent, from: before.held, under: profile, of: trustDomain, to: key.publicKey,
                until: before.held.grant.expires, by: keys.signer(for: active), at: clock.milliseconds)
            let credential: HeldCredential? =
                before.credential == nil
                ? nil : try self.credential(for: key.publicKey, id: id, until: issuance.grant.expires)
            let after = Agent.State(
                held: try HeldGrant(reading: Array(issuance.grant.chain.utf8)), key: key, credential: credential,
                lineage: Lineage(root: issuance), term: before.term)
            view.revocations.add(try replace(issuance, revoking: before.lineage.held))
            return after
        }
    }

    private func replace(
        _ issuance: Issuance, revoking held: [Revocation]
    ) throws(AgentIDError) -> [Revocation] {
        let now = clock.milliseconds
        return try write { registry in
            try issuance.checkStillDue(in: registry)
            // With what was renewed meanwhile, and what was held before and is good still.
            let past = try registry.grants(of: issuance.agent.id).filter { $0.expires > now / 1000 }
            let revocations = try held + past.flatMap { try $0.revocable }
            var agent = try active(issuance.agent.id, in: registry)
            agent.key = issuance.agent.key
            try registry.update(agent)
            try registry.insert(issuance.grant)
            try recorder.record(
                LifecycleEvent(.rotated, of: agent, at: now, chain: [issuance.grant.id]), in: registry)
            try addRevocations(revocations, at: now, reason: "the key was replaced", in: registry)
            return revocations
        }
    }
}

extension GrantRecord {
    /// The grant, and the key that holds it.
    fileprivate var revocable: [Revocation] {
        get throws(AgentIDError) {
            let holder = try HeldGrant(reading: Array(chain.utf8)).grant.holder.thumbprint
            return [Revocation(unchecked: .grant, id), Revocation(unchecked: .key, holder)]
        }
    }
}
