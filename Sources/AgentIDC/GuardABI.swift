// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_guard.h.

internal import AgentID
public import CAgentID
internal import StrictJSON

enum Guards { static let table = HandleTable<Guard>(kind: 5) }
enum Admissions { static let table = HandleTable<Admission>(kind: 6) }

private func guardOptions(_ given: UnsafePointer<agentid_guard_options>?) throws -> Guard.Options {
    let size = unsafe MemoryLayout<agentid_guard_options>.size
    let options = unsafe try options(given, initial: agentid_guard_options(), firstVersion: size)
    var chosen = Guard.Options()
    chosen.clock = unsafe try clock(options.clock)
    chosen.audience = unsafe try terminatedText(options.audience, "options.audience")
    chosen.acceptsProofsWithoutAudience = unsafe options.any_audience != 0
    chosen.requiresClaim = unsafe options.require_claim != 0
    chosen.requiresNonce = unsafe options.require_nonce != 0
    chosen.requiresChainAudience = unsafe options.require_chain_aud != 0
    chosen.sharesReplayMemory = unsafe options.own_replay_memory == 0
    chosen.audit = unsafe try auditPolicy(
        sync: options.audit_sync, relaxed: options.audit_relaxed, none: options.no_audit)
    func set<Target: BinaryInteger>(
        _ path: WritableKeyPath<Guard.Options, Target>, _ value: some BinaryInteger, _ name: String
    ) throws {
        guard value != 0 else { return }
        guard let value = Target(exactly: value) else {
            throw Failure.argument("options.\(name)", "is out of range")
        }
        chosen[keyPath: path] = value
    }
    unsafe try set(\.proofWindow, options.proof_window, "proof_window")
    unsafe try set(\.replayCapacity, options.replay_capacity, "replay_capacity")
    unsafe try set(\.cacheEntries, options.cache_entries, "cache_entries")
    unsafe try set(\.cacheBytes, options.cache_bytes, "cache_bytes")
    unsafe try set(\.limits.depth, options.max_depth, "max_depth")
    unsafe try set(\.limits.tokenSize, options.max_token_size, "max_token_size")
    unsafe try set(\.limits.chainSize, options.max_chain_size, "max_chain_size")
    if unsafe options.max_view_age != 0 { chosen.maxViewAge = unsafe options.max_view_age }
    return chosen
}

@c @implementation
public func agentid_guard_open(
    _ options: UnsafePointer<agentid_guard_options>?, _ guard_: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe guard_?.pointee = nil
    return unsafe call(error) {
        let chosen = unsafe try guardOptions(options)
        let output = unsafe try required(guard_, "guard")
        unsafe output.pointee = try Guards.table.insert(Guard(chosen))
    }
}

@c @implementation
public func agentid_authority_guard(
    _ authority: OpaquePointer?, _ options: UnsafePointer<agentid_guard_options>?,
    _ guard_: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe guard_?.pointee = nil
    return unsafe call(error) {
        let chosen = unsafe try guardOptions(options)
        let output = unsafe try required(guard_, "guard")
        let authority = try unsafe Authorities.table.find(authority, "authority")
        unsafe output.pointee = try Guards.table.insert(authority.guarding(chosen))
    }
}

@c @implementation
public func agentid_guard_open_directory(
    _ directory: UnsafePointer<CChar>?, _ directory_len: Int, _ options: UnsafePointer<agentid_guard_options>?,
    _ guard_: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe guard_?.pointee = nil
    return unsafe call(error) {
        let chosen = unsafe try guardOptions(options)
        let output = unsafe try required(guard_, "guard")
        let path = unsafe try text(directory, directory_len, "directory")
        unsafe output.pointee = try Guards.table.insert(Guard.open(directory: path, chosen))
    }
}

@c @implementation
public func agentid_guard_close(_ guard_: OpaquePointer?) { _ = unsafe Guards.table.remove(guard_) }

@c @implementation
public func agentid_guard_add_bundle(
    _ guard_: OpaquePointer?, _ trust_domain: UnsafePointer<CChar>?, _ trust_domain_len: Int,
    _ bundle: UnsafePointer<CChar>?, _ bundle_len: Int, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        try unsafe Guards.table.find(guard_, "guard").addBundle(
            unsafe input(bundle, bundle_len, "bundle"), for: unsafe text(trust_domain, trust_domain_len, "trust_domain")
        )
    }
}

@c @implementation
public func agentid_guard_revoke(
    _ guard_: OpaquePointer?, _ kind: agentid_revocation_kind, _ value: UnsafePointer<CChar>?, _ value_len: Int,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        try unsafe Guards.table.find(guard_, "guard").revoke(unsafe revocation(kind, value, value_len))
    }
}

@c @implementation
public func agentid_guard_load_revocations(
    _ guard_: OpaquePointer?, _ list: UnsafePointer<CChar>?, _ list_len: Int, _ keep: Int32,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        let guardian = try unsafe Guards.table.find(guard_, "guard")
        try guardian.loadRevocations(
            unsafe input(list, list_len, "list", most: SignedRevocations.longest), keepsAfterExpiry: keep != 0)
    }
}

@c @implementation
public func agentid_guard_refreshed(_ guard_: OpaquePointer?, _ error: UnsafeMutablePointer<OpaquePointer?>?)
    -> agentid_status
{
    unsafe call(error) { try unsafe Guards.table.find(guard_, "guard").refreshed() }
}

@c @implementation
public func agentid_guard_authorize(
    _ guard_: OpaquePointer?, _ chain: UnsafePointer<CChar>?, _ chain_len: Int, _ proof: UnsafePointer<CChar>?,
    _ proof_len: Int, _ tool: UnsafePointer<CChar>?, _ tool_len: Int, _ arguments: UnsafePointer<CChar>?,
    _ arguments_len: Int, _ decision: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe decide(decision, error) {
        let guardian = try unsafe Guards.table.find(guard_, "guard")
        var call = CallInput()
        let chain = try unsafe call.bytes(chain, chain_len, .chain)
        let proof = try unsafe call.bytes(proof, proof_len, .proof)
        let tool = try unsafe call.tool(tool, tool_len)
        let arguments = try unsafe call.bytes(arguments, arguments_len, .arguments)
        if let fault = call.fault { return guardian.refuse(fault, tool: tool, chain: chain) }
        return guardian.check(chain: chain, proof: proof, tool: tool, arguments: arguments)
    }
}

@c @implementation
public func agentid_guard_authorize_z(
    _ guard_: OpaquePointer?, _ chain: UnsafePointer<CChar>?, _ proof: UnsafePointer<CChar>?,
    _ tool: UnsafePointer<CChar>?, _ arguments: UnsafePointer<CChar>?,
    _ decision: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe decide(decision, error) {
        let guardian = try unsafe Guards.table.find(guard_, "guard")
        var call = CallInput()
        let chain = try unsafe call.bytes(terminated: chain, .chain)
        let proof = unsafe proof == nil ? [] : try unsafe call.bytes(terminated: proof, .proof)
        let tool = try unsafe call.tool(terminated: tool)
        let arguments = try unsafe call.bytes(terminated: arguments, .arguments)
        if let fault = call.fault { return guardian.refuse(fault, tool: tool, chain: chain) }
        return guardian.check(chain: chain, proof: proof, tool: tool, arguments: arguments)
    }
}

@c @implementation
public func agentid_guard_authorize_agent(
    _ guard_: OpaquePointer?, _ agent: OpaquePointer?, _ tool: UnsafePointer<CChar>?, _ tool_len: Int,
    _ arguments: UnsafePointer<CChar>?, _ arguments_len: Int, _ decision: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe decide(decision, error) {
        let (guardian, agent) = try unsafe (Guards.table.find(guard_, "guard"), Agents.table.find(agent, "agent"))
        var call = CallInput()
        let tool = try unsafe call.tool(tool, tool_len)
        let arguments = try unsafe call.bytes(arguments, arguments_len, .arguments)
        if let fault = call.fault { return try guardian.refuse(fault, tool: tool, agent: agent) }
        return try guardian.check(agent, tool: tool, arguments: arguments)
    }
}

@c @implementation
public func agentid_guard_admit(
    _ guard_: OpaquePointer?, _ chain: UnsafePointer<CChar>?, _ chain_len: Int, _ credentials: UnsafePointer<CChar>?,
    _ credentials_len: Int, _ admission: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe admission?.pointee = nil
    return unsafe call(error) {
        let output = unsafe try required(admission, "admission")
        let guardian = try unsafe Guards.table.find(guard_, "guard")
        var call = CallInput()
        let chain = try unsafe call.bytes(chain, chain_len, .chain)
        let credentials = try unsafe call.bytes(credentials, credentials_len, .credentials)
        if let fault = call.fault { throw guardian.refuse(fault) }
        unsafe output.pointee = try Admissions.table.insert(
            guardian.admit(chain: chain, credentials: credentials))
    }
}

@c @implementation
public func agentid_admission_authorize(
    _ admission: OpaquePointer?, _ proof: UnsafePointer<CChar>?, _ proof_len: Int, _ tool: UnsafePointer<CChar>?,
    _ tool_len: Int, _ arguments: UnsafePointer<CChar>?, _ arguments_len: Int,
    _ decision: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe decide(decision, error) {
        let admission = try unsafe Admissions.table.find(admission, "admission")
        var call = CallInput()
        let proof = try unsafe call.bytes(proof, proof_len, .proof)
        let tool = try unsafe call.tool(tool, tool_len)
        let arguments = try unsafe call.bytes(arguments, arguments_len, .arguments)
        if let fault = call.fault { return admission.guardian.refuse(fault, tool: tool, admission) }
        return admission.guardian.check(admission, proof: proof, tool: tool, arguments: arguments)
    }
}

@c @implementation
public func agentid_admission_free(_ admission: OpaquePointer?) { _ = unsafe Admissions.table.remove(admission) }

@c @implementation
public func agentid_guard_statistics(
    _ guard_: OpaquePointer?, _ statistics: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(statistics, "statistics", error) {
        try unsafe Guards.table.find(guard_, "guard").statistics().canonical()
    }
}

@c @implementation
public func agentid_guard_nonce(
    _ guard_: OpaquePointer?, _ nonce: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(nonce, "nonce", error) { unsafe Array(try Guards.table.find(guard_, "guard").nonce().utf8) }
}
