public import StrictJSON

/// A request to a provider: one secret for one task.
public struct SecretRequest: Sendable {
    /// The lease's ID, a UUID, which identifies the secret until it is released.
    public let lease: String
    /// The agent that the secret is for.
    public let agent: String
    /// The resource to open, in the provider's terms.
    public let resource: String
    /// The lifetime of the secret, in seconds.
    public let timeToLive: Int64
    /// The trust domain that the chain comes from: always this authority's own.
    public let domain: String
    /// The principal, if the chain names one.
    public let principal: String?
    /// The task, if the chain names one.
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

/// The record of a secret that a provider takes back.
public struct SecretRelease: Sendable {
    /// The lease's ID.
    public let lease: String
    /// The agent that the secret was for.
    public let agent: String
    /// The resource that it opened.
    public let resource: String

    /// The release as a document.
    public var document: JSONTree {
        ["lease": .string(lease), "agent": .string(agent), "resource": .string(resource)]
    }
}

/// Gets short-lived secrets for guarded tools, and takes them back. Called from any thread, several at once.
///
/// Both calls may come twice for one lease: a process may die before it has recorded that they were made.
public protocol SecretProvider: Sendable {
    /// Makes a secret. If it throws, ``release(_:)`` is called for the lease.
    func acquire(_ request: SecretRequest) throws -> Secret
    /// Removes everything of a lease, even one that was never acquired. If it throws, it is called again later.
    func release(_ release: SecretRelease) throws
    /// The command that releases for this provider in a process that does not have it: a program, by its absolute path,
    /// and its arguments, with the lease on stdin. If empty, such a lease waits for a process that has the provider.
    var releaseCommand: [String] { get }
    /// The resource of each tool: a call may open no other, and no tool that is not listed opens any. With none, the
    /// default, a guard's permit opens what an argument of its call says, and an authority's any.
    var resources: [ToolResource] { get }
}

extension SecretProvider {
    /// None.
    public var resources: [ToolResource] { [] }
}
