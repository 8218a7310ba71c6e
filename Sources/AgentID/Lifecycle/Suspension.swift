internal import JOSE

/// An agent is held up and goes on: `active -> suspended -> active`. What has ended is never taken up again.
extension Lifecycle {
    func suspend(_ id: String, reason: String) throws(AgentIDError) {
        try AuditBounds.check(reason: reason)
        try move(id, to: .suspended, as: .suspended, reason: reason)
    }

    func resume(_ id: String) throws(AgentIDError) { try move(id, to: .active, as: .resumed, reason: nil) }

    private func move(
        _ id: String, to state: AgentRecord.State, as event: LifecycleEvent.Name, reason: String?
    ) throws(AgentIDError) {
        let now = clock.milliseconds
        try registry.write { registry in
            guard var agent = try registry.agent(id) else { throw Self.unknown(id) }
            guard agent.state != .deprovisioned else {
                throw AgentIDError(
                    .state, name: "agent_deprovisioned", message: "the agent has ended: start another", at: "agent")
            }
            guard agent.state != state else { return }
            agent.state = state
            try registry.update(agent)
            try registry.announce()
            try recorder.record(LifecycleEvent(event, of: agent, at: now, reason: reason), in: registry)
        }
        // What this process decides next goes by it; others see the announcement at their next call.
        try view.refresh()
        hooks.wake()
    }
}
