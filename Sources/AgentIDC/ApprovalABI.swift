// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_approval.h.

internal import AgentID
public import CAgentID
internal import JOSE
internal import StrictJSON

/// An approver's private key, of which no copy is left.
private func approverKey(_ key: UnsafePointer<CChar>?, _ length: Int) throws -> SigningKey {
    var jwk = try unsafe input(key, length, "key")
    defer { Sodium.wipe(&jwk) }
    do { return try SigningKey(jwk: jwk.span) } catch { throw Failure(error, at: "key") }
}

@c @implementation
public func agentid_decision_approval(_ decision: OpaquePointer?) -> UnsafePointer<CChar>? {
    let object = try? unsafe DecisionObject.table.find(decision, "decision")
    return unsafe object?.approval.map { unsafe UnsafePointer($0) } ?? StaticText.pointer("")
}

@c @implementation
public func agentid_authority_approvals(
    _ authority: OpaquePointer?, _ requests: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(requests, "requests", error) {
        JSONTree.array(try unsafe Authorities.table.find(authority, "authority").approvals().map(\.document))
            .canonical()
    }
}

@c @implementation
public func agentid_authority_approval(
    _ authority: OpaquePointer?, _ request: UnsafePointer<CChar>?, _ request_len: Int,
    _ document: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(document, "document", error) {
        try unsafe Authorities.table.find(authority, "authority").approval(
            unsafe text(request, request_len, "request")
        ).document.canonical()
    }
}

@c @implementation
public func agentid_approval_sign(
    _ authority: OpaquePointer?, _ request: UnsafePointer<CChar>?, _ request_len: Int,
    _ approver: UnsafePointer<CChar>?, _ approver_len: Int, _ key: UnsafePointer<CChar>?, _ key_len: Int,
    _ token: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(token, "token", error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        return Array(
            try authority.approvalToken(
                for: authority.approval(unsafe text(request, request_len, "request")),
                by: unsafe text(approver, approver_len, "approver"), with: unsafe approverKey(key, key_len)
            ).utf8)
    }
}

@c @implementation
public func agentid_approval_approve(
    _ authority: OpaquePointer?, _ request: UnsafePointer<CChar>?, _ request_len: Int, _ token: UnsafePointer<CChar>?,
    _ token_len: Int, _ approved: UnsafeMutablePointer<Int32>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe approved?.pointee = 0
    return unsafe call(error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        let isApproved = try authority.approve(
            unsafe text(request, request_len, "request"), token: unsafe text(token, token_len, "token"))
        unsafe approved?.pointee = isApproved ? 1 : 0
    }
}

@c @implementation
public func agentid_authority_ask_to_declassify(
    _ authority: OpaquePointer?, _ agent: UnsafePointer<CChar>?, _ agent_len: Int, _ labels: UnsafePointer<CChar>?,
    _ labels_len: Int, _ request: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(request, "request", error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        return Array(
            try authority.askToDeclassify(
                agent: unsafe text(agent, agent_len, "agent"),
                labels: unsafe texts(of: input(labels, labels_len, "labels"), "labels")
            ).utf8)
    }
}

@c @implementation
public func agentid_authority_declassify(
    _ authority: OpaquePointer?, _ request: UnsafePointer<CChar>?, _ request_len: Int,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        try unsafe Authorities.table.find(authority, "authority").declassify(
            unsafe text(request, request_len, "request"))
    }
}

@c @implementation
public func agentid_approval_refuse(
    _ authority: OpaquePointer?, _ request: UnsafePointer<CChar>?, _ request_len: Int,
    _ approver: UnsafePointer<CChar>?, _ approver_len: Int, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        try unsafe Authorities.table.find(authority, "authority").refuse(
            unsafe text(request, request_len, "request"), by: unsafe text(approver, approver_len, "approver"))
    }
}

@c @implementation
public func agentid_approval_callback(
    _ authority: OpaquePointer?, _ approver: UnsafePointer<CChar>?, _ approver_len: Int, _ key: UnsafePointer<CChar>?,
    _ key_len: Int, _ decide: (@convention(c) (UnsafePointer<CChar>?, Int, UnsafeMutableRawPointer?) -> Int32)?,
    _ user_data: UnsafeMutableRawPointer?, _ release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        let owner = unsafe CallbackOwner(user_data, release)
        let authority = try unsafe Authorities.table.find(authority, "authority")
        guard let decide = unsafe decide else { throw Failure.argument("decide", "is NULL") }
        try authority.onApproval(
            by: unsafe text(approver, approver_len, "approver"), with: unsafe approverKey(key, key_len)
        ) { request in
            let document = request.document.text
            let verdict = unsafe document.withCString { text in
                unsafe decide(text, document.utf8.count, owner.userData)
            }
            switch verdict {
            case Int32(AGENTID_APPROVAL_APPROVE): return true
            case Int32(AGENTID_APPROVAL_REFUSE): return false
            case Int32(AGENTID_APPROVAL_LEAVE): return nil
            default:
                throw Failure(
                    status: AgentIDError.Code.state.rawValue, name: "approval_failed",
                    message: "the callback returned \(verdict)")
            }
        }
    }
}

@c @implementation
public func agentid_approval_wait(
    _ authority: OpaquePointer?, _ request: UnsafePointer<CChar>?, _ request_len: Int, _ milliseconds: Int64,
    _ state: UnsafeMutablePointer<Int32>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe state?.pointee = 0
    return unsafe call(error) {
        let output = unsafe try required(state, "state")
        let authority = try unsafe Authorities.table.find(authority, "authority")
        let request = try unsafe text(request, request_len, "request")
        switch try authority.waitForApproval(request, milliseconds: milliseconds) {
        case .pending: break
        case .approved: unsafe output.pointee = 1
        case .refused: unsafe output.pointee = 2
        case nil:
            _ = try authority.approval(request)
            throw AgentIDError(
                .notFound, name: "approval",
                message: "another policy is in force since this was asked: the call is asked about anew", at: "id")
        }
    }
}

@c @implementation
public func agentid_agent_authorize_waiting(
    _ agent: OpaquePointer?, _ tool: UnsafePointer<CChar>?, _ tool_len: Int, _ arguments: UnsafePointer<CChar>?,
    _ arguments_len: Int, _ milliseconds: Int64, _ decision: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe decide(decision, error) {
        let agent = try unsafe Agents.table.find(agent, "agent")
        var call = CallInput()
        let tool = try unsafe call.tool(tool, tool_len)
        let arguments = try unsafe call.bytes(arguments, arguments_len, .arguments)
        if let fault = call.fault { return try agent.refuse(fault, tool: tool) }
        return try agent.check(tool: tool, arguments: arguments, waiting: milliseconds)
    }
}
