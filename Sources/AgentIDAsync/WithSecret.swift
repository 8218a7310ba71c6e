public import AgentID

extension Authority {
    /// Gets a secret for a call that was permitted: for the tool, not for the agent.
    ///
    /// - Parameters:
    ///   - permit: not older than a minute, under a chain that names its agent.
    ///   - provider: the name it was added with.
    ///   - resource: what is to be opened, as the provider understands it.
    ///   - timeToLive: in seconds; at most as long as the agent's grant lasts.
    /// - Throws: a ``Denial`` where the permit is too old, or the agent has ended meanwhile; ``AgentIDError``.
    public func acquire(
        for permit: Permit, from provider: String, resource: String, timeToLive: Int64
    ) async throws -> (lease: String, secret: Secret) {
        try await WaitingThreads.run {
            try acquire(for: permit, from: provider, resource: resource, timeToLive: timeToLive)
        }
    }

    /// Returns a secret before its time; harmless where it was returned before.
    public func release(lease: String) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try release(lease: lease) }
    }

    /// Gets a secret for a permitted call for as long as `body` runs, and returns it on every way out, cancellation
    /// included. A return that fails is tried again by itself, and by `reap`.
    ///
    /// - Throws: what `body` throws, and what `acquire` does.
    public func withSecret<Result>(
        for permit: Permit, from provider: String, resource: String, timeToLive: Int64,
        isolation: isolated (any Actor)? = #isolation, _ body: (Secret) async throws -> Result
    ) async throws -> Result {
        try Task.checkCancellation()
        let (lease, secret) = try await acquire(
            for: permit, from: provider, resource: resource, timeToLive: timeToLive)
        let outcome: Swift.Result<Result, any Error>
        do { outcome = .success(try await body(secret)) } catch { outcome = .failure(error) }
        try? await release(lease: lease)
        return try outcome.get()
    }
}
