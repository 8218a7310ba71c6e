internal import StrictJSON

/// An agent's run waits: `active -> parked -> active`. Its lease then says until when, and holds what it goes on with.
extension Lifecycle {
    /// Parks an agent that is held here, for so many seconds at most.
    ///
    /// - Parameter labels: Those that no directory keeps.
    func park(_ id: String, _ state: Agent.State, labels: [String], for seconds: Int64) throws(AgentIDError) {
        guard (1...Limits.longestParking).contains(seconds) else {
            throw AgentIDError(
                .argument, name: "seconds", message: "an agent is parked for 1 second to 30 days", at: "seconds")
        }
        guard let term = state.term, case .authority = term.source else {
            throw AgentIDError(
                .state, name: "sub_agent",
                message: "a sub-agent's grant comes from its parent: end it, park the parent, and spawn another later",
                at: "agent")
        }
        try checkWhole()
        let sealed = try ParkedKey.seal(state, term, labels, with: keys.sealingKey())
        let now = try clock.now()
        let expires = min(now + seconds * 1000, (term.until ?? Limits.latestDate) * 1000)
        let lease = LeaseRecord(
            agent: id, expires: expires, renewed: now, holder: "parked", runsUntil: steady.now.later(by: expires - now),
            sealed: sealed)
        try write { registry in
            let agent = try active(id, in: registry)
            guard agent.key.isSame(as: state.key.thumbprint) else { throw Self.keyReplaced }
            for standing in try registry.standing(of: [id]) { try checkRenewable(standing, at: now) }
            try refuseRevoked(state.lineage.revocable, in: registry)
            let below = try registry.subtree(of: id)
            if let live = below.first(where: { $0.state != .deprovisioned && !$0.id.isSame(as: id) }) {
                throw AgentIDError(
                    .state, name: "live_children",
                    message: "an agent below it has not ended, \(live.id): end those first", at: "agent")
            }
            try registry.put(lease)
            try registry.releaseBrokerLeases(of: id, at: now)
            try registry.announce()
            try recorder.record(
                LifecycleEvent(.parked, of: agent, at: now, chain: state.lineage.grants), in: registry)
        }
        try? view.refresh()
        hooks.wake()
    }

    /// Takes up a parked agent, as a renewal would go on with it. What it holds from now on.
    func unpark(_ id: String) throws(AgentIDError) -> (state: Agent.State, labels: [String]) {
        let sealing = try keys.sealingKey()
        let taken = try withActiveKey { active throws(AgentIDError) in
            let now = try clock.now()
            let (agent, sealed, profile) = try registry.read { registry in
                let (agent, sealed) = try self.parked(id, at: now, in: registry)
                return (agent, sealed, try Issuance.profile(named: agent.profile, in: registry))
            }
            try Issuance.checkReview(of: profile, now: now / 1000)
            let parked = try ParkedKey(opening: sealed, with: sealing)
            guard let grant = try registry.read({ try $0.grant(parked.grant) }), grant.agent.isSame(as: id) else {
                throw ParkedKey.damaged
            }
            let before = try HeldGrant(reading: Array(grant.chain.utf8))
            guard before.grant.holder == parked.key.publicKey else { throw ParkedKey.damaged }
            let issuance = try Issuance(
                renewing: agent, from: before, under: profile, of: trustDomain, to: parked.key.publicKey,
                until: parked.term.end(of: profile.maxLifetime, now: now / 1000),
                labels: labelsLeft(of: before, id: id), by: keys.signer(for: active), at: now)
            let state = Agent.State(
                held: issuance.held, key: parked.key,
                credential: try credential(
                    for: parked.key.publicKey, id: id,
                    lifetime: min(leaseDuration, issuance.grant.expires - now / 1000), signedWith: active, at: now),
                lineage: Lineage(root: issuance), term: parked.term)
            try register(issuance, of: sealed, revocable: grant.links + state.lineage.revocable)
            return (state, parked.labels)
        }
        try? view.refresh()
        hooks.wake()
        return taken
    }

    /// The transaction: who else opened the same box finds it gone.
    private func register(
        _ issuance: Issuance, of sealed: [UInt8], revocable: [Revocation]
    ) throws(AgentIDError) {
        let now = try clock.now()
        let id = issuance.agent.id
        let runsUntil = steady.now.later(by: leaseDuration * 1000)
        try write { registry in
            guard try parked(id, at: now, in: registry).sealed == sealed else { throw Self.notParked }
            try refuseRevoked(revocable, in: registry)
            try issuance.checkStillDue(in: registry)
            try registry.put(
                LeaseRecord(
                    agent: id, expires: now + leaseDuration * 1000, renewed: now, holder: leases.holder,
                    runsUntil: runsUntil, grace: resumeWithin * 1000))
            try registry.insert(issuance.grant)
            try registry.announce()
            try recorder.record(
                LifecycleEvent(.unparked, of: issuance.agent, at: now, chain: [issuance.grant.id]), in: registry)
        }
    }

    /// An agent that can be taken up, and what was sealed of it.
    private func parked(
        _ id: String, at now: Int64, in registry: any RegistryReader
    ) throws(AgentIDError) -> (agent: AgentRecord, sealed: [UInt8]) {
        guard let agent = try registry.agent(id) else { throw Self.unknown(id) }
        guard agent.state == .parked, let lease = try registry.lease(of: id), let sealed = lease.sealed else {
            _ = try active(id, in: registry)
            throw Self.notParked
        }
        guard lease.expires > now else {
            throw AgentIDError(
                .state, name: "parking_over",
                message: "the time that the agent was parked for is over: it is ended by whoever reaps", at: "agent")
        }
        return (agent, sealed)
    }

    /// Refuses what stands on something that was revoked.
    func refuseRevoked(_ revocable: [Revocation], in registry: any RegistryReader) throws(AgentIDError) {
        if let revoked = try registry.firstRevoked(of: revocable) {
            throw AgentIDError(
                .state, name: "authority_revoked", message: "revoked: \(revoked.kind.name) \(revoked.value)",
                at: "agent")
        }
    }

    private static let notParked = AgentIDError(
        .state, name: "not_parked", message: "the agent is not parked, or was taken up meanwhile", at: "agent")
}
