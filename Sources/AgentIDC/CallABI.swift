// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_call.h.

internal import AgentID
public import CAgentID

enum Calls { static let table = HandleTable<Call>(kind: 10) }

/// Decides, and gives the call on a permit.
private func begin(
    _ decision: HandleOut, _ call: HandleOut, _ within: Int64, _ error: ErrorOut,
    _ decide: () throws -> (Decision, Guard?)
) -> agentid_status {
    unsafe call?.pointee = nil
    unsafe decision?.pointee = nil
    return unsafe AgentIDC.call(error) {
        let output = unsafe try required(call, "call")
        // Else it would be decided for nothing.
        let within = try Call.checked(within == 0 ? Call.lapse : within)
        let (made, guardian) = try decide()
        if let decision = unsafe decision {
            unsafe decision.pointee = try DecisionObject.table.insert(DecisionObject(made))
        }
        do { unsafe output.pointee = try Calls.table.insert(permitted(made, by: guardian, within)) } catch {
            if made.denial == nil, let decision = unsafe decision {
                unsafe agentid_decision_free(decision.pointee)
                unsafe decision.pointee = nil
            }
            throw error
        }
    }
}

private func permitted(_ decision: Decision, by guardian: Guard?, _ within: Int64) throws -> Call {
    if let denial = decision.denial { throw Failure(denial) }
    guard let guardian, let permit = decision.permit else {
        throw Failure.argument("decision", "is not one of a guard")
    }
    do { return try guardian.begin(permit, within: within) } catch { throw failure(error) }
}

private func failure(_ error: NotPermitted) -> Failure {
    switch error {
    case .denied(let decision):
        decision.denial.map { Failure($0) } ?? Failure.argument("call", "is denied")
    case .failed(let error): Failure(error)
    }
}

@c @implementation
public func agentid_call_begin(
    _ agent: OpaquePointer?, _ tool: UnsafePointer<CChar>?, _ tool_len: Int, _ arguments: UnsafePointer<CChar>?,
    _ arguments_len: Int, _ within: Int64, _ decision: UnsafeMutablePointer<OpaquePointer?>?,
    _ call: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe begin(decision, call, within, error) {
        let agent = try unsafe Agents.table.find(agent, "agent")
        var input = CallInput()
        let tool = try unsafe input.tool(tool, tool_len)
        let arguments = try unsafe input.bytes(arguments, arguments_len, .arguments)
        if let fault = input.fault { return (try agent.refuse(fault, tool: tool), nil) }
        return (try agent.check(tool: tool, arguments: arguments), agent.homeGuard)
    }
}

@c @implementation
public func agentid_guard_call_begin(
    _ guard_: OpaquePointer?, _ chain: UnsafePointer<CChar>?, _ chain_len: Int, _ proof: UnsafePointer<CChar>?,
    _ proof_len: Int, _ tool: UnsafePointer<CChar>?, _ tool_len: Int, _ arguments: UnsafePointer<CChar>?,
    _ arguments_len: Int, _ within: Int64, _ decision: UnsafeMutablePointer<OpaquePointer?>?,
    _ call: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe begin(decision, call, within, error) {
        let guardian = try unsafe Guards.table.find(guard_, "guard")
        var input = CallInput()
        let chain = try unsafe input.bytes(chain, chain_len, .chain)
        let proof = try unsafe input.bytes(proof, proof_len, .proof)
        let tool = try unsafe input.tool(tool, tool_len)
        let arguments = try unsafe input.bytes(arguments, arguments_len, .arguments)
        if let fault = input.fault { return (guardian.refuse(fault, tool: tool, chain: chain), nil) }
        return (guardian.check(chain: chain, proof: proof, tool: tool, arguments: arguments), guardian)
    }
}

@c @implementation
public func agentid_guard_call_permitted(
    _ guard_: OpaquePointer?, _ decision: OpaquePointer?, _ within: Int64,
    _ call: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe begin(nil, call, within, error) {
        let guardian = try unsafe Guards.table.find(guard_, "guard")
        return (try unsafe DecisionObject.table.find(decision, "decision").decision, guardian)
    }
}

@c @implementation
public func agentid_agent_call_permitted(
    _ agent: OpaquePointer?, _ decision: OpaquePointer?, _ within: Int64,
    _ call: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe begin(nil, call, within, error) {
        let agent = try unsafe Agents.table.find(agent, "agent")
        guard let guardian = agent.homeGuard else { throw Agent.homeless }
        return (try unsafe DecisionObject.table.find(decision, "decision").decision, guardian)
    }
}

@c @implementation
public func agentid_call_cost(
    _ call: OpaquePointer?, _ unit: UnsafePointer<CChar>?, _ unit_len: Int, _ cost: UnsafePointer<CChar>?,
    _ cost_len: Int, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe AgentIDC.call(error) {
        try unsafe Calls.table.find(call, "call").cost(
            unsafe text(cost, cost_len, "cost"), in: unsafe text(unit, unit_len, "unit"))
    }
}

@c @implementation
public func agentid_call_labels(
    _ call: OpaquePointer?, _ labels: UnsafePointer<CChar>?, _ labels_len: Int,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe AgentIDC.call(error) {
        let call = try unsafe Calls.table.find(call, "call")
        try call.labels(unsafe texts(of: input(labels, labels_len, "labels"), "labels"))
    }
}

@c @implementation
public func agentid_call_extend(
    _ call: OpaquePointer?, _ unit: UnsafePointer<CChar>?, _ unit_len: Int, _ amount: UnsafePointer<CChar>?,
    _ amount_len: Int, _ within: Int64, _ key: UnsafePointer<CChar>?, _ key_len: Int,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe AgentIDC.call(error) {
        let call = try unsafe Calls.table.find(call, "call")
        let (unit, amount) = (unsafe try text(unit, unit_len, "unit"), unsafe try text(amount, amount_len, "amount"))
        let key = unsafe try optional(key, key_len, "key")
        do throws(NotPermitted) {
            try call.extend(by: amount, in: unit, within: within == 0 ? Call.lapse : within, key: key)
        } catch { throw failure(error) }
    }
}

@c @implementation
public func agentid_call_commit(
    _ call: OpaquePointer?, _ outcome: UnsafePointer<CChar>?, _ outcome_len: Int, _ key: UnsafePointer<CChar>?,
    _ key_len: Int, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe AgentIDC.call(error) {
        try unsafe Calls.table.find(call, "call").commit(
            unsafe optional(outcome, outcome_len, "outcome") ?? "succeeded", key: unsafe optional(key, key_len, "key"))
    }
}

@c @implementation
public func agentid_call_abort(
    _ call: OpaquePointer?, _ outcome: UnsafePointer<CChar>?, _ outcome_len: Int, _ key: UnsafePointer<CChar>?,
    _ key_len: Int, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe AgentIDC.call(error) {
        try unsafe Calls.table.find(call, "call").abort(
            unsafe optional(outcome, outcome_len, "outcome") ?? "failed", key: unsafe optional(key, key_len, "key"))
    }
}

@c @implementation
public func agentid_call_leave(
    _ call: OpaquePointer?, _ failure: UnsafePointer<CChar>?, _ failure_len: Int,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe AgentIDC.call(error) {
        try unsafe Calls.table.find(call, "call").leave(failure: unsafe optional(failure, failure_len, "failure"))
    }
}

@c @implementation
public func agentid_call_free(_ call: OpaquePointer?) { _ = unsafe Calls.table.remove(call) }

/// A text that may be left out: empty.
private func optional(_ data: UnsafePointer<CChar>?, _ length: Int, _ name: String) throws -> String? {
    let text = try unsafe text(data, length, name)
    return text.isEmpty ? nil : text
}
