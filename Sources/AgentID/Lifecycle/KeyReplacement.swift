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
                by: keys.signer(for: active), clock: clock)
            let credential: HeldCredential? =
                before.credential == nil
                ? nil : try self.credential(for: key.publicKey, id: id, until: issuance.grant.expires)
            let after = Agent.State(
                held: try HeldGrant(reading: Array(issuance.grant.chain.utf8)), key: key, credential: credential,
                lineage: Lineage(root: issuance))
            let revoked = before.lineage.held
            try replace(issuance, revoking: revoked)
            view.revocations.add(revoked)
            return after
        }
    }

    private func replace(_ issuance: Issuance, revoking revocations: [Revocation]) throws(AgentIDError) {
        let now = clock.milliseconds
        try registry.write { registry in
            try issuance.checkStillDue(in: registry)
            var agent = try active(issuance.agent.id, in: registry)
            agent.key = issuance.agent.key
            try registry.update(agent)
            try registry.insert(issuance.grant)
            try recorder.record(
                LifecycleEvent(.rotated, of: agent, at: now, chain: [issuance.grant.id]), in: registry)
            try addRevocations(revocations, at: now, reason: "the key was replaced", in: registry)
        }
    }
}
