// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_agent.h and agentid_guard.h.

internal import AgentID
public import CAgentID
internal import StrictJSON

private struct ProofOptions {
    var audience: String?
    var nonce: String?

    init(_ given: UnsafePointer<agentid_proof_options>?) throws {
        guard unsafe given != nil else { return }
        let size = unsafe MemoryLayout<agentid_proof_options>.size
        let options = unsafe try options(given, initial: agentid_proof_options(), firstVersion: size)
        audience = unsafe try terminatedText(options.audience, "options.audience")
        nonce = unsafe try terminatedText(options.nonce, "options.nonce")
    }
}

@c @implementation
public func agentid_agent_prove_with(
    _ agent: OpaquePointer?, _ tool: UnsafePointer<CChar>?, _ tool_len: Int, _ arguments: UnsafePointer<CChar>?,
    _ arguments_len: Int, _ options: UnsafePointer<agentid_proof_options>?,
    _ proof: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(proof, "proof", error) {
        let agent = try unsafe Agents.table.find(agent, "agent")
        let options = try unsafe ProofOptions(options)
        return Array(
            try agent.prove(
                tool: unsafe text(tool, tool_len, "tool"),
                arguments: unsafe input(arguments, arguments_len, "arguments"), audience: options.audience,
                nonce: options.nonce
            ).utf8)
    }
}

@c @implementation
public func agentid_agent_presentation(
    _ agent: OpaquePointer?, _ tool: UnsafePointer<CChar>?, _ tool_len: Int, _ arguments: UnsafePointer<CChar>?,
    _ arguments_len: Int, _ options: UnsafePointer<agentid_proof_options>?,
    _ presentation: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(presentation, "presentation", error) {
        let agent = try unsafe Agents.table.find(agent, "agent")
        let options = try unsafe ProofOptions(options)
        return Array(
            try agent.present(
                tool: unsafe text(tool, tool_len, "tool"),
                arguments: unsafe input(arguments, arguments_len, "arguments"), audience: options.audience,
                nonce: options.nonce
            ).json.utf8)
    }
}

@c @implementation
public func agentid_guard_authorize_presentation(
    _ guard_: OpaquePointer?, _ presentation: UnsafePointer<CChar>?, _ presentation_len: Int,
    _ tool: UnsafePointer<CChar>?, _ tool_len: Int, _ arguments: UnsafePointer<CChar>?, _ arguments_len: Int,
    _ decision: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe decide(decision, error) {
        let guardian = try unsafe Guards.table.find(guard_, "guard")
        var call = CallInput()
        let presentation = try unsafe call.bytes(presentation, presentation_len, .presentation)
        let tool = try unsafe call.tool(tool, tool_len)
        let arguments = try unsafe call.bytes(arguments, arguments_len, .arguments)
        if let fault = call.fault { return guardian.refuse(fault, tool: tool, chain: []) }
        return guardian.check(presentation: presentation, tool: tool, arguments: arguments)
    }
}
