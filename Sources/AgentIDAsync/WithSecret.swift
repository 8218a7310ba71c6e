public import AgentID

extension SecretSource {
    /// Gets a secret for a permitted call: see the call of the same name that waits.
    ///
    /// - Throws: A ``Denial``, which is an event (`secret_refused`); ``AgentIDError``.
    public func acquire(
        for permit: Permit, from provider: String, resource: String, timeToLive: Int64
    ) async throws -> (lease: String, secret: Secret) {
        try await WaitingThreads.run(on: .secrets) {
            try acquire(for: permit, from: provider, resource: resource, timeToLive: timeToLive)
        }
    }

    /// Returns a secret before its time; harmless if it was returned already.
    public func release(lease: String) async throws(AgentIDError) {
        try await WaitingThreads.run(on: .secrets) { () throws(AgentIDError) in try release(lease: lease) }
    }

    /// Gets a secret for a permitted call, runs `body`, and returns the secret on every way out, cancellation included.
    /// A failed return is tried again automatically, and by `reap`.
    ///
    /// - Throws: The errors of `body` and of `acquire`.
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
