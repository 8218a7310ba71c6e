// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_authority.h.

internal import AgentID
public import CAgentID
internal import JOSE
internal import Scopes
internal import StrictJSON

enum Authorities { static let table = HandleTable<Authority>(kind: 3) }

@c @implementation
public func agentid_authority_open(
    _ directory: UnsafePointer<CChar>?, _ directory_len: Int, _ given: UnsafePointer<agentid_authority_options>?,
    _ authority: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe authority?.pointee = nil
    return unsafe call(error) {
        let size = unsafe MemoryLayout<agentid_authority_options>.size
        let options = unsafe try options(given, initial: agentid_authority_options(), firstVersion: size)
        // First, and both: whatever fails lets go of what they call.
        let told = Result { unsafe try clock(options.clock) }
        let signing = Result { unsafe try options.signer.map { unsafe try CallbackSigner($0) } }
        let output = unsafe try required(authority, "authority")
        let path = unsafe try text(directory, directory_len, "directory")
        var chosen = Authority.Options()
        chosen.trustDomain = unsafe try terminatedText(options.trust_domain, "options.trust_domain")
        chosen.passphrase = unsafe try passphrase(options.passphrase)
        chosen.mustExist = unsafe options.must_exist != 0
        if unsafe options.lease_duration != 0 { chosen.leaseDuration = unsafe options.lease_duration }
        chosen.resumeWithin = unsafe options.resume_within
        chosen.audit = unsafe try auditPolicy(
            sync: options.audit_sync, relaxed: options.audit_relaxed, none: options.no_audit)
        chosen.clock = try told.get()
        chosen.signer = try signing.get()
        unsafe output.pointee = try Authorities.table.insert(Authority.open(directory: path, options: chosen))
    }
}

/// Copies the passphrase from the caller's memory to guarded memory, and nowhere else.
private func passphrase(_ given: UnsafePointer<CChar>?) throws -> Passphrase? {
    guard let given = unsafe given else { return nil }
    var length = 0
    while length <= Passphrase.longest, unsafe given[length] != 0 { length += 1 }
    return try unsafe Passphrase(count: length) { memory in
        for i in memory.indices { unsafe memory[i] = UInt8(bitPattern: given[i]) }
    }
}

@c @implementation
public func agentid_authority_close(_ authority: OpaquePointer?) { unsafe Authorities.table.remove(authority)?.close() }

@c @implementation
public func agentid_authority_bundle(
    _ authority: OpaquePointer?, _ bundle: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(bundle, "bundle", error) {
        unsafe Array(try Authorities.table.find(authority, "authority").bundle().utf8)
    }
}

@c @implementation
public func agentid_authority_revocation_list(
    _ authority: OpaquePointer?, _ lifetime: Int64, _ list: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(list, "list", error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        return Array(try authority.revocationList(lifetime: lifetime == 0 ? 3600 : lifetime).utf8)
    }
}

@c @implementation
public func agentid_authority_publish_key(
    _ authority: OpaquePointer?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) { try unsafe Authorities.table.find(authority, "authority").publishKey() }
}

@c @implementation
public func agentid_authority_activate_key(
    _ authority: OpaquePointer?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) { try unsafe Authorities.table.find(authority, "authority").activateKey() }
}

@c @implementation
public func agentid_authority_put_profile(
    _ authority: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ name_len: Int,
    _ given: UnsafePointer<agentid_profile_options>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        let name = unsafe try text(name, name_len, "name")
        let size = unsafe MemoryLayout<agentid_profile_options>.size
        let options = unsafe try options(given, initial: agentid_profile_options(), firstVersion: size)
        try authority.put(
            Profile(
                name: name, owner: needed(unsafe terminatedText(options.owner, "options.owner"), "options.owner"),
                ceiling: needed(unsafe scope(options.ceiling, "options.ceiling"), "options.ceiling"),
                maxLifetime: unsafe options.max_lifetime == 0 ? 3600 : options.max_lifetime,
                maxDepth: unsafe try depth(options.max_depth) ?? 4,
                reviewBy: unsafe options.review_by == 0 ? nil : options.review_by))
    }
}

@c @implementation
public func agentid_authority_profiles(
    _ authority: OpaquePointer?, _ profiles: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(profiles, "profiles", error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        return JSONTree.array(try authority.profiles().map(\.tree) + authority.damagedProfiles().map(\.tree))
            .canonical()
    }
}

private func request(_ given: UnsafePointer<agentid_agent_options>?) throws -> AgentRequest {
    let size = unsafe MemoryLayout<agentid_agent_options>.size
    let options = unsafe try options(given, initial: agentid_agent_options(), firstVersion: size)
    return AgentRequest(
        principal: try needed(unsafe terminatedText(options.principal, "options.principal"), "options.principal"),
        task: try needed(unsafe terminatedText(options.task, "options.task"), "options.task"),
        scope: try needed(unsafe scope(options.scope, "options.scope"), "options.scope"),
        intent: unsafe try terminatedText(options.intent, "options.intent"),
        entitlements: unsafe try scope(options.entitlements, "options.entitlements"),
        lifetime: unsafe options.lifetime == 0 ? nil : options.lifetime,
        until: unsafe options.until == 0 ? nil : options.until,
        maxDepth: unsafe try depth(options.max_depth),
        labels: unsafe try texts(options.labels, "options.labels"),
        audiences: unsafe try texts(options.audiences, "options.audiences"), isolated: unsafe options.isolated != 0,
        limits: unsafe try limits(options.limits))
}

@c @implementation
public func agentid_authority_start_agent(
    _ authority: OpaquePointer?, _ profile: UnsafePointer<CChar>?, _ profile_len: Int,
    _ options: UnsafePointer<agentid_agent_options>?, _ agent: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe agent?.pointee = nil
    return unsafe call(error) {
        let output = unsafe try required(agent, "agent")
        let authority = try unsafe Authorities.table.find(authority, "authority")
        let profile = unsafe try text(profile, profile_len, "profile")
        unsafe output.pointee = try Agents.table.insert(authority.startAgent(profile: profile, request(options)))
    }
}

@c @implementation
public func agentid_authority_issue(
    _ authority: OpaquePointer?, _ profile: UnsafePointer<CChar>?, _ profile_len: Int, _ holder: UnsafePointer<CChar>?,
    _ holder_len: Int, _ options: UnsafePointer<agentid_agent_options>?, _ chain: UnsafeMutablePointer<agentid_bytes>?,
    _ credential: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error, giving: chain, credential) {
        let chain = unsafe try required(chain, "chain")
        let authority = try unsafe Authorities.table.find(authority, "authority")
        let profile = unsafe try text(profile, profile_len, "profile")
        let key = try publicKey(unsafe input(holder, holder_len, "holder"))
        guard let credential = unsafe credential else {
            let grant = try authority.issueGrant(profile: profile, to: key, unsafe request(options))
            return unsafe try OwnedBytes.give(Array(grant.utf8).span, to: chain)
        }
        let issued = try authority.issue(profile: profile, to: key, unsafe request(options))
        unsafe try OwnedBytes.give(Array(issued.credential.utf8).span, to: credential)
        do { unsafe try OwnedBytes.give(Array(issued.chain.utf8).span, to: chain) } catch {
            unsafe agentid_bytes_free(credential)
            throw error
        }
    }
}

/// Reads a holder's public key.
func publicKey(_ jwk: [UInt8]) throws -> PublicKey {
    do { return try PublicKey(jwk: JSON(parsing: jwk, limits: .init(bytes: 4096, depth: 8)).root) } catch {
        throw Failure(error, at: "holder")
    }
}

func revocation(
    _ kind: Int32, _ value: UnsafePointer<CChar>?, _ length: Int
) throws -> Revocation {
    guard let kind = Revocation.Kind(rawValue: kind) else {
        throw Failure.argument("kind", "is not an AGENTID_REVOKE_...")
    }
    return try Revocation(kind, unsafe text(value, length, "value"))
}

@c @implementation
public func agentid_authority_revoke(
    _ authority: OpaquePointer?, _ kind: agentid_revocation_kind, _ value: UnsafePointer<CChar>?, _ value_len: Int,
    _ known: UnsafeMutablePointer<Int32>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe known?.pointee = -1
    return unsafe call(error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        let isKnown = try authority.revoke(unsafe revocation(kind, value, value_len))
        if let known = unsafe known, let isKnown { unsafe known.pointee = isKnown ? 1 : 0 }
    }
}
