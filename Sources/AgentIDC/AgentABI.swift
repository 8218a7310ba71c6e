// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_agent.h.

internal import AgentID
public import CAgentID
internal import JOSE
internal import Scopes

enum Agents { static let table = AgentTable() }

/// Agents by handle, each with its front beside it.
struct AgentTable: Sendable {
    struct Held: Sendable {
        let front: AgentFront?
        let agent: Agent
    }

    private let held = HandleTable<Held>(kind: 4)

    func insert(_ agent: Agent) throws(Failure) -> OpaquePointer {
        unsafe try held.insert(Held(front: agent.front, agent: agent))
    }

    func find(_ agent: OpaquePointer?, _ name: String) throws(Failure) -> Agent {
        try unsafe held.find(agent, name).agent
    }

    func remove(_ agent: OpaquePointer?) -> Agent? { unsafe held.remove(agent)?.agent }

    /// Decides for an agent, by its front where that can: the agent itself is not touched then.
    func check(_ agent: OpaquePointer?, tool: String, arguments: [UInt8]) throws -> Decision {
        // As long as the table holds the agent.
        let begun = held.find(UInt64(UInt(bitPattern: agent))) { held in
            held.front.flatMap { front in front.begin().map { (front, $0) } }
        }
        if case (let front, let begun)?? = begun,
            let decision = front.decide(begun, tool: tool, arguments: arguments)
        {
            // It may have gone meanwhile.
            if !decision.isPermitted { unsafe try? find(agent, "agent").follow(decision) }
            return decision
        }
        return try unsafe find(agent, "agent").check(tool: tool, arguments: arguments)
    }
}

private func request(_ given: UnsafePointer<agentid_delegation_options>?) throws -> DelegationRequest {
    let size = unsafe MemoryLayout<agentid_delegation_options>.size
    let options = unsafe try options(given, initial: agentid_delegation_options(), firstVersion: size)
    guard unsafe options.lifetime >= 0 else { throw Failure.argument("options.lifetime", "is negative") }
    let scope = unsafe try scope(options.scope, "options.scope")
    guard unsafe (scope == nil) == (options.same_scope != 0) else {
        let message =
            scope == nil
            ? "what the child may do is not given: give `scope`, or set `same_scope` to hand on all that the parent may"
            : "give `scope` or `same_scope`, not both"
        throw AgentIDError(.argument, name: "scope_missing", message: message, at: "options.scope")
    }
    var request = DelegationRequest.sameScope(
        lifetime: unsafe options.lifetime == 0 ? nil : options.lifetime,
        until: unsafe options.until == 0 ? nil : options.until,
        maxDepth: unsafe try depth(options.max_depth),
        labels: unsafe try texts(options.labels, "options.labels"),
        agent: unsafe try terminatedText(options.agent, "options.agent"),
        audiences: unsafe try texts(options.audiences, "options.audiences"), isolated: unsafe options.isolated != 0,
        limits: unsafe try limits(options.limits))
    request.scope = scope
    return request
}

@c @implementation
public func agentid_agent_spawn(
    _ agent: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ name_len: Int,
    _ options: UnsafePointer<agentid_delegation_options>?, _ child: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe child?.pointee = nil
    return unsafe call(error) {
        let output = unsafe try required(child, "child")
        let agent = try unsafe Agents.table.find(agent, "agent")
        let name = unsafe try text(name, name_len, "name")
        unsafe output.pointee = try Agents.table.insert(agent.spawn(name, request(options)))
    }
}

@c @implementation
public func agentid_agent_delegate(
    _ agent: OpaquePointer?, _ holder: UnsafePointer<CChar>?, _ holder_len: Int,
    _ options: UnsafePointer<agentid_delegation_options>?, _ chain: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(chain, "chain", error) {
        let agent = try unsafe Agents.table.find(agent, "agent")
        let key = try publicKey(unsafe input(holder, holder_len, "holder"))
        return Array(try agent.delegate(to: key, unsafe request(options)).utf8)
    }
}

@c @implementation
public func agentid_agent_prove(
    _ agent: OpaquePointer?, _ tool: UnsafePointer<CChar>?, _ tool_len: Int, _ arguments: UnsafePointer<CChar>?,
    _ arguments_len: Int, _ audience: UnsafePointer<CChar>?, _ audience_len: Int,
    _ proof: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(proof, "proof", error) {
        let agent = try unsafe Agents.table.find(agent, "agent")
        let audience = unsafe try text(audience, audience_len, "audience")
        return Array(
            try agent.prove(
                tool: unsafe text(tool, tool_len, "tool"),
                arguments: unsafe input(arguments, arguments_len, "arguments"),
                audience: audience.isEmpty ? nil : audience
            ).utf8)
    }
}

@c @implementation
public func agentid_agent_present(
    _ agent: OpaquePointer?, _ tool: UnsafePointer<CChar>?, _ tool_len: Int, _ arguments: UnsafePointer<CChar>?,
    _ arguments_len: Int, _ audience: UnsafePointer<CChar>?, _ audience_len: Int,
    _ chain: UnsafeMutablePointer<agentid_bytes>?, _ proof: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error, giving: chain, proof) {
        let (chain, proof) = (unsafe try required(chain, "chain"), unsafe try required(proof, "proof"))
        let agent = try unsafe Agents.table.find(agent, "agent")
        let audience = unsafe try text(audience, audience_len, "audience")
        let call = try agent.present(
            tool: unsafe text(tool, tool_len, "tool"), arguments: unsafe input(arguments, arguments_len, "arguments"),
            audience: audience.isEmpty ? nil : audience)
        unsafe try OwnedBytes.give(Array(call.proof.utf8).span, to: proof)
        do { unsafe try OwnedBytes.give(Array(call.chain.utf8).span, to: chain) } catch {
            unsafe agentid_bytes_free(proof)
            throw error
        }
    }
}

@c @implementation
public func agentid_agent_expires(
    _ agent: OpaquePointer?, _ expires: UnsafeMutablePointer<Int64>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe expires?.pointee = 0
    return unsafe call(error) {
        let output = unsafe try required(expires, "expires")
        unsafe output.pointee = try Agents.table.find(agent, "agent").expires()
    }
}

@c @implementation
public func agentid_agent_authorize(
    _ agent: OpaquePointer?, _ tool: UnsafePointer<CChar>?, _ tool_len: Int, _ arguments: UnsafePointer<CChar>?,
    _ arguments_len: Int, _ decision: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe decide(decision, error) {
        var call = CallInput()
        let tool = try unsafe call.tool(tool, tool_len)
        let arguments = try unsafe call.bytes(arguments, arguments_len, .arguments)
        if let fault = call.fault { return try unsafe Agents.table.find(agent, "agent").refuse(fault, tool: tool) }
        return try unsafe Agents.table.check(agent, tool: tool, arguments: arguments)
    }
}

@c @implementation
public func agentid_agent_authorize_z(
    _ agent: OpaquePointer?, _ tool: UnsafePointer<CChar>?, _ arguments: UnsafePointer<CChar>?,
    _ decision: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe decide(decision, error) {
        var call = CallInput()
        let tool = try unsafe call.tool(terminated: tool)
        let arguments = try unsafe call.bytes(terminated: arguments, .arguments)
        if let fault = call.fault { return try unsafe Agents.table.find(agent, "agent").refuse(fault, tool: tool) }
        return try unsafe Agents.table.check(agent, tool: tool, arguments: arguments)
    }
}

@c @implementation
public func agentid_agent_rotate_key(_ agent: OpaquePointer?, _ error: UnsafeMutablePointer<OpaquePointer?>?)
    -> agentid_status
{
    unsafe call(error) { try unsafe Agents.table.find(agent, "agent").rotateKey() }
}

@c @implementation
public func agentid_agent_rotate_key_revoking(
    _ agent: OpaquePointer?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) { try unsafe Agents.table.find(agent, "agent").rotateKey(revokingOldKey: true) }
}

@c @implementation
public func agentid_agent_id(
    _ agent: OpaquePointer?, _ id: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(id, "id", error) { unsafe Array(try Agents.table.find(agent, "agent").id().utf8) }
}

@c @implementation
public func agentid_agent_chain(
    _ agent: OpaquePointer?, _ chain: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(chain, "chain", error) { unsafe Array(try Agents.table.find(agent, "agent").chain().utf8) }
}

@c @implementation
public func agentid_agent_chain_reference(
    _ agent: OpaquePointer?, _ reference: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(reference, "reference", error) {
        unsafe Array(try Agents.table.find(agent, "agent").chainReference().utf8)
    }
}

@c @implementation
public func agentid_agent_credential(
    _ agent: OpaquePointer?, _ credential: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(credential, "credential", error) {
        unsafe Array((try Agents.table.find(agent, "agent").credential() ?? "").utf8)
    }
}

@c @implementation
public func agentid_agent_public_key(
    _ agent: OpaquePointer?, _ jwk: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(jwk, "jwk", error) { try unsafe Agents.table.find(agent, "agent").publicKey().jwk.canonical() }
}

@c @implementation
public func agentid_agent_scope(
    _ agent: OpaquePointer?, _ scope: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(scope, "scope", error) { unsafe Array(try Agents.table.find(agent, "agent").scope().text.utf8) }
}

@c @implementation
public func agentid_agent_export_key(
    _ agent: OpaquePointer?, _ jwk: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error, giving: jwk) {
        let output = unsafe try required(jwk, "jwk")
        let result = try unsafe Agents.table.find(agent, "agent").withExportedKey { key in
            Result { unsafe try OwnedBytes.give(key, to: output) }
        }
        try result.get()
    }
}

@c @implementation
public func agentid_key_generate(
    _ jwk: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error, giving: jwk) {
        let output = unsafe try required(jwk, "jwk")
        let result = try SigningKey.generate().withExportedJWK { key in
            Result { unsafe try OwnedBytes.give(key, to: output) }
        }
        try result.get()
    }
}

@c @implementation
public func agentid_agent_open(
    _ given: UnsafePointer<agentid_open_agent_options>?, _ agent: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe agent?.pointee = nil
    return unsafe call(error) {
        let size = unsafe MemoryLayout<agentid_open_agent_options>.size
        let options = unsafe try options(given, initial: agentid_open_agent_options(), firstVersion: size)
        let clock = unsafe try clock(options.clock)
        let output = unsafe try required(agent, "agent")
        var jwk = try needed(unsafe terminated(options.key, "options.key"), "options.key")
        defer { Sodium.wipe(&jwk) }
        let key: SigningKey
        do { key = try SigningKey(jwk: jwk.span) } catch { throw Failure(error, at: "options.key") }
        unsafe output.pointee = try Agents.table.insert(
            Agent.open(
                key: key, chain: needed(unsafe terminatedText(options.chain, "options.chain"), "options.chain"),
                credential: unsafe terminatedText(options.credential, "options.credential"),
                clock: clock))
    }
}

@c @implementation
public func agentid_agent_close(_ agent: OpaquePointer?) { unsafe Agents.table.remove(agent)?.close() }
