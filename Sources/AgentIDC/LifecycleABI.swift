// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_agent.h and agentid_lifecycle.h.

internal import AgentID
public import CAgentID
internal import StrictJSON

@c @implementation
public func agentid_authority_agents(
    _ authority: OpaquePointer?, _ filter: UnsafePointer<agentid_agent_filter>?,
    _ agents: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(agents, "agents", error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        return JSONTree.array(try authority.agents(unsafe selection(filter)).map(\.document)).canonical()
    }
}

private func selection(_ given: UnsafePointer<agentid_agent_filter>?) throws -> AgentSelection {
    var selection = AgentSelection()
    guard unsafe given != nil else { return selection }
    let size = unsafe MemoryLayout<agentid_agent_filter>.size
    let filter = unsafe try options(given, "filter", initial: agentid_agent_filter(), firstVersion: size)
    selection.profile = unsafe try terminatedText(filter.profile, "filter.profile")
    selection.principal = unsafe try terminatedText(filter.principal, "filter.principal")
    selection.owner = unsafe try terminatedText(filter.owner, "filter.owner")
    selection.parent = unsafe try terminatedText(filter.parent, "filter.parent")
    selection.state = unsafe try terminatedText(filter.state, "filter.state")
    if unsafe filter.limit != 0 { selection.limit = unsafe Int(filter.limit) }
    selection.offset = unsafe Int(filter.offset)
    selection.after = unsafe try terminatedText(filter.after, "filter.after")
    return selection
}

@c @implementation
public func agentid_authority_suspend(
    _ authority: OpaquePointer?, _ agent: UnsafePointer<CChar>?, _ agent_len: Int, _ reason: UnsafePointer<CChar>?,
    _ reason_len: Int, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        try authority.suspend(
            agent: unsafe text(agent, agent_len, "agent"), reason: unsafe text(reason, reason_len, "reason"))
    }
}

@c @implementation
public func agentid_authority_resume(
    _ authority: OpaquePointer?, _ agent: UnsafePointer<CChar>?, _ agent_len: Int,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        try authority.resume(agent: unsafe text(agent, agent_len, "agent"))
    }
}

@c @implementation
public func agentid_agent_park(
    _ agent: OpaquePointer?, _ seconds: Int64, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) { try unsafe Agents.table.find(agent, "agent").park(for: seconds) }
}

@c @implementation
public func agentid_authority_unpark(
    _ authority: OpaquePointer?, _ id: UnsafePointer<CChar>?, _ id_len: Int,
    _ agent: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe agent?.pointee = nil
    return unsafe call(error) {
        let output = unsafe try required(agent, "agent")
        let authority = try unsafe Authorities.table.find(authority, "authority")
        unsafe output.pointee = try Agents.table.insert(authority.unpark(agent: unsafe text(id, id_len, "id")))
    }
}

@c @implementation
public func agentid_agent_take_unparked(
    _ agent: OpaquePointer?, _ child: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe child?.pointee = nil
    return unsafe call(error) {
        let output = unsafe try required(child, "child")
        guard let child = try unsafe Agents.table.find(agent, "agent").takeUnparked() else {
            throw AgentIDError(
                .notFound, name: "none_unparked", message: "no agent that was parked with it is left", at: "agent")
        }
        unsafe output.pointee = try Agents.table.insert(child)
    }
}

/// The tombstone of an agent that has ended. If it could not be signed, that is an error, though the agent is gone.
private func signed(_ tombstone: String?) throws -> [UInt8] {
    guard let tombstone else {
        throw Failure(
            status: AgentIDError.Code.signer.rawValue, name: "tombstone_unsigned",
            message: "the agent has ended, but its tombstone could not be signed: reap makes up for it")
    }
    return Array(tombstone.utf8)
}

@c @implementation
public func agentid_authority_deprovision(
    _ authority: OpaquePointer?, _ agent: UnsafePointer<CChar>?, _ agent_len: Int, _ reason: UnsafePointer<CChar>?,
    _ reason_len: Int, _ tombstone: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe giveIfAsked(tombstone, error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        return try signed(
            authority.deprovision(
                agent: unsafe text(agent, agent_len, "agent"), reason: unsafe text(reason, reason_len, "reason")))
    }
}

@c @implementation
public func agentid_agent_end(
    _ agent: OpaquePointer?, _ reason: UnsafePointer<CChar>?, _ reason_len: Int,
    _ tombstone: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe giveIfAsked(tombstone, error) {
        let agent = try unsafe Agents.table.find(agent, "agent")
        let tombstone = try agent.end(reason: unsafe text(reason, reason_len, "reason"))
        return agent.isParked ? [] : try signed(tombstone)
    }
}

@c @implementation
public func agentid_authority_deprovision_principal(
    _ authority: OpaquePointer?, _ principal: UnsafePointer<CChar>?, _ principal_len: Int,
    _ reason: UnsafePointer<CChar>?, _ reason_len: Int, _ ended: UnsafeMutablePointer<Int64>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe count(ended, error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        return try authority.deprovision(
            principal: unsafe text(principal, principal_len, "principal"),
            reason: unsafe text(reason, reason_len, "reason"))
    }
}

@c @implementation
public func agentid_authority_withdraw_profile(
    _ authority: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ name_len: Int, _ reason: UnsafePointer<CChar>?,
    _ reason_len: Int, _ ended: UnsafeMutablePointer<Int64>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe count(ended, error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        return try authority.withdraw(
            profile: unsafe text(name, name_len, "name"), reason: unsafe text(reason, reason_len, "reason"))
    }
}

@c @implementation
public func agentid_authority_certify_profile(
    _ authority: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ name_len: Int, _ review_by: Int64,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        try authority.certify(
            profile: unsafe text(name, name_len, "name"), reviewBy: review_by == 0 ? nil : review_by)
    }
}

@c @implementation
public func agentid_authority_reap(
    _ authority: OpaquePointer?, _ ended: UnsafeMutablePointer<Int64>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe count(ended, error) { try unsafe Authorities.table.find(authority, "authority").reap() }
}

@c @implementation
public func agentid_authority_prune(
    _ authority: OpaquePointer?, _ ended_before: Int64, _ pruned: UnsafeMutablePointer<Int64>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe count(pruned, error) {
        try unsafe Authorities.table.find(authority, "authority").prune(endedBefore: ended_before)
    }
}

@c @implementation
public func agentid_authority_verify_gone(
    _ authority: OpaquePointer?, _ agent: UnsafePointer<CChar>?, _ agent_len: Int,
    _ report: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error, giving: report) {
        let output = unsafe try required(report, "report")
        let authority = try unsafe Authorities.table.find(authority, "authority")
        let gone = try authority.verifyGone(agent: unsafe text(agent, agent_len, "agent"))
        unsafe try OwnedBytes.give(gone.document.canonical().span, to: output)
        guard gone.isGone else {
            throw Failure(
                status: Status.no, name: "not_gone",
                message: "something of the agent is left: the report says what", place: "agent")
        }
    }
}

@c @implementation
public func agentid_tombstone_verify(
    _ trust_domain: UnsafePointer<CChar>?, _ trust_domain_len: Int, _ bundle: UnsafePointer<CChar>?, _ bundle_len: Int,
    _ tombstone: UnsafePointer<CChar>?, _ tombstone_len: Int, _ document: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(document, "document", error) {
        try Tombstone(
            verifying: unsafe text(tombstone, tombstone_len, "tombstone"),
            bundle: unsafe input(bundle, bundle_len, "bundle"),
            trustDomain: unsafe text(trust_domain, trust_domain_len, "trust_domain")
        ).claims.canonical()
    }
}

/// Gives a number to a caller who may not want it.
func count(
    _ output: UnsafeMutablePointer<Int64>?, _ error: UnsafeMutablePointer<OpaquePointer?>?, _ body: () throws -> Int
) -> agentid_status {
    unsafe output?.pointee = 0
    return unsafe call(error) {
        let count = try body()
        if let output = unsafe output { unsafe output.pointee = Int64(count) }
    }
}
