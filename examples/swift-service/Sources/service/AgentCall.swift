import AgentID
import HTTPTypes

// Both are names of a header, as anyone can see.
// swift-format-ignore: NeverForceUnwrap
extension HTTPField.Name {
    /// The grants from the root to the caller's own.
    static let agentChain = HTTPField.Name("Agent-Chain")!
    /// The caller's signature over this one call.
    static let agentProof = HTTPField.Name("Agent-Proof")!
}

/// The call that a request is: the tool is its method and path as sent, e.g. `POST /notes/add`, the arguments are its body,
/// an empty body an empty object. A query would be outside both, and is refused.
struct AgentCall {
    let tool: String
    let arguments: [UInt8]

    init(_ method: HTTPRequest.Method, _ path: String, body: [UInt8]) throws(Refusal) {
        guard !path.utf8.contains(UInt8(ascii: "?")) else {
            throw Refusal(.badRequest, "call", "a query is not part of the call: send arguments in the body")
        }
        guard path.hasPrefix("/"), !path.utf8.contains(UInt8(ascii: "#")) else {
            throw Refusal(.badRequest, "call", "a call is sent to a path")
        }
        tool = "\(method.rawValue) \(path)"
        arguments = body.isEmpty ? Array("{}".utf8) : body
    }
}

extension Agent {
    /// The headers that make a request a call of this agent; sent once, with just this body.
    func headers(
        for method: HTTPRequest.Method, _ path: String, body: [UInt8] = [], audience: String
    ) throws -> HTTPFields {
        let call = try AgentCall(method, path, body: body)
        let shown = try present(tool: call.tool, arguments: call.arguments, audience: audience)
        return [.agentChain: shown.chain, .agentProof: shown.proof]
    }
}
