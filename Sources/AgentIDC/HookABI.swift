// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_lifecycle.h.

internal import AgentID
public import CAgentID
internal import StrictJSON

private func hook(_ given: UnsafePointer<agentid_hook>?, named name: () throws -> String) throws -> Hook {
    guard unsafe given != nil else { throw Failure.argument("hook", "is NULL") }
    let size = unsafe MemoryLayout<agentid_hook>.size
    let options = unsafe try options(given, "hook", initial: agentid_hook(), firstVersion: size)
    let owner = unsafe CallbackOwner(options.user_data, options.release)
    let command = unsafe try texts(options.command, "hook.command")
    let action: Hook.Action
    switch (unsafe options.run, command.isEmpty) {
    case (.none, false): action = .command(command)
    case (.some(let run), true):
        action = .callback { event in
            let status = unsafe event.withCString { text in unsafe run(text, event.utf8.count, owner.userData) }
            guard isCallbackDone(status) else {
                throw Failure(
                    status: AgentIDError.Code.state.rawValue, name: "hook_failed",
                    message: "the callback returned \(status)")
            }
        }
    default: throw Failure.argument("hook", "needs either run or command")
    }
    var hook = Hook(try name(), action: action)
    let events = unsafe try texts(options.events, "hook.events")
    if unsafe options.events != nil {
        hook.events = try Set(
            events.enumerated().map { index, name in
                guard let event = LifecycleEvent.Name(rawValue: name) else {
                    let names = LifecycleEvent.Name.allCases.map(\.rawValue).joined(separator: ", ")
                    throw Failure.argument(
                        "hook.events", "has an element, \(index), that is not an event: write one of \(names)")
                }
                return event
            })
    }
    if unsafe options.deadline != 0 { hook.deadline = unsafe options.deadline }
    if unsafe options.max_attempts != 0 { hook.maxAttempts = unsafe options.max_attempts }
    return hook
}

@c @implementation
public func agentid_hook_add(
    _ authority: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ name_len: Int, _ given: UnsafePointer<agentid_hook>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        // First: whatever fails lets go of what it calls.
        let hook = try unsafe hook(given) { unsafe try text(name, name_len, "name") }
        try unsafe Authorities.table.find(authority, "authority").add(hook)
    }
}

@c @implementation
public func agentid_hook_remove(
    _ authority: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ name_len: Int,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        try authority.removeHook(named: unsafe text(name, name_len, "name"))
    }
}

@c @implementation
public func agentid_hook_list(
    _ authority: OpaquePointer?, _ hooks: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(hooks, "hooks", error) {
        JSONTree.array(try unsafe Authorities.table.find(authority, "authority").hooks()).canonical()
    }
}

@c @implementation
public func agentid_hook_deliveries(
    _ authority: OpaquePointer?, _ dead: Int32, _ deliveries: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(deliveries, "deliveries", error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        return JSONTree.array(try authority.deliveries(dead: dead != 0)).canonical()
    }
}

@c @implementation
public func agentid_hook_retry(
    _ authority: OpaquePointer?, _ delivery: Int64, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        try unsafe Authorities.table.find(authority, "authority").retry(delivery: delivery)
    }
}

@c @implementation
public func agentid_hook_settle(
    _ authority: OpaquePointer?, _ milliseconds: Int64, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        let authority = try unsafe Authorities.table.find(authority, "authority")
        guard try authority.settle(milliseconds: milliseconds) else {
            throw Failure(
                status: Status.no, name: "unsettled",
                message: "deliveries are still due or under way after \(milliseconds) ms")
        }
    }
}
