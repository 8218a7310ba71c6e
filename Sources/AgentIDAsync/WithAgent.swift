public import AgentID

extension Authority {
    /// Starts an agent for as long as `body` runs, and deprovisions it with all below it on every way out: when `body`
    /// returns, throws, or its task is cancelled.
    ///
    /// ``Agent/current`` is the agent while `body` runs. A task that was cancelled before starts none, and one cancelled
    /// while the agent was started does not run `body`.
    ///
    /// - Throws: what `body` throws; `CancellationError`; ``AgentIDError`` where the agent could not be started, or its end
    ///   not be written down after `body` had returned: then it is denied here at once, and elsewhere when its lease lapses.
    public func withAgent<Result>(
        profile: String, _ request: AgentRequest, isolation: isolated (any Actor)? = #isolation,
        _ body: (Agent) async throws -> Result
    ) async throws -> Result {
        try Task.checkCancellation()
        return try await startAgent(profile: profile, request).run(body)
    }
}

extension Agent {
    /// Starts a sub-agent for as long as `body` runs, and deprovisions it with all below it on every way out.
    ///
    /// - Throws: as ``Authority/withAgent(profile:_:isolation:_:)``.
    public func withAgent<Result>(
        _ name: String, _ request: DelegationRequest,
        isolation: isolated (any Actor)? = #isolation, _ body: (Agent) async throws -> Result
    ) async throws -> Result {
        try Task.checkCancellation()
        return try await spawn(name, request).run(body)
    }

    /// Runs `body` as this agent, and ends it.
    func run<Result>(
        isolation: isolated (any Actor)? = #isolation, _ body: (Agent) async throws -> Result
    ) async throws -> Result {
        let result: Result
        do {
            try Task.checkCancellation()
            result = try await Agent.$current.withValue(self) { try await body(self) }
        } catch {
            // What is thrown is the body's; the lease lapses where the end could not be written down.
            try? await finish(Task.isCancelled ? "its task was cancelled" : "its task failed")
            throw error
        }
        try await finish("its task is done")
        return result
    }

    /// Deprovisions, in a cancelled task too; harmless where it has ended.
    private func finish(_ reason: String) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try conclude(reason: reason) }
    }
}
