// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_decision.h.

internal import AgentID
public import CAgentID
internal import StrictJSON

private func reason(_ text_: UnsafePointer<CChar>?, _ length: Int) -> Reason {
    Reason(rawValue: (try? unsafe text(text_, length, "reason")) ?? "")
}

@c @implementation
public func agentid_reason_category(_ reason_: UnsafePointer<CChar>?, _ reason_len: Int) -> agentid_category {
    unsafe reason(reason_, reason_len).category.rawValue
}

@c @implementation
public func agentid_reason_http_status(_ reason_: UnsafePointer<CChar>?, _ reason_len: Int) -> Int32 {
    unsafe Int32(clamping: reason(reason_, reason_len).httpStatus)
}

@c @implementation
public func agentid_reason_challenge(
    _ reason_: UnsafePointer<CChar>?, _ reason_len: Int, _ challenge: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(challenge, "challenge", error) { unsafe Array((reason(reason_, reason_len).challenge ?? "").utf8) }
}

@c @implementation
public func agentid_reason_list(
    _ reasons: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(reasons, "reasons", error) { Reason.document.canonical() }
}
