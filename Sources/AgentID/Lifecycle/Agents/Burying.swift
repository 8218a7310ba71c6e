internal import JOSE

/// Tombstones: signed once an agent has ended and nothing of it is left, by any process.
extension Lifecycle {
    /// The longest wait for a caller's signer, in milliseconds, where nobody asked for the signature: for tombstones and renewals.
    static var signerPatience: Int { 5000 }

    /// A tombstone that was signed before its agent's end is in the registry, to be stored in one transaction with it.
    struct Burial {
        /// The agent's record as the end will leave it.
        let agent: AgentRecord
        let grants: [String]
        let signer: PublicKey
        let tombstone: String
        let time: Int64
    }

    /// Signs the tombstone of an agent that is being ended, so that its end takes one transaction.
    ///
    /// `nil` where more than that has to be done first: other agents end with it, secrets are to be returned, labels are in a
    /// file that is not open, or the signer is not ours and may be slow.
    ///
    /// - Parameter time: of the end, in milliseconds.
    func burialAhead(of agent: AgentRecord, reason: String, at time: Int64) -> Burial? {
        guard meters.found(MetersOpening.self)?.canRelease ?? true else { return nil }
        var agent = agent
        (agent.state, agent.ended, agent.endReason) = (.deprovisioned, time / 1000, reason)
        return try? withActiveKey { active throws(AgentIDError) -> Burial? in
            guard let signer = try keys.signer(for: active) as? SigningKey else { return nil }
            let grants = try registry.read { registry in
                try isAlone(agent.id, in: registry) ? try registry.grants(of: agent.id) : nil
            }
            guard let grants else { return nil }
            let now = clock.milliseconds
            let tombstone = try Tombstone.issue(
                for: agent, grants: grants, below: 0, trustDomain: trustDomain, by: signer, milliseconds: now)
            return Burial(
                agent: agent, grants: grants.map(\.id), signer: active, tombstone: tombstone, time: now)
        }
    }

    /// Stores a tombstone if all that it says is true of an agent that has just ended. Returns it if so.
    func bury(_ burial: Burial, in registry: any RegistryWriter) throws(AgentIDError) -> String? {
        let id = burial.agent.id
        guard try registry.agent(id) == burial.agent, try isAlone(id, in: registry),
            try registry.isActive(burial.signer)
        else { return nil }
        let grants = try registry.grants(of: id).map(\.id)
        guard grants.elementsEqual(burial.grants, by: { $0.isSame(as: $1) }) else { return nil }
        try bury(id, under: burial.tombstone, at: burial.time, in: registry)
        return burial.tombstone
    }

    /// Whether an agent has no agents below it and holds no secrets.
    private func isAlone(_ id: String, in registry: any RegistryReader) throws(AgentIDError) -> Bool {
        guard try registry.subtree(of: id).count == 1 else { return false }
        return try registry.brokerLeases(of: id, limit: 1).isEmpty
    }

    /// Signs and stores the tombstones that are missing, whoever ended the agents.
    func buryAll(report: (Int) -> Void = { _ in }) throws(AgentIDError) {
        while true {
            let unburied = try registry.read { registry in
                try registry.agentsWithoutTombstone(limit: Self.batch).map { agent in
                    Unburied(
                        agent: agent, grants: try registry.grants(of: agent.id),
                        below: try registry.subtree(of: agent.id).count - 1)
                }
            }
            // Again: whoever ended them may have been killed before, or had the page not open.
            release(unburied.map(\.agent), opens: true)
            guard !unburied.isEmpty, try bury(unburied) else { return }
            report(unburied.count)
            hooks.wake()
        }
    }

    private struct Unburied {
        let agent: AgentRecord
        let grants: [GrantRecord]
        let below: Int
    }

    /// Signs the tombstones of agents and stores them. Returns `false` without a key, or with a signer that fails: the
    /// agents are gone all the same, and a later `reap` signs.
    private func bury(_ unburied: [Unburied]) throws(AgentIDError) -> Bool {
        var isSigned = false
        do throws(AgentIDError) {
            try withActiveKey { active throws(AgentIDError) in
                isSigned = false
                let signer = try boundedSigner(of: active, within: Self.signerPatience)
                // Signed before the transaction: a signer may be remote, and nobody waits for it with the lock.
                let now = clock.milliseconds
                var signed: [(agent: String, tombstone: String)] = []
                for one in unburied {
                    let tombstone = try Tombstone.issue(
                        for: one.agent, grants: one.grants, below: one.below, trustDomain: trustDomain, by: signer,
                        milliseconds: now)
                    signed.append((one.agent.id, tombstone))
                }
                isSigned = true
                try registry.write { registry in
                    // Another process rotated meanwhile: nobody trusts what the old key signs now.
                    guard try registry.isActive(active) else { throw Issuance.keyRotated }
                    for (agent, tombstone) in signed { try bury(agent, under: tombstone, at: now, in: registry) }
                }
            }
            return true
        } catch {
            guard !isSigned else { throw error }
            return false
        }
    }

    private func bury(
        _ id: String, under tombstone: String, at now: Int64, in registry: any RegistryWriter
    ) throws(AgentIDError) {
        // Another process may have been faster.
        guard var agent = try registry.agent(id), agent.tombstone == nil else { return }
        agent.tombstone = tombstone
        try registry.update(agent)
        var event = LifecycleEvent(.deprovisioned, of: agent, at: now, reason: agent.endReason)
        event.tombstone = tombstone
        try recorder.record(event, in: registry)
    }
}
