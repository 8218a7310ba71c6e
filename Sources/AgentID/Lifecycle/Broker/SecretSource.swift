/// The source of secrets for permitted calls, from its providers: an authority, or the guard of a tool server.
///
/// Safe to use from any thread.
public protocol SecretSource: Sendable {
    /// Adds a provider of secrets to this process, replacing one with the same name.
    func add(_ provider: any SecretProvider, named name: String) throws(AgentIDError)

    /// Gets a secret for a permitted call: for the tool, not for the agent.
    func acquire(
        for permit: Permit, from provider: String, resource: String, timeToLive: Int64
    ) throws -> (lease: String, secret: Secret)

    /// Returns a secret before its time; harmless if it was returned already.
    func release(lease: String) throws(AgentIDError)
}
