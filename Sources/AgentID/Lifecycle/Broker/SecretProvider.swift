public import StrictJSON

/// What a provider is asked for: one secret for one task.
public struct SecretRequest: Sendable {
    /// The lease's ID, a UUID: what the secret is known by until it is released.
    public let lease: String
    /// The agent the secret is got for.
    public let agent: String
    /// What is to be opened, as the provider understands it.
    public let resource: String
    /// How long it may last, in seconds.
    public let timeToLive: Int64
    /// The trust domain that the chain comes from: this authority's own, or there is no request.
    public let domain: String
    /// On whose behalf, and for which task, as far as the chain says.
    public let principal: String?
    /// Which task.
    public let task: String?

    /// The request as a document.
    public var document: JSONTree {
        var members: JSONTree.Members = [
            "lease": .string(lease), "agent": .string(agent), "resource": .string(resource),
            "ttl": .int(Int(timeToLive)), "domain": .string(domain),
        ]
        if let principal { members["principal"] = .string(principal) }
        if let task { members["task"] = .string(task) }
        return .object(members)
    }
}

/// What a provider takes back.
public struct SecretRelease: Sendable {
    /// The lease's ID.
    public let lease: String
    /// The agent the secret was got for.
    public let agent: String
    /// What it opened.
    public let resource: String

    /// The release as a document.
    public var document: JSONTree {
        ["lease": .string(lease), "agent": .string(agent), "resource": .string(resource)]
    }
}

/// Gets short-lived secrets for guarded tools, and takes them back. Called from any thread, several at once.
///
/// Both must bear being called twice for one lease: a process may die before it has written down that they were.
public protocol SecretProvider: Sendable {
    /// Makes a secret. Where it throws, ``release(_:)`` is called for the lease.
    func acquire(_ request: SecretRequest) throws -> Secret
    /// Leaves nothing of a lease, also where it was never acquired. Where it throws, it is called again later.
    func release(_ release: SecretRelease) throws
    /// What releases on this provider's behalf in a process that has none like it: a program, by its absolute path, and its
    /// arguments; the lease on stdin. Empty: such a lease waits for a process that has one.
    var releaseCommand: [String] { get }
}
