// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_decision.h.

internal import AgentID
public import CAgentID
internal import Glibc
internal import StrictJSON

/// A decision behind its handle.
@safe final class DecisionObject: Sendable {
    static let table = HandleTable<DecisionObject>(kind: 7, placing: .byThread)
    let decision: Decision
    // SAFETY: allocated once, never changed, freed with the object.
    nonisolated(unsafe) let reason: UnsafeMutablePointer<CChar>?
    nonisolated(unsafe) let id: UnsafeMutablePointer<CChar>?
    nonisolated(unsafe) let rule: UnsafeMutablePointer<CChar>?
    // SAFETY: as above.
    nonisolated(unsafe) let approval: UnsafeMutablePointer<CChar>?

    init(_ decision: Decision) {
        self.decision = decision
        unsafe reason = decision.denial.map { unsafe strdup($0.reason.rawValue) } ?? nil
        unsafe id = decision.id.isEmpty ? nil : strdup(decision.id)
        unsafe rule = decision.rule.map { unsafe strdup($0) } ?? nil
        unsafe approval = decision.approval.map { unsafe strdup($0) } ?? nil
    }

    deinit {
        unsafe free(reason)
        unsafe free(id)
        unsafe free(rule)
        unsafe free(approval)
    }
}

/// Runs a call that decides: the caller receives the decision on permit and on denial.
func decide(_ output: HandleOut, _ error: ErrorOut, _ body: () throws -> Decision) -> agentid_status {
    unsafe output?.pointee = nil
    return unsafe call(error) {
        let decision = try body()
        if let output = unsafe output {
            unsafe output.pointee = try DecisionObject.table.insert(DecisionObject(decision))
        }
        if let denial = decision.denial { throw Failure(denial) }
    }
}

@c @implementation
public func agentid_decision_permitted(_ decision: OpaquePointer?) -> Int32 {
    unsafe (try? DecisionObject.table.find(decision, "decision"))?.decision.isPermitted == true ? 1 : 0
}

@c @implementation
public func agentid_decision_reason(_ decision: OpaquePointer?) -> UnsafePointer<CChar>? {
    let object = try? unsafe DecisionObject.table.find(decision, "decision")
    return unsafe object?.reason.map { unsafe UnsafePointer($0) } ?? StaticText.pointer("")
}

@c @implementation
public func agentid_decision_document(
    _ decision: OpaquePointer?, _ document: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(document, "document", error) {
        try unsafe DecisionObject.table.find(decision, "decision").decision.document.canonical()
    }
}

@c @implementation
public func agentid_decision_explain(
    _ decision: OpaquePointer?, _ text: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(text, "text", error) {
        unsafe Array(try DecisionObject.table.find(decision, "decision").decision.explanation.utf8)
    }
}

@c @implementation
public func agentid_decision_free(_ decision: OpaquePointer?) { _ = unsafe DecisionObject.table.remove(decision) }
