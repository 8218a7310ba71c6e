public import StrictJSON

// Secrets for permitted calls, from the providers of this process.
extension Authority: SecretSource {
    /// Adds a provider of secrets to this process, replacing one with the same name.
    public func add(_ provider: any SecretProvider, named name: String) throws(AgentIDError) {
        try keys.checkOpen()
        try lifecycle.broker.add(provider, named: name)
    }

    /// Gets a secret for a permitted call: for the tool, not for the agent.
    ///
    /// - Parameters:
    ///   - permit: At most a minute old, under a chain that names its agent.
    ///   - provider: The name it was added with.
    ///   - resource: The resource to open, in the provider's terms. Where the provider says which resources tools may
    ///     open, the call's; one secret of it for each permit.
    ///   - timeToLive: In seconds; at most as long as the agent's grant lasts.
    /// - Throws: A ``Denial``, which is an event (`secret_refused`), if the permit is too old or not for this resource, or
    ///   the agent has ended meanwhile; ``AgentIDError``.
    public func acquire(
        for permit: Permit, from provider: String, resource: String, timeToLive: Int64
    ) throws -> (lease: String, secret: Secret) {
        try keys.checkOpen()
        do {
            return try lifecycle.broker.acquire(
                for: permit, from: provider, resource: resource, timeToLive: timeToLive)
        } catch let denial as Denial {
            SecretRefusal(denial, for: permit, provider, at: clock.milliseconds, under: view.sequence)?
                .tell(trail, lifecycle.denials, lifecycle.recorder.isLogging ? registry : nil)
            throw denial
        }
    }

    /// Returns a secret before its time; harmless if it was returned already.
    public func release(lease: String) throws(AgentIDError) {
        try keys.checkOpen()
        try lifecycle.broker.release(lease)
    }

    /// All secrets that the broker holds, oldest first.
    public func brokerLeases() throws(AgentIDError) -> [JSONTree] {
        try keys.checkOpen()
        return try registry.read { try $0.brokerLeases(of: nil, limit: .max) }.map { lease in
            [
                "id": .string(lease.id), "agent": .string(lease.agent), "provider": .string(lease.provider),
                "resource": .string(lease.resource), "acquired": .int(Int(lease.acquired / 1000)),
                "expires": .int(Int(lease.expires / 1000)), "state": .string(lease.state.rawValue),
                "attempts": .int(Int(lease.attempts)), "error": lease.error.map { .string($0) } ?? .null,
            ]
        }
    }
}
