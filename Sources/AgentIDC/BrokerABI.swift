// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_broker.h.

internal import AgentID
public import CAgentID
internal import StrictJSON

/// A provider of secrets behind a caller's callbacks.
@safe private final class CallbackProvider: SecretProvider {
    typealias Acquire =
        @convention(c) (
            UnsafePointer<CChar>?, Int, UnsafeMutablePointer<CChar>?, Int, UnsafeMutablePointer<Int>?,
            UnsafeMutableRawPointer?
        ) -> Int32
    typealias Release = @convention(c) (UnsafePointer<CChar>?, Int, UnsafeMutableRawPointer?) -> Int32

    let releaseCommand: [String]
    let resources: [ToolResource]
    private let owner: CallbackOwner
    private let acquireCallback: Acquire
    private let releaseCallback: Release

    init(_ given: UnsafePointer<agentid_provider>?) throws {
        guard unsafe given != nil else { throw Failure.argument("provider", "is NULL") }
        // Without `resources`.
        let size = unsafe MemoryLayout<agentid_provider>.size - MemoryLayout<UnsafePointer<CChar>?>.size
        let callbacks = unsafe try options(given, "provider", initial: agentid_provider(), firstVersion: size)
        owner = unsafe CallbackOwner(callbacks.user_data, callbacks.release_data)
        guard let acquire = unsafe callbacks.acquire else { throw Failure.argument("provider.acquire", "is NULL") }
        guard let release = unsafe callbacks.release else { throw Failure.argument("provider.release", "is NULL") }
        unsafe (acquireCallback, releaseCallback) = unsafe (acquire, release)
        releaseCommand = unsafe try texts(callbacks.release_command, "provider.release_command")
        resources =
            try unsafe terminated(callbacks.resources, "provider.resources").map { try Self.resources($0) } ?? []
    }

    /// Reads `{"tool":"resource"}`.
    private static func resources(_ bytes: [UInt8]) throws -> [ToolResource] {
        guard let root = try? JSON(parsing: bytes).root, root.kind == .object else {
            throw Failure.argument("provider.resources", "is not a JSON object of tools and their resources")
        }
        return try root.members.map { member in
            guard let resource = member.value.string else {
                throw Failure.argument("provider.resources", "has a resource that is not a text")
            }
            return ToolResource(tool: member.name.string ?? "", resource: resource)
        }
    }

    func acquire(_ request: SecretRequest) throws -> Secret {
        let memory = try Secret.memory(Secret.longest)
        let text = request.document.text
        let length = text.utf8.count
        var count = -1
        let status = unsafe memory.withUnsafeMutableBytes { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { buffer in
                unsafe text.withCString { text in
                    unsafe acquireCallback(
                        text, length, buffer.baseAddress, buffer.count, &count,
                        owner.userData)
                }
            }
        }
        guard isCallbackDone(status) else { throw Self.failure("acquire", status) }
        guard (0...memory.count).contains(count) else {
            throw Failure(
                status: AgentIDError.Code.limit.rawValue, name: "secret",
                message: "acquire said that its secret has \(count) bytes, of \(memory.count) at most")
        }
        return Secret(memory, count: count)
    }

    func release(_ release: SecretRelease) throws {
        let text = release.document.text
        let status = unsafe text.withCString { unsafe releaseCallback($0, text.utf8.count, owner.userData) }
        guard isCallbackDone(status) else { throw Self.failure("release", status) }
    }

    private static func failure(_ callback: String, _ status: Int32) -> Failure {
        Failure(
            status: AgentIDError.Code.state.rawValue, name: "provider_failed", message: "\(callback) returned \(status)"
        )
    }
}

@c @implementation
public func agentid_broker_add_provider(
    _ authority: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ name_len: Int,
    _ provider: UnsafePointer<agentid_provider>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        try unsafe add(provider, name, name_len) { try unsafe Authorities.table.find(authority, "authority") }
    }
}

@c @implementation
public func agentid_broker_acquire(
    _ authority: OpaquePointer?, _ decision: OpaquePointer?, _ provider: UnsafePointer<CChar>?, _ provider_len: Int,
    _ resource: UnsafePointer<CChar>?, _ resource_len: Int, _ ttl: Int64,
    _ lease: UnsafeMutablePointer<agentid_bytes>?, _ secret: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error, giving: lease, secret) {
        try unsafe acquire(decision, provider, provider_len, resource, resource_len, ttl, lease, secret) {
            try unsafe Authorities.table.find(authority, "authority")
        }
    }
}

private func permit(_ decision: OpaquePointer?) throws -> Permit {
    let decision = try unsafe DecisionObject.table.find(decision, "decision").decision
    if let denial = decision.denial { throw Failure(denial) }
    guard let permit = decision.permit else { throw Failure.argument("decision", "permits nothing") }
    return permit
}

@unsafe private func add(
    _ provider: UnsafePointer<agentid_provider>?, _ name: UnsafePointer<CChar>?, _ name_len: Int,
    to source: () throws -> any SecretSource
) throws {
    // First: whatever fails lets go of what it calls.
    let provider = unsafe try CallbackProvider(provider)
    try source().add(provider, named: unsafe text(name, name_len, "name"))
}

/// Writes the outputs last: the lease where the secret has been given.
@unsafe private func acquire(
    _ decision: OpaquePointer?, _ provider: UnsafePointer<CChar>?, _ provider_len: Int,
    _ resource: UnsafePointer<CChar>?, _ resource_len: Int, _ ttl: Int64,
    _ lease: UnsafeMutablePointer<agentid_bytes>?, _ secret: UnsafeMutablePointer<agentid_bytes>?,
    from source: () throws -> any SecretSource
) throws {
    let (lease, secret) = (unsafe try required(lease, "lease"), unsafe try required(secret, "secret"))
    let acquired = try source().acquire(
        for: unsafe permit(decision), from: unsafe text(provider, provider_len, "provider"),
        resource: unsafe text(resource, resource_len, "resource"), timeToLive: ttl)
    let given = acquired.secret.withSpan { bytes in
        Result { unsafe try OwnedBytes.give(bytes, to: secret) }
    }
    try given.get()
    do { unsafe try OwnedBytes.give(Array(acquired.lease.utf8).span, to: lease) } catch {
        unsafe agentid_bytes_free(secret)
        throw error
    }
}

@c @implementation
public func agentid_broker_release(
    _ authority: OpaquePointer?, _ lease: UnsafePointer<CChar>?, _ lease_len: Int,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        try authority.release(lease: unsafe text(lease, lease_len, "lease"))
    }
}

@c @implementation
public func agentid_broker_leases(
    _ authority: OpaquePointer?, _ leases: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(leases, "leases", error) {
        JSONTree.array(try unsafe Authorities.table.find(authority, "authority").brokerLeases()).canonical()
    }
}

@c @implementation
public func agentid_guard_add_provider(
    _ guardian: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ name_len: Int,
    _ provider: UnsafePointer<agentid_provider>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        try unsafe add(provider, name, name_len) { try unsafe Guards.table.find(guardian, "guard") }
    }
}

@c @implementation
public func agentid_guard_acquire(
    _ guardian: OpaquePointer?, _ decision: OpaquePointer?, _ provider: UnsafePointer<CChar>?, _ provider_len: Int,
    _ resource: UnsafePointer<CChar>?, _ resource_len: Int, _ ttl: Int64,
    _ lease: UnsafeMutablePointer<agentid_bytes>?, _ secret: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error, giving: lease, secret) {
        try unsafe acquire(decision, provider, provider_len, resource, resource_len, ttl, lease, secret) {
            try unsafe Guards.table.find(guardian, "guard")
        }
    }
}

@c @implementation
public func agentid_guard_release(
    _ guardian: OpaquePointer?, _ lease: UnsafePointer<CChar>?, _ lease_len: Int,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        try unsafe Guards.table.find(guardian, "guard").release(lease: unsafe text(lease, lease_len, "lease"))
    }
}
