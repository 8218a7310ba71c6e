// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_policy.h.

internal import AgentID
public import CAgentID
internal import StrictJSON

@c @implementation
public func agentid_policy_check(
    _ policy: UnsafePointer<CChar>?, _ policy_len: Int, _ authority: OpaquePointer?,
    _ report: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error, giving: report) {
        let output = unsafe try required(report, "report")
        let document = try unsafe input(policy, policy_len, "policy")
        let check: PolicyCheck
        if let authority = unsafe authority {
            check = try unsafe Authorities.table.find(authority, "authority").checkPolicy(document)
        } else {
            check = PolicyCheck(of: document)
        }
        unsafe try OwnedBytes.give(check.document.canonical().span, to: output)
        guard check.isApplicable else {
            throw Failure(
                status: Status.no, name: "policy_not_valid", message: check.lines.first ?? "it has errors",
                place: "policy")
        }
    }
}

@c @implementation
public func agentid_policy_explain(
    _ policy: UnsafePointer<CChar>?, _ policy_len: Int, _ tool: UnsafePointer<CChar>?, _ tool_len: Int,
    _ arguments: UnsafePointer<CChar>?, _ arguments_len: Int, _ explanation: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(explanation, "explanation", error) {
        try PolicyCheck.explanation(
            of: unsafe input(policy, policy_len, "policy"), tool: unsafe text(tool, tool_len, "tool"),
            arguments: unsafe input(arguments, arguments_len, "arguments")
        ).canonical()
    }
}

@c @implementation
public func agentid_authority_apply_policy(
    _ authority: OpaquePointer?, _ policy: UnsafePointer<CChar>?, _ policy_len: Int,
    _ version: UnsafeMutablePointer<Int64>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe version?.pointee = 0
    return unsafe call(error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        let applied = try authority.applyPolicy(unsafe input(policy, policy_len, "policy"))
        unsafe version?.pointee = applied
    }
}

@c @implementation
public func agentid_authority_policy(
    _ authority: OpaquePointer?, _ policy: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(policy, "policy", error) {
        guard let document = try unsafe Authorities.table.find(authority, "authority").policy() else {
            throw AgentIDError(
                .notFound, name: "no_policy", message: "no policy is in force: apply one", at: "policy")
        }
        return document
    }
}

@c @implementation
public func agentid_decision_policy(_ decision: OpaquePointer?) -> Int64 {
    unsafe (try? DecisionObject.table.find(decision, "decision"))?.decision.policy ?? 0
}

@c @implementation
public func agentid_decision_rule(_ decision: OpaquePointer?) -> UnsafePointer<CChar>? {
    let object = try? unsafe DecisionObject.table.find(decision, "decision")
    return unsafe object?.rule.map { unsafe UnsafePointer($0) } ?? StaticText.pointer("")
}

@c @implementation
public func agentid_decision_retry_after(_ decision: OpaquePointer?) -> Int64 {
    unsafe (try? DecisionObject.table.find(decision, "decision"))?.decision.denial?.retryAfter ?? 0
}

@c @implementation
public func agentid_agent_remaining(
    _ agent: OpaquePointer?, _ tool: UnsafePointer<CChar>?, _ tool_len: Int,
    _ remaining: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(remaining, "remaining", error) {
        let agent = try unsafe Agents.table.find(agent, "agent")
        let tool = try unsafe text(tool, tool_len, "tool")
        return try agent.remaining(tool: tool.isEmpty ? nil : tool).canonical()
    }
}

@c @implementation
public func agentid_agent_labels(
    _ agent: OpaquePointer?, _ labels: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(labels, "labels", error) {
        let labels = try unsafe Agents.table.find(agent, "agent").labels()
        return JSONTree.array(labels.map { .string($0) }).canonical()
    }
}

@c @implementation
public func agentid_agent_add_labels(
    _ agent: OpaquePointer?, _ labels: UnsafePointer<CChar>?, _ labels_len: Int,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        let agent = try unsafe Agents.table.find(agent, "agent")
        try agent.addLabels(unsafe texts(of: input(labels, labels_len, "labels"), "labels"))
    }
}

@c @implementation
public func agentid_agent_join_labels(
    _ agent: OpaquePointer?, _ child: OpaquePointer?, _ result: UnsafePointer<CChar>?, _ result_len: Int,
    _ type: UnsafePointer<CChar>?, _ type_len: Int, _ joined: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(joined, "joined", error) {
        let agent = try unsafe Agents.table.find(agent, "agent")
        let child = try unsafe Agents.table.find(child, "child")
        let (result, type) = try unsafe (text(result, result_len, "result"), text(type, type_len, "type"))
        guard !type.isEmpty || result.isEmpty else { throw Failure.argument("type", "is empty: a result has a type") }
        let labels =
            try type.isEmpty ? agent.joinLabels(from: child) : agent.joinLabels(from: child, result: result, as: type)
        return JSONTree.array(labels.map { .string($0) }).canonical()
    }
}

@c @implementation
public func agentid_authority_limits(
    _ authority: OpaquePointer?, _ offset: Int64, _ limit: Int64, _ limits: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(limits, "limits", error) {
        try unsafe Authorities.table.find(authority, "authority").limits(
            from: Int(offset), atMost: limit == 0 ? 1000 : Int(limit)
        ).canonical()
    }
}

@c @implementation
public func agentid_authority_budgets(
    _ authority: OpaquePointer?, _ offset: Int64, _ limit: Int64, _ budgets: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(budgets, "budgets", error) {
        try unsafe Authorities.table.find(authority, "authority").budgets(
            from: Int(offset), atMost: limit == 0 ? 1000 : Int(limit)
        ).canonical()
    }
}
