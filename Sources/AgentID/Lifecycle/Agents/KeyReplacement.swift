internal import JOSE

extension Lifecycle {
    /// Grants an agent what it holds anew, to another key, and revokes every key and grant it held until now.
    ///
    /// One transaction, if the registry takes it now. If not, they are revoked at once all the same, in the journal, and then
    /// the registry is waited for: whoever has the old key waits for nobody.
    ///
    /// - Returns: `false` if another call replaced the key since `before`.
    func grantAnew(
        to key: SigningKey, for agent: Agent, id: String, in before: Agent.State
    ) throws(AgentIDError) -> Bool {
        var revoked: [Revocation] = []
        let isDone: Bool
        do throws(AgentIDError) {
            isDone = try withActiveKey { active throws(AgentIDError) in
                let (issuance, after) = try reissue(to: key, id: id, in: before, by: active)
                let now = clock.milliseconds
                return try agent.replaceKey(since: before) { () throws(AgentIDError) in
                    try replace(issuance, after: before.lineage, &revoked, at: now)
                    return after
                }
            }
        } catch {
            guard !revoked.isEmpty else { throw error }
            throw error.pending("the old key is revoked, and the agent has no other: end it, and start another")
        }
        // What stands on something revoked is not renewed, and this one did for a moment.
        if !revoked.isEmpty { leases.keep(agent, id: id, for: self) }
        return isDone
    }

    private func replace(
        _ issuance: Issuance, after lineage: Lineage, _ revoked: inout [Revocation], at now: Int64
    ) throws(AgentIDError) {
        do throws(AgentIDError) {
            let turn = journal == nil ? 10_000 : Self.foldingTurn
            view.revocations.add(try replace(issuance, after: lineage, revoked, at: now, within: turn))
        } catch {
            guard error.code == .io, journal != nil else { throw error }
            if revoked.isEmpty { revoked = try revokeHeld(lineage, by: issuance.agent.id, at: now) }
            _ = try replace(issuance, after: lineage, revoked, at: now, within: 10_000)
        }
    }

    private func reissue(
        to key: SigningKey, id: String, in before: Agent.State, by active: PublicKey
    ) throws(AgentIDError) -> (Issuance, Agent.State) {
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
        return (issuance, after)
    }

    private static var reason: String { "the key was replaced" }

    /// Revokes every key and grant an agent held until now, without the registry's lock.
    private func revokeHeld(
        _ lineage: Lineage, by id: String, at now: Int64
    ) throws(AgentIDError) -> [Revocation] {
        try view.refresh()
        let held = try registry.read { registry in
            try refuse(view.revocations.first(of: lineage.revocable))
            try refuse(try registry.firstRevoked(of: lineage.revocable))
            return try heldUntilNow(lineage, by: id, in: registry)
        }
        view.revocations.add(held)
        try enforce(held.map { .revoke($0) }, reason: Self.reason, at: now)
        return held
    }

    /// With what was renewed meanwhile, and every key it had: others may have delegated to one.
    private func heldUntilNow(
        _ lineage: Lineage, by id: String, in registry: any RegistryReader
    ) throws(AgentIDError) -> [Revocation] {
        var held = lineage.held
        held += try registry.formerKeys(of: id).map { Revocation(unchecked: .key, $0) }
        for grant in try registry.grants(of: id) { held += try grant.revocable }
        return held
    }

    /// Throws if something was revoked: it does not come back under another key.
    private func refuse(_ revoked: Revocation?) throws(AgentIDError) {
        guard let revoked else { return }
        throw AgentIDError(
            .state, name: "authority_revoked",
            message: "revoked: \(revoked.kind.name) \(revoked.value): end the agent and start another", at: "agent")
    }

    /// - Parameter revoked: what was revoked already to this end.
    private func replace(
        _ issuance: Issuance, after lineage: Lineage, _ revoked: [Revocation], at now: Int64, within milliseconds: Int
    ) throws(AgentIDError) -> [Revocation] {
        try write(within: milliseconds) { registry in
            try issuance.checkStillDue(in: registry)
            try refuse(try registry.firstRevoked(of: lineage.revocable.filter { !revoked.contains($0) }))
            let revocations = try heldUntilNow(lineage, by: issuance.agent.id, in: registry)
            var agent = try active(issuance.agent.id, in: registry)
            agent.key = issuance.agent.key
            try registry.update(agent)
            try registry.insert(issuance.grant)
            try recorder.record(
                LifecycleEvent(.rotated, of: agent, at: now, chain: [issuance.grant.id]), in: registry)
            try addRevocations(revocations, at: now, reason: Self.reason, in: registry)
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
