internal import AgentID
internal import CAgentID
internal import JOSE
internal import Scopes
internal import StrictJSON

/// The longest struct of options of any version, in bytes.
let longestOptions = 4096

/// Reads an option struct of any version: a shorter one is completed with the defaults of `initial`.
///
/// Longer ones may come from a newer header. Their unknown tail must be zero: otherwise the caller asks for something
/// that does not exist here. Every version ends with a whole member, and with the padding of its alignment.
func options<Struct>(
    _ given: UnsafePointer<Struct>?, _ name: String = "options", initial: Struct, firstVersion: Int
) throws -> Struct {
    let known = unsafe try knownOptions(
        given.map { unsafe UnsafeRawPointer($0) }, name, of: MemoryLayout<Struct>.size, MemoryLayout<Struct>.alignment,
        from: firstVersion)
    var result = initial
    unsafe withUnsafeMutableBytes(of: &result) { target in unsafe target.copyMemory(from: known) }
    return result
}

/// The part of an option struct that this version knows, which has `size` bytes of them.
@inline(never) private func knownOptions(
    _ given: UnsafeRawPointer?, _ name: String, of size: Int, _ alignment: Int, from firstVersion: Int
) throws -> UnsafeRawBufferPointer {
    guard let raw = unsafe given else { throw Failure.argument("options", "are NULL") }
    let told = unsafe raw.loadUnaligned(as: Int.self)
    guard told >= firstVersion, told <= longestOptions, told % alignment == 0 else {
        throw Failure.argument(
            name + ".struct_size", "is \(UInt(bitPattern: told)): start from the AGENTID_..._INIT macro")
    }
    if told > size {
        for i in size..<told where unsafe raw.load(fromByteOffset: i, as: UInt8.self) != 0 {
            throw Failure.argument(name + ".struct_size", "has options that this version of the library does not know")
        }
    }
    return unsafe UnsafeRawBufferPointer(start: raw, count: min(told, size))
}

/// Reads a `max_depth`: 0 is the default, and AGENTID_NO_DELEGATION is Swift's 0.
func depth(_ given: Int32) throws -> Int? {
    let none = Int32(AGENTID_NO_DELEGATION)
    guard given >= none else {
        throw Failure.argument("options.max_depth", "is not a depth, nor AGENTID_NO_DELEGATION")
    }
    return given == 0 ? nil : given == none ? 0 : Int(given)
}

func scope(_ data: UnsafePointer<CChar>?, _ name: String) throws -> Scope? {
    guard let description = unsafe try terminatedText(data, name) else { return nil }
    do { return try Scope(description) } catch { throw Failure(error, at: name) }
}

/// A JSON array of strings; empty for NULL.
func texts(_ data: UnsafePointer<CChar>?, _ name: String) throws -> [String] {
    try unsafe terminated(data, name).map { try texts(of: $0, name) } ?? []
}

func texts(of bytes: [UInt8], _ name: String) throws -> [String] {
    do {
        let root = try JSON(parsing: bytes).root
        guard root.kind == .array else { throw Failure.argument(name, "is not a JSON array of strings") }
        return try root.elements.map { element in
            guard let text = element.string else { throw Failure.argument(name, "is not a JSON array of strings") }
            return text
        }
    } catch { throw Failure(error, at: name) }
}

func limits(_ data: UnsafePointer<CChar>?) throws -> GrantLimits? {
    try unsafe terminatedText(data, "options.limits").map { try GrantLimits($0) }
}

func needed<Value>(_ value: Value?, _ name: String) throws -> Value {
    guard let value else { throw Failure.argument(name, "is needed") }
    return value
}

func clock(_ given: UnsafePointer<agentid_clock>?) throws -> any WallClock {
    guard let given = unsafe given else { return SystemClock() }
    let size = unsafe MemoryLayout<agentid_clock>.size
    let callbacks = unsafe try options(given, "options.clock", initial: agentid_clock(), firstVersion: size)
    let owner = unsafe CallbackOwner(callbacks.user_data, callbacks.release)
    guard let now = unsafe callbacks.now else { throw Failure.argument("options.clock.now", "is NULL") }
    return CallbackClock {
        var milliseconds = Int64.min
        let status = unsafe now(&milliseconds, owner.userData)
        return isCallbackDone(status) ? milliseconds : nil
    }
}

/// Whether a callback reported success. No result that was never set has this value.
func isCallbackDone(_ status: Int32) -> Bool { status == Int32(AGENTID_CALLBACK_OK) }

/// A caller's `user_data`, released once.
@safe final class CallbackOwner: Sendable {
    // SAFETY: only passed back; the header says on which threads.
    nonisolated(unsafe) let userData: UnsafeMutableRawPointer?
    private let release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?

    init(_ userData: UnsafeMutableRawPointer?, _ release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?) {
        unsafe self.userData = userData
        unsafe self.release = unsafe release
    }

    deinit { unsafe release?(userData) }
}

/// A key used through a caller's callback, which is called on several threads at once, and within itself.
@safe final class CallbackSigner: Signer {
    let publicKey: PublicKey
    private let owner: CallbackOwner
    private let callback:
        @convention(c) (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UInt8>?, UnsafeMutableRawPointer?) -> Int32

    init(_ given: UnsafePointer<agentid_signer>) throws {
        let size = unsafe MemoryLayout<agentid_signer>.size
        let callbacks = unsafe try options(given, "options.signer", initial: agentid_signer(), firstVersion: size)
        owner = unsafe CallbackOwner(callbacks.user_data, callbacks.release)
        guard let sign = unsafe callbacks.sign else { throw Failure.argument("options.signer.sign", "is NULL") }
        guard let key = unsafe callbacks.public_key else {
            throw Failure.argument("options.signer.public_key", "is NULL")
        }
        publicKey = try PublicKey(bytes: unsafe Array(UnsafeBufferPointer(start: key, count: 32)))
        unsafe callback = sign
    }

    func sign(_ message: [UInt8]) throws -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: 64)
        let status = unsafe message.withUnsafeBufferPointer { message in
            unsafe signature.withUnsafeMutableBufferPointer { signature in
                unsafe callback(message.baseAddress, message.count, signature.baseAddress, owner.userData)
            }
        }
        guard isCallbackDone(status) else {
            throw Failure(
                status: AgentIDError.Code.signer.rawValue, name: "signer_failed",
                message: "the callback returned \(status)")
        }
        return signature
    }
}
