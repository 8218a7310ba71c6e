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
            let now = clock.milliseconds
            // One that a clock dated which was behind for a moment must not last for longer than any may.
            let end = min(before.held.grant.expires, now / 1000 + Limits.longestLifetime)
            let issuance = try Issuance(
                renewing: agent, from: before.held, under: profile, of: trustDomain, to: key.publicKey,
                until: end, labels: labelsLeft(of: before.held, id: id),
                by: keys.signer(for: active), at: now)
            leases.dates(now - steady.now.milliseconds)
            let credential: HeldCredential? =
                before.credential == nil
                ? nil : try self.credential(for: key.publicKey, id: id, until: issuance.grant.expires)
            let after = Agent.State(
                held: issuance.held, key: key, credential: credential,
                lineage: Lineage(root: issuance), term: before.term)
            view.revocations.add(try replace(issuance, after: before.lineage))
            return after
        }
    }

    private func replace(
        _ issuance: Issuance, after lineage: Lineage
    ) throws(AgentIDError) -> [Revocation] {
        let now = clock.milliseconds
        return try write { registry in
            try issuance.checkStillDue(in: registry)
            // What is revoked does not come back under another key.
            if let revoked = try registry.firstRevoked(of: lineage.revocable) {
                throw AgentIDError(
                    .state, name: "authority_revoked",
                    message: "revoked: \(revoked.kind.name) \(revoked.value): end the agent and start another",
                    at: "agent")
            }
            // With what was renewed meanwhile, and every key it had: others may have delegated to one.
            let past = try registry.grants(of: issuance.agent.id)
            let former = try registry.formerKeys(of: issuance.agent.id).map { Revocation(unchecked: .key, $0) }
            let revocations = try lineage.held + past.flatMap { try $0.revocable } + former
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
