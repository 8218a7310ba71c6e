internal import JOSE

/// The agents whose handles live in this process, and the thread that renews their leases.
final class LeaseKeeper: Sendable {
    /// Who renews these leases.
    let holder = ProcessLabel.make()
    private struct Kept {
        weak var agent: Agent?
    }
    private struct State {
        var agents: [ExactText: Kept] = [:]
        var thread: BackgroundThread?
        var isStopped = false
    }
    private let state = Locked(State())

    /// Renews an agent's lease from now on, as long as somebody holds the agent.
    func keep(_ agent: Agent, id: String, for lifecycle: Lifecycle) throws(AgentIDError) {
        try state.withLock { state throws(AgentIDError) in
            state.agents[id.exact] = Kept(agent: agent)
            guard state.thread == nil, !state.isStopped else { return }
            // A third: two attempts may fail before anything lapses.
            let interval = max(Int(clamping: lifecycle.leaseDuration) * 1000 / 3, 1)
            state.thread = try BackgroundThread.start(name: "agentid-lease") { [weak lifecycle] thread in
                while thread.wait(milliseconds: interval) {
                    // A registry that fails now is asked again in time; what lapses until then is denied.
                    guard let lifecycle else { return }
                    try? lifecycle.renewLeases()
                }
            }
        }
    }

    func forget(_ id: String) { state.withLock { $0.agents[id.exact] = nil } }

    /// Renews an agent no more, and returns it where somebody still holds it.
    func take(_ id: String) -> Agent? { state.withLock { $0.agents.removeValue(forKey: id.exact)?.agent } }

    /// The agents that still have a handle, by ID.
    func agents() -> [(id: String, agent: Agent)] {
        state.withLock { state in
            state.agents = state.agents.filter { $0.value.agent != nil }
            return state.agents.compactMap { id, kept in kept.agent.map { (id.string, $0) } }
        }
    }

    /// Renews nothing any more.
    func stop() {
        let thread = state.withLock { state in
            state.isStopped = true
            defer { state.thread = nil }
            return state.thread
        }
        thread?.stop()
    }
}

extension Lifecycle {
    /// Renews the leases of all live handles in one transaction, and the credentials that are past half their life.
    ///
    /// An agent whose lease has lapsed, that has ended or that is revoked is not renewed, ever again.
    func renewLeases() throws(AgentIDError) {
        try view.refresh()
        let now = try clock.now()
        var due: [ExactText: (agent: Agent, credential: HeldCredential?)] = [:]
        for (id, agent) in leases.agents() {
            guard let renewal = agent.renewal, view.revocations.first(of: renewal.lineage.revocable) == nil else {
                leases.forget(id)
                continue
            }
            due[id.exact] = (agent, try? credential(for: renewal, id: id, now: now))
        }
        guard !due.isEmpty else { return }
        let renewed = try registry.write { registry in
            let renewed = try registry.renewLeases(
                of: Set(due.keys).inByteOrder(), at: now, until: now + leaseDuration * 1000)
            // What was signed with a key that was retired meanwhile is signed anew the next time.
            for (id, held) in due {
                if let signer = held.credential?.signer, try !registry.isActive(signer) { due[id]?.credential = nil }
            }
            for id in renewed where due[id.exact]?.credential != nil {
                guard let agent = try registry.agent(id) else { continue }
                try recorder.record(LifecycleEvent(.renewed, of: agent, at: now), in: registry)
            }
            return renewed.exact
        }
        for (id, (agent, credential)) in due {
            guard renewed.contains(id) else {
                leases.forget(id.string)
                continue
            }
            if let credential { agent.take(credential) }
        }
    }

    /// A new credential, where half the life of the old one is over.
    private func credential(
        for renewal: Agent.Renewal, id: String, now: Int64
    ) throws(AgentIDError) -> HeldCredential? {
        guard let old = renewal.credential, let renewAt = old.renewAt, renewAt <= now / 1000 else { return nil }
        return try credential(for: renewal.key, id: id, until: renewal.expires)
    }

    /// A credential for a key, as short-lived as a lease and never longer than `expires`, in seconds.
    func credential(for key: PublicKey, id: String, until expires: Int64) throws(AgentIDError) -> HeldCredential {
        let now = try clock.now()
        let lifetime = min(leaseDuration, expires - now / 1000)
        guard lifetime > 0 else {
            throw AgentIDError(.state, name: "expired", message: "the agent's grant has expired")
        }
        return try withActiveKey { active throws(AgentIDError) in
            let token = try Credential.issue(
                to: key, agent: SPIFFEID(id), by: keys.signer(for: active), at: now / 1000, milliseconds: now,
                lifetime: lifetime)
            return HeldCredential(token: token, key: key, signer: active, renewAt: now / 1000 + (lifetime + 1) / 2)
        }
    }
}
