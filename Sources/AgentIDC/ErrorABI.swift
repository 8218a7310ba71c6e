// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_base.h.

public import CAgentID
internal import AgentID
internal import Glibc

/// An error behind its handle, with texts that live as long as it does.
@safe final class ErrorObject: Sendable {
    static let table = HandleTable<ErrorObject>(kind: 1, placing: .byThread)
    let failure: Failure
    // SAFETY: allocated once, never changed, freed with the object.
    nonisolated(unsafe) let name: UnsafeMutablePointer<CChar>?
    nonisolated(unsafe) let message: UnsafeMutablePointer<CChar>?
    nonisolated(unsafe) let place: UnsafeMutablePointer<CChar>?

    init(_ failure: Failure) {
        self.failure = failure
        unsafe name = strdup(failure.name)
        unsafe message = strdup(failure.message)
        unsafe place = strdup(failure.place)
    }

    deinit {
        unsafe free(name)
        unsafe free(message)
        unsafe free(place)
    }

    static func handle(of failure: Failure) -> OpaquePointer? {
        unsafe OpaquePointer(bitPattern: UInt(table.insert(ErrorObject(failure)) as UInt64))
    }

    static func find(_ error: OpaquePointer?) -> ErrorObject? { table.find(UInt64(UInt(bitPattern: error))) }
}

/// The one error of a forked child. It needs no lock and no memory: another thread of the parent may have held either when
/// it forked, and nobody in the child lets go of it.
enum ForkedError {
    /// Of the kind of errors, in no table: no object has the generation 0. Freeing it does nothing.
    static var handle: OpaquePointer? { unsafe OpaquePointer(bitPattern: UInt(1) << 56) }
    static let message: StaticString =
        "this process was forked after it had used libagentid: fork before its first call, or exec"
}

/// A text of an error: in a forked child always that error's, whichever is asked for.
private func errorText(
    _ error: OpaquePointer?, forked: StaticString, _ text: (ErrorObject) -> UnsafeMutablePointer<CChar>?
) -> UnsafePointer<CChar>? {
    guard !Process.isForked else { return unsafe StaticText.pointer(error == nil ? "" : forked) }
    return unsafe ErrorObject.find(error).flatMap(text).map { unsafe UnsafePointer($0) } ?? StaticText.pointer("")
}

/// Texts that are never freed.
enum StaticText {
    static func pointer(_ text: StaticString) -> UnsafePointer<CChar>? {
        unsafe UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}

@c @implementation
public func agentid_abi_version() -> UInt32 { Version.abi }

@c @implementation
public func agentid_version() -> UnsafePointer<CChar>? { unsafe StaticText.pointer("0.1.0") }

@c @implementation
public func agentid_selftest(_ error: UnsafeMutablePointer<OpaquePointer?>?) -> agentid_status {
    unsafe call(error) { try SelfTest.run() }
}

@c @implementation
public func agentid_status_name(_ status: agentid_status) -> UnsafePointer<CChar>? {
    switch status {
    case 0: unsafe StaticText.pointer("ok")
    case 1: unsafe StaticText.pointer("denied")
    case 2: unsafe StaticText.pointer("argument")
    case 3: unsafe StaticText.pointer("handle")
    case 4: unsafe StaticText.pointer("forked")
    case 5: unsafe StaticText.pointer("malformed")
    case 6: unsafe StaticText.pointer("scope")
    case 7: unsafe StaticText.pointer("not_found")
    case 8: unsafe StaticText.pointer("exists")
    case 9: unsafe StaticText.pointer("state")
    case 10: unsafe StaticText.pointer("limit")
    case 11: unsafe StaticText.pointer("io")
    case 12: unsafe StaticText.pointer("passphrase")
    case 13: unsafe StaticText.pointer("signer")
    case 14: unsafe StaticText.pointer("version")
    case 15: unsafe StaticText.pointer("internal")
    case 16: unsafe StaticText.pointer("no")
    default: unsafe StaticText.pointer("unknown")
    }
}

@c @implementation
public func agentid_error_code(_ error: OpaquePointer?) -> agentid_status {
    guard !Process.isForked else { return unsafe error == nil ? 3 : Status.forked }
    return unsafe ErrorObject.find(error)?.failure.status ?? 3
}

@c @implementation
public func agentid_error_name(_ error: OpaquePointer?) -> UnsafePointer<CChar>? {
    unsafe errorText(error, forked: "forked") { unsafe $0.name }
}

@c @implementation
public func agentid_error_message(_ error: OpaquePointer?) -> UnsafePointer<CChar>? {
    unsafe errorText(error, forked: ForkedError.message) { unsafe $0.message }
}

@c @implementation
public func agentid_error_where(_ error: OpaquePointer?) -> UnsafePointer<CChar>? {
    unsafe errorText(error, forked: "") { unsafe $0.place }
}

@c @implementation
public func agentid_error_link(_ error: OpaquePointer?) -> Int32 {
    guard !Process.isForked else { return -1 }
    return unsafe ErrorObject.find(error)?.failure.link ?? -1
}

@c @implementation
public func agentid_error_free(_ error: OpaquePointer?) { _ = unsafe ErrorObject.table.remove(error) }
