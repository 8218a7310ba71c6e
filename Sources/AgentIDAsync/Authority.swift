public import AgentID
public import JOSE

// The calls that wait, for async code: they run on the library's own threads and mean the same as the synchronous calls
// of the same name.
extension Authority {
    /// Opens the authority kept in a directory, or creates it; in memory for a `nil` or empty path.
    public static func open(directory path: String?, options: Options) async throws(AgentIDError) -> Authority {
        try await WaitingThreads.run { () throws(AgentIDError) in try open(directory: path, options: options) }
    }

    /// Closes the authority. The keys are wiped when the last call that uses them returns. Leases are no longer
    /// renewed.
    public func close() async {
        await WaitingThreads.run(on: .ending) { close() }
    }

    /// Creates or replaces a profile. One without a review date keeps that of the stored profile.
    public func put(_ profile: Profile) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try put(profile) }
    }

    /// All profiles, by name.
    public func profiles() async throws(AgentIDError) -> [Profile] {
        try await WaitingThreads.run { () throws(AgentIDError) in try profiles() }
    }

    /// One profile.
    public func profile(named name: String) async throws(AgentIDError) -> Profile {
        try await WaitingThreads.run { () throws(AgentIDError) in try profile(named: name) }
    }

    /// Starts an agent: a new ID, a new key, a credential, and a root grant. Its lease is renewed while it is held.
    ///
    /// ``withAgent(profile:_:isolation:_:)`` also ends it.
    public func startAgent(profile name: String, _ request: AgentRequest) async throws(AgentIDError) -> Agent {
        try await WaitingThreads.run { () throws(AgentIDError) in try startAgent(profile: name, request) }
    }

    /// Issues a root grant and a credential: profile ceiling ∩ principal's entitlements ∩ the task's request.
    ///
    /// The key is held elsewhere, where nothing renews a lease: it runs until the grant expires.
    public func issue(
        profile name: String, to holder: PublicKey, _ request: AgentRequest
    ) async throws(AgentIDError) -> (chain: String, credential: String) {
        try await WaitingThreads.run { () throws(AgentIDError) in try issue(profile: name, to: holder, request) }
    }

    /// Issues a root grant without a credential, for a holder that shows none.
    public func issueGrant(
        profile name: String, to holder: PublicKey, _ request: AgentRequest
    ) async throws(AgentIDError) -> String {
        try await WaitingThreads.run { () throws(AgentIDError) in try issueGrant(profile: name, to: holder, request) }
    }

    /// Revokes for good.
    ///
    /// - Returns: Whether this authority's registry has the named object; `nil` if it could not be asked.
    @discardableResult
    public func revoke(_ revocation: Revocation, reason: String? = nil) async throws(AgentIDError) -> Bool? {
        try await WaitingThreads.run(on: .ending) { () throws(AgentIDError) in try revoke(revocation, reason: reason) }
    }

    /// All revocations, oldest first.
    public func revocations() async throws(AgentIDError) -> [Revocation] {
        try await WaitingThreads.run { () throws(AgentIDError) in try revocations() }
    }

    /// A guard that follows this authority: changes to its bundle and its revocations reach the guard.
    public func guarding(_ options: Guard.Options) async throws(AgentIDError) -> Guard {
        try await WaitingThreads.run { () throws(AgentIDError) in try guarding(options) }
    }

    /// The trust domain's bundle: a SPIFFE bundle, JSON.
    public func bundle() async throws(AgentIDError) -> String {
        try await WaitingThreads.run { () throws(AgentIDError) in try bundle() }
    }

    /// Adds the next signing key to the bundle without signing with it yet.
    public func publishKey() async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try publishKey() }
    }

    /// Signs with the published key from now on; the old one stays in the bundle until its last grant has expired.
    public func activateKey() async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try activateKey() }
    }
}
