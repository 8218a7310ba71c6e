// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_audit.h.

internal import AgentID
public import CAgentID
internal import StrictJSON

enum Audits { static let table = HandleTable<AuditReader>(kind: 9) }

/// The audit policy that an option struct describes.
func auditPolicy(sync: Int32, relaxed: Int32, none: Int32) throws -> AuditPolicy {
    var policy = AuditPolicy()
    switch sync {
    case 0: break
    case 1: policy.options.sync = .always
    default: throw Failure.argument("options.audit_sync", "is not an AGENTID_AUDIT_...")
    }
    policy.isStrict = relaxed == 0
    policy.isEnabled = none == 0
    return policy
}

@c @implementation
public func agentid_decision_id(_ decision: OpaquePointer?) -> UnsafePointer<CChar>? {
    let object = try? unsafe DecisionObject.table.find(decision, "decision")
    return unsafe object?.id.map { unsafe UnsafePointer($0) } ?? StaticText.pointer("")
}

@c @implementation
public func agentid_audit_report(
    _ guardian: OpaquePointer?, _ decision: UnsafePointer<CChar>?, _ decision_len: Int,
    _ outcome: UnsafePointer<CChar>?, _ outcome_len: Int, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        let guardian = try unsafe Guards.table.find(guardian, "guard")
        try guardian.report(
            unsafe text(outcome, outcome_len, "outcome"), of: unsafe text(decision, decision_len, "decision"))
    }
}

@c @implementation
public func agentid_audit_integrate(
    _ authority: OpaquePointer?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) { try unsafe Authorities.table.find(authority, "authority").integrate() }
}

@c @implementation
public func agentid_audit_open(
    _ directory: UnsafePointer<CChar>?, _ directory_len: Int, _ key: UnsafePointer<CChar>?, _ key_len: Int,
    _ audit: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe audit?.pointee = nil
    return unsafe call(error) {
        let output = unsafe try required(audit, "audit")
        let key = unsafe try text(key, key_len, "key")
        unsafe output.pointee = try Audits.table.insert(
            AuditReader(
                authority: unsafe text(directory, directory_len, "directory"), key: key.isEmpty ? nil : key))
    }
}

@c @implementation
public func agentid_audit_close(_ audit: OpaquePointer?) { _ = unsafe Audits.table.remove(audit) }

@c @implementation
public func agentid_audit_head(
    _ audit: OpaquePointer?, _ document: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(document, "document", error) { try unsafe Audits.table.find(audit, "audit").head().canonical() }
}

@c @implementation
public func agentid_audit_entries(
    _ audit: OpaquePointer?, _ from: UInt64, _ count: Int64, _ entries: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(entries, "entries", error) {
        let audit = try unsafe Audits.table.find(audit, "audit")
        guard count >= 0 else { throw Failure.argument("count", "is negative") }
        let lines = from == audit.last ? [] : try audit.entries(from: from, limit: Int(min(count, 256)))
        return lines.reduce(into: []) { $0 += $1 + [UInt8(ascii: "\n")] }
    }
}

@c @implementation
public func agentid_audit_find(
    _ audit: OpaquePointer?, _ decision: UnsafePointer<CChar>?, _ decision_len: Int,
    _ document: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(document, "document", error) {
        let audit = try unsafe Audits.table.find(audit, "audit")
        return try audit.find(decision: unsafe text(decision, decision_len, "decision")).canonical()
    }
}

@c @implementation
public func agentid_audit_prove(
    _ audit: OpaquePointer?, _ index: UInt64, _ proof: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(proof, "proof", error) { try unsafe Audits.table.find(audit, "audit").proof(of: index).canonical() }
}

@c @implementation
public func agentid_audit_consistency(
    _ audit: OpaquePointer?, _ from: UInt64, _ to: UInt64, _ proof: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(proof, "proof", error) {
        let audit = try unsafe Audits.table.find(audit, "audit")
        return try audit.consistency(from: from, to: to == 0 ? nil : to).canonical()
    }
}

@c @implementation
public func agentid_audit_verify(
    _ audit: OpaquePointer?, _ progress: (@convention(c) (UInt64, UnsafeMutableRawPointer?) -> Void)?,
    _ user_data: UnsafeMutableRawPointer?, _ report: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error, giving: report) {
        let output = unsafe try required(report, "report")
        let audit = try unsafe Audits.table.find(audit, "audit")
        let found = try audit.verify { entries in unsafe progress?(entries, user_data) }
        unsafe try OwnedBytes.give(found.document.canonical().span, to: output)
        guard found.isSound else {
            throw Failure(
                status: Status.no, name: "audit_damaged",
                message: "the audit log is not as it was signed: \(found.findings.first?.description ?? "")",
                place: "audit")
        }
    }
}

@c @implementation
public func agentid_audit_usage(
    _ authority: OpaquePointer?, _ profile: UnsafePointer<CChar>?, _ profile_len: Int,
    _ report: UnsafeMutablePointer<agentid_bytes>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(report, "report", error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        let profile = unsafe try text(profile, profile_len, "profile")
        return try authority.usage(profile: profile.isEmpty ? nil : profile).document.canonical()
    }
}
