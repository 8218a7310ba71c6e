internal import JOSE
internal import StrictJSON

/// Agents, and what they hand on, as the registry comes to have them: each in one transaction with its events.
extension Lifecycle {
    /// Registers a new agent under a root grant; `leaseUntil` and `grace` in milliseconds.
    func register(_ issuance: Issuance, leaseUntil: Int64, grace: Int64 = 0) throws(AgentIDError) {
        let now = try clock.now()
        let runsUntil = steady.now.later(by: leaseUntil - now)
        try write { registry in
            try issuance.checkStillDue(in: registry)
            try insert(
                issuance.agent, issuance.grant, leaseUntil: leaseUntil, runsUntil: runsUntil, grace: grace, now: now,
                in: registry)
            for name in [LifecycleEvent.Name.created, .granted] {
                try recorder.record(
                    LifecycleEvent(name, of: issuance.agent, at: now, chain: [issuance.grant.id]), in: registry)
            }
        }
    }

    /// Registers a sub-agent that `parent` started.
    func register(_ child: String, under parent: String, held: HeldGrant, lineage: Lineage) throws(AgentIDError) {
        try checkWhole()
        let now = try clock.now()
        let runsUntil = steady.now.later(by: leaseDuration * 1000)
        try write { registry in
            let above = try active(parent, in: registry)
            try checkHandsOn(parent, lineage, at: now, in: registry)
            let agent = AgentRecord(
                id: child, parent: parent, profile: above.profile, owner: above.owner, principal: above.principal,
                task: above.task, intent: above.intent, key: held.grant.holder.thumbprint, created: now / 1000)
            try insert(
                agent, GrantRecord(held, of: child), leaseUntil: now + leaseDuration * 1000, runsUntil: runsUntil,
                grace: resumeWithin * 1000, now: now, in: registry)
            try recorder.record(LifecycleEvent(.created, of: agent, at: now, chain: lineage.grants), in: registry)
            try recorder.record(LifecycleEvent(.delegated, of: above, at: now, chain: lineage.grants), in: registry)
        }
    }

    /// Records a delegation to a key that is held elsewhere.
    func recordDelegation(
        by agent: String, _ lineage: Lineage, grant: String, to holder: PublicKey
    ) throws(AgentIDError) {
        let now = try clock.now()
        try write { registry in
            let above = try active(agent, in: registry)
            try checkHandsOn(agent, lineage, at: now, in: registry)
            try Issuance.refuseRevoked(key: holder.thumbprint, in: registry)
            var event = LifecycleEvent(.delegated, of: above, at: now, chain: lineage.grants + [grant])
            event.key = holder.thumbprint
            try recorder.record(event, in: registry)
        }
    }

    /// Records an agent's new key and the grant to it; issues its new credential, where it has one.
    ///
    /// - Returns: `false`, and nothing is recorded, if another call replaced the key since `before`.
    func rotate(
        _ agent: Agent, _ id: String, to after: Agent.State, since before: Agent.State
    ) throws(AgentIDError) -> Bool {
        guard before.credential != nil else { return try rotate(agent, id, to: after, since: before, signer: nil) }
        return try withActiveKey { _ throws(AgentIDError) in
            var after = after
            let credential = try self.credential(for: after.key.publicKey, id: id, until: after.held.grant.expires)
            after.credential = credential
            return try rotate(agent, id, to: after, since: before, signer: credential.signer)
        }
    }

    /// - Parameter signer: of its new credential: refused where that was retired meanwhile.
    @inline(never)  // Swift 6.3.1 cannot compile it inlined into the closure above.
    private func rotate(
        _ agent: Agent, _ id: String, to after: Agent.State, since before: Agent.State, signer: PublicKey?
    ) throws(AgentIDError) -> Bool {
        let now = try clock.now()
        leases.dates(now - steady.now.milliseconds)
        return try agent.replaceKey(since: before) { () throws(AgentIDError) in
            try write { registry in
                if let signer, try !registry.isActive(signer) { throw Issuance.keyRotated }
                var record = try active(id, in: registry)
                try checkHandsOn(id, after.lineage, at: now, in: registry)
                record.key = after.held.grant.holder.thumbprint
                try registry.update(record)
                try registry.insert(GrantRecord(after.held, of: id))
                try recorder.record(
                    LifecycleEvent(.rotated, of: record, at: now, chain: after.lineage.grants), in: registry)
            }
            return after
        }
    }

    private func insert(
        _ agent: AgentRecord, _ grant: GrantRecord, leaseUntil: Int64, runsUntil: SteadyTime, grace: Int64,
        now: Int64, in registry: any RegistryWriter
    ) throws(AgentIDError) {
        try registry.insert(agent)
        try registry.insert(grant)
        try registry.put(
            LeaseRecord(
                agent: agent.id, expires: leaseUntil, renewed: now, holder: leases.holder,
                runsUntil: runsUntil, grace: grace))
    }

    /// Refuses what an agent signs for another key, where every guard of the directory would deny it.
    @inline(never)  // Once, and not in each transaction.
    private func checkHandsOn(
        _ id: String, _ lineage: Lineage, at now: Int64, in registry: any RegistryReader
    ) throws(AgentIDError) {
        try refuseRevoked(lineage.revocable, in: registry)
        for id in SPIFFEID.ancestry(of: id) {
            for standing in try registry.standing(of: [id]) { try checkRenewable(standing, at: now) }
        }
    }

    /// The record of an agent that may go on.
    ///
    /// - Parameter suspended: whether one that is suspended will do as well.
    func active(
        _ id: String, orSuspended suspended: Bool = false, in registry: any RegistryReader
    ) throws(AgentIDError) -> AgentRecord {
        guard let agent = try registry.agent(id) else {
            throw Self.unknown(id)
        }
        guard agent.state == .active || suspended && agent.state == .suspended else {
            throw AgentIDError(
                .state, name: "agent_\(agent.state.rawValue)", message: "the agent is \(agent.state.rawValue)",
                at: "agent")
        }
        return agent
    }
}

extension GrantRecord {
    init(_ signed: SignedGrant, of agent: String) {
        self.init(
            id: signed.grant.id, agent: agent, chain: String(decoding: signed.chain, as: UTF8.self),
            issued: signed.grant.issuedAt, expires: signed.grant.expires)
    }

    init(_ held: HeldGrant, of agent: String) {
        self.init(
            id: held.grant.id, agent: agent, chain: String(decoding: held.chain, as: UTF8.self),
            issued: held.grant.issuedAt, expires: held.grant.expires)
    }
}
