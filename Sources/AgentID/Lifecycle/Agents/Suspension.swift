internal import StrictJSON

/// Suspends and resumes agents: `active -> suspended -> active`. An agent that has ended is never resumed.
extension Lifecycle {
    /// Suspends an agent. In force in every process on return, whoever has the registry's lock.
    func suspend(_ id: String, reason: String) throws(AgentIDError) {
        try AuditBounds.check(reason: reason)
        let looked = Result { () throws(AgentIDError) in try registry.read { registry in try registry.agent(id) } }
        if case .success(let known) = looked { guard try Self.goingOn(known, id).state != .suspended else { return } }
        // Whoever cannot be looked up now is suspended all the same.
        try enforce([.suspend(agent: try oneAgent(id).value)], reason: reason)
        foldSoon()
        if case .failure(let error) = looked {
            throw error.pending("the agent is suspended from now on, but not in the registry yet, which is tried again")
        }
        try checkWholeAfterwards()
        // This process's next decision follows it; others see the announcement at their next call.
        try view.refresh()
        hooks.wake()
    }

    func resume(_ id: String) throws(AgentIDError) {
        try checkWhole()
        let now = clock.milliseconds
        // One that could not be written yet would suspend it again.
        try unfinished.withoutSuspension(of: id, for: self) { () throws(AgentIDError) in
            try resume(id, at: now)
        }
        view.release(id.exact)
        try view.refresh()
        // Its grant may have ended meanwhile.
        leases.wake()
        hooks.wake()
    }

    private func resume(_ id: String, at now: Int64) throws(AgentIDError) {
        try write { registry in
            var agent = try Self.goingOn(try registry.agent(id), id)
            guard agent.state == .suspended else { return }
            (agent.state, agent.endReason) = (.active, nil)
            try registry.update(agent)
            try registry.announce()
            try recorder.record(LifecycleEvent(.resumed, of: agent, at: now, reason: nil), in: registry)
        }
    }

    /// The transaction's part of a suspension; nothing if the agent has ended or is suspended already.
    func suspend(
        _ id: String, reason: String?, at time: Int64, in registry: any RegistryWriter
    ) throws(AgentIDError) {
        guard var agent = try registry.agent(id), agent.state == .active || agent.state == .parked else { return }
        (agent.state, agent.endReason) = (.suspended, reason)
        try registry.update(agent)
        try registry.returnSecrets(below: id, at: time)
        try registry.announce()
        try recorder.record(LifecycleEvent(.suspended, of: agent, at: time, reason: reason), in: registry)
    }

    private static func goingOn(_ agent: AgentRecord?, _ id: String) throws(AgentIDError) -> AgentRecord {
        guard let agent else { throw unknown(id) }
        guard agent.state != .deprovisioned else {
            throw AgentIDError(
                .state, name: "agent_deprovisioned", message: "the agent has ended: start another", at: "agent")
        }
        return agent
    }
}
