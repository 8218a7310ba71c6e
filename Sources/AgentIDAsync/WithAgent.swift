public import AgentID

extension Authority {
    /// Starts an agent, runs `body`, and deprovisions the agent with all below it on every way out: when `body`
    /// returns, throws, or its task is cancelled.
    ///
    /// ``Agent/current`` is the agent while `body` runs. A task that was already cancelled starts no agent. If it is
    /// cancelled while the agent is started, `body` does not run.
    ///
    /// - Throws: The error of `body`; `CancellationError`; ``AgentIDError`` if the agent could not be started, or if
    ///   its end could not be recorded after `body` had returned: then it is denied here at once, and elsewhere when its
    ///   lease lapses.
    public func withAgent<Result>(
        profile: String, _ request: AgentRequest, isolation: isolated (any Actor)? = #isolation,
        _ body: (Agent) async throws -> Result
    ) async throws -> Result {
        try Task.checkCancellation()
        return try await startAgent(profile: profile, request).run(body)
    }
}

extension Agent {
    /// Starts a sub-agent, runs `body`, and deprovisions the sub-agent with all below it on every way out.
    ///
    /// - Throws: As ``Authority/withAgent(profile:_:isolation:_:)``.
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
            // Throws the body's error; if the end could not be recorded, the lease lapses.
            try? await finish(Task.isCancelled ? "its task was cancelled" : "its task failed")
            throw error
        }
        try await finish("its task is done")
        return result
    }

    /// Deprovisions, even in a cancelled task; harmless if it has ended.
    private func finish(_ reason: String) async throws(AgentIDError) {
        try await WaitingThreads.run(on: .ending) { () throws(AgentIDError) in try conclude(reason: reason) }
    }
}
