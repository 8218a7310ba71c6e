// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_scope.h.

internal import AgentID
public import CAgentID
internal import Scopes
internal import StrictJSON

enum ScopeHandles { static let table = HandleTable<Scope>(kind: 8) }

@c @implementation
public func agentid_scope_parse(
    _ text_: UnsafePointer<CChar>?, _ text_len: Int, _ scope: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe scope?.pointee = nil
    return unsafe call(error) {
        let output = unsafe try required(scope, "scope")
        let description = unsafe try text(text_, text_len, "text")
        do { unsafe output.pointee = try ScopeHandles.table.insert(Scope(description)) } catch {
            throw Failure(error, at: "text")
        }
    }
}

@c @implementation
public func agentid_scope_free(_ scope: OpaquePointer?) { _ = unsafe ScopeHandles.table.remove(scope) }

@c @implementation
public func agentid_scope_text(
    _ scope: OpaquePointer?, _ text: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(text, "text", error) { unsafe Array(try ScopeHandles.table.find(scope, "scope").text.utf8) }
}

@c @implementation
public func agentid_scope_json(
    _ scope: OpaquePointer?, _ json: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(json, "json", error) { try unsafe ScopeHandles.table.find(scope, "scope").tree.canonical() }
}

@c @implementation
public func agentid_scope_explain(
    _ scope: OpaquePointer?, _ text: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(text, "text", error) { unsafe Array(try ScopeHandles.table.find(scope, "scope").summary.utf8) }
}

@c @implementation
public func agentid_scope_permits(
    _ scope: OpaquePointer?, _ tool: UnsafePointer<CChar>?, _ tool_len: Int, _ arguments: UnsafePointer<CChar>?,
    _ arguments_len: Int, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        let scope = try unsafe ScopeHandles.table.find(scope, "scope")
        let tool = unsafe try text(tool, tool_len, "tool")
        let call: JSON
        do {
            call = try JSON(parsing: unsafe input(arguments, arguments_len, "arguments"), limits: ScopeLimits.arguments)
        } catch {
            throw Failure(error, at: "arguments")
        }
        guard call.root.kind == .object else { throw Failure.argument("arguments", "are not a JSON object") }
        if let refusal = scope.refusal(of: tool, arguments: call.root) {
            throw Failure(
                status: refusal.reason == .tooCostly ? AgentIDError.Code.limit.rawValue : 1,
                name: refusal.reason.rawValue, message: refusal.explanation(tool: tool),
                place: refusal.argument.map { "arguments.\($0.beginning(atMost: Refusal.longestName))" } ?? "tool")
        }
    }
}

@c @implementation
public func agentid_scope_subsumes(
    _ parent: OpaquePointer?, _ child: OpaquePointer?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        let parent = try unsafe ScopeHandles.table.find(parent, "parent")
        if let expansion = unsafe parent.expansion(by: try ScopeHandles.table.find(child, "child")) {
            throw Failure(
                status: expansion.reason == .tooCostly ? AgentIDError.Code.limit.rawValue : 1,
                name: expansion.reason.rawValue, message: expansion.description, place: expansion.tool)
        }
    }
}

@c @implementation
public func agentid_scope_meet(
    _ a: OpaquePointer?, _ b: OpaquePointer?, _ meet: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe meet?.pointee = nil
    return unsafe call(error) {
        let output = unsafe try required(meet, "meet")
        let (a, b) = unsafe (try ScopeHandles.table.find(a, "a"), try ScopeHandles.table.find(b, "b"))
        unsafe output.pointee = try ScopeHandles.table.insert(a.meet(b))
    }
}

@c @implementation
public func agentid_scope_for_task(
    _ ceiling: OpaquePointer?, _ prompt: UnsafePointer<CChar>?, _ prompt_len: Int, _ pins: UnsafePointer<CChar>?,
    _ pins_len: Int, _ directory: UnsafePointer<CChar>?, _ directory_len: Int,
    _ scope: UnsafeMutablePointer<OpaquePointer?>?, _ explanation: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe scope?.pointee = nil
    return unsafe call(error, giving: explanation) {
        let output = unsafe try required(scope, "scope")
        let ceiling = try unsafe ScopeHandles.table.find(ceiling, "ceiling")
        let (prompt, pins) = unsafe (try text(prompt, prompt_len, "prompt"), try input(pins, pins_len, "pins"))
        let names = try unsafe input(directory, directory_len, "directory")
        let found = try ceiling.forTask(
            prompt, pins: TaskPins(parsing: pins),
            directory: names.isEmpty ? TaskDirectory() : TaskDirectory(parsing: names))
        if let explanation = unsafe explanation {
            unsafe try OwnedBytes.give(found.document.canonical().span, to: explanation)
        }
        do { unsafe output.pointee = try ScopeHandles.table.insert(found.scope) } catch {
            unsafe agentid_bytes_free(explanation)
            throw error
        }
    }
}

@c @implementation
public func agentid_chain_decode(
    _ chain: UnsafePointer<CChar>?, _ chain_len: Int, _ document: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(document, "document", error) {
        try ChainDecoder.decode(unsafe input(chain, chain_len, "chain")).canonical()
    }
}

@c @implementation
public func agentid_chain_reference(
    _ chain: UnsafePointer<CChar>?, _ chain_len: Int, _ reference: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(reference, "reference", error) {
        Array(try ChainReference.of(unsafe input(chain, chain_len, "chain")).utf8)
    }
}
