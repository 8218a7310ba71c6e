internal import AgentID
internal import CAgentID
internal import Glibc
internal import JOSE
internal import Scopes
internal import StrictJSON

/// The statuses that no `AgentIDError` has.
enum Status {
    static let ok: Int32 = 0
    static let denied: Int32 = 1
    static let forked: Int32 = 4
    static let no: Int32 = 16
}

/// The result of a function of the C interface other than its outputs.
struct Failure: Error, CustomStringConvertible {
    let status: Int32
    let name: String
    let message: String
    var place = ""
    var link: Int32 = -1
    var description: String { message }

    init(status: Int32, name: String, message: String, place: String = "") {
        (self.status, self.name, self.message, self.place) = (status, name, message, place)
    }

    init(_ error: any Error, at place: String = "") {
        switch error {
        case let failure as Failure: self = failure
        case let error as AgentIDError:
            self.init(status: error.code.rawValue, name: error.name, message: error.message, place: error.place)
        case let error as ScopeError:
            let error = AgentIDError(error, at: place)
            self.init(status: error.code.rawValue, name: error.name, message: error.message, place: place)
        case let error as JOSEError:
            self.init(
                status: AgentIDError.Code.malformed.rawValue, name: error.name, message: error.description, place: place
            )
        case let error as JSON.ParseError:
            let code = error.isTooCostly ? AgentIDError.Code.limit : .malformed
            self.init(status: code.rawValue, name: error.name, message: error.description, place: place)
        case let denial as Denial: self.init(denial)
        default: self.init(status: AgentIDError.Code.internal.rawValue, name: "internal", message: "\(error)")
        }
    }

    init(_ denial: Denial) {
        self.init(status: Status.denied, name: denial.reason.rawValue, message: denial.message, place: denial.place)
        link = denial.link.map { Int32(clamping: $0) } ?? -1
    }

    @inline(never) static func argument(_ name: String, _ message: String) -> Failure {
        Failure(
            status: AgentIDError.Code.argument.rawValue, name: "argument", message: "\(name) \(message)", place: name)
    }
}

typealias ErrorOut = UnsafeMutablePointer<OpaquePointer?>?
typealias HandleOut = UnsafeMutablePointer<OpaquePointer?>?
typealias BytesOut = UnsafeMutablePointer<agentid_bytes>?

/// Runs one call: refuses it in a forked child, and turns a thrown error into a status and an error object.
func call(_ error: ErrorOut, _ body: () throws -> Void) -> agentid_status {
    guard !Process.isForked else {
        unsafe error?.pointee = ForkedError.handle
        return Status.forked
    }
    unsafe error?.pointee = nil
    do {
        try body()
        return Status.ok
    } catch let thrown { return unsafe failed(thrown, error) }
}

/// Once, and not in each of the functions.
@inline(never) private func failed(_ thrown: any Error, _ error: ErrorOut) -> agentid_status {
    let failure = Failure(thrown)
    if let error = unsafe error { unsafe error.pointee = unsafe ErrorObject.handle(of: failure) }
    return failure.status
}

func required<Pointee>(_ pointer: UnsafeMutablePointer<Pointee>?, _ name: String) throws -> UnsafeMutablePointer<
    Pointee
> {
    guard let pointer = unsafe pointer else {
        throw Failure.argument(name, "is NULL, a place for the result is needed")
    }
    return unsafe pointer
}

/// The longest input, in bytes.
let longestInput = 1 << 20

/// Copies an input: foreign memory may change while it is read.
func input(
    _ data: UnsafePointer<CChar>?, _ length: Int, _ name: String, most: Int = longestInput
) throws -> [UInt8] {
    unsafe Array(try inputBuffer(data, length, name, most: most))
}

/// An input in place, for a callee that copies it: valid until the call that received it returns.
func inputBuffer(
    _ data: UnsafePointer<CChar>?, _ length: Int, _ name: String, most: Int = longestInput
) throws -> UnsafeBufferPointer<UInt8> {
    guard length != 0 else { return unsafe UnsafeBufferPointer(start: nil, count: 0) }
    guard let data = unsafe data else { throw Failure.argument(name, "is NULL with a length of \(length)") }
    guard length > 0, length <= most else {
        throw Failure(
            status: AgentIDError.Code.limit.rawValue, name: "input_too_long",
            message: "\(name) is longer than \(most >> 20) MiB",
            place: name)
    }
    return unsafe UnsafeBufferPointer(start: UnsafeRawPointer(data).assumingMemoryBound(to: UInt8.self), count: length)
}

/// An input as text, or the place where it is not UTF-8. Read from a copy on the stack, since foreign memory may change
/// while it is read; most names are short enough to need no memory of their own.
func decoded(_ data: UnsafePointer<CChar>?, _ length: Int, _ name: String) throws -> (text: String, fault: Int?) {
    let foreign = try unsafe inputBuffer(data, length, name)
    return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: foreign.count) { copy in
        _ = unsafe copy.initialize(from: foreign)
        let bytes = UnsafeBufferPointer(copy)
        let fault = unsafe UTF8Check.firstError(in: Span(_unsafeElements: bytes))
        return unsafe (String(decoding: bytes, as: UTF8.self), fault)
    }
}

func text(_ data: UnsafePointer<CChar>?, _ length: Int, _ name: String) throws -> String {
    let (text, fault) = try unsafe decoded(data, length, name)
    if let fault { throw notText(name, at: fault) }
    return text
}

func text(_ bytes: [UInt8], _ name: String) throws -> String {
    if let position = UTF8Check.firstError(in: bytes.span) { throw notText(name, at: position) }
    return String(decoding: bytes, as: UTF8.self)
}

private func notText(_ name: String, at position: Int) -> Failure {
    Failure(
        status: AgentIDError.Code.malformed.rawValue, name: "utf8",
        message: "\(name) is not UTF-8 at byte \(position)", place: name)
}

/// The length of a NUL-terminated input, in bytes.
func length(of data: UnsafePointer<CChar>) -> Int { unsafe strlen(data) }

/// A NUL-terminated input; `nil` for NULL.
func terminated(_ data: UnsafePointer<CChar>?, _ name: String) throws -> [UInt8]? {
    guard let data = unsafe data else { return nil }
    var length = 0
    while length <= longestInput, unsafe data[length] != 0 { length += 1 }
    return try unsafe input(data, length, name)
}

func terminatedText(_ data: UnsafePointer<CChar>?, _ name: String) throws -> String? {
    try unsafe terminated(data, name).map { try text($0, name) }
}
