public import AgentID

/// A `SecretProvider` whose calls are async: a client of a vault or a database that suspends instead of blocking.
///
/// Both calls may come twice for one lease: a process may die before it has recorded that they were made.
public protocol AsyncSecretProvider: Sendable {
    /// Makes a secret. If it throws, ``release(_:)`` is called for the lease.
    func acquire(_ request: SecretRequest) async throws -> Secret
    /// Removes everything of a lease, even one that was never acquired. If it throws, it is called again later.
    ///
    /// Called in a task of its own, which nobody cancels.
    func release(_ release: SecretRelease) async throws
    /// The command that releases for this provider in a process that does not have it; see `SecretProvider`.
    var releaseCommand: [String] { get }
    /// The resource of each tool; see `SecretProvider`.
    var resources: [ToolResource] { get }
}

extension AsyncSecretProvider {
    /// None.
    public var resources: [ToolResource] { [] }
}

extension Guard {
    /// Adds a provider of secrets to this guard, replacing one with the same name.
    public func add(_ provider: any AsyncSecretProvider, named name: String) throws(AgentIDError) {
        try add(WaitingProvider(provider: provider), named: name)
    }
}

extension Authority {
    /// Adds a provider of secrets to this process, replacing one with the same name.
    public func add(_ provider: any AsyncSecretProvider, named name: String) throws(AgentIDError) {
        try add(WaitingProvider(provider: provider), named: name)
    }
}

/// Waits for an async provider, on the library's threads.
private struct WaitingProvider: SecretProvider {
    let provider: any AsyncSecretProvider

    func acquire(_ request: SecretRequest) throws -> Secret {
        try AsyncCall { try await provider.acquire(request) }.result()
    }

    func release(_ release: SecretRelease) throws { try AsyncCall { try await provider.release(release) }.result() }

    var releaseCommand: [String] { provider.releaseCommand }
    var resources: [ToolResource] { provider.resources }
}
