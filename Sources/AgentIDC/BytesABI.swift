// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_base.h.

public import CAgentID
internal import Glibc
internal import StrictJSON

/// Memory given to a caller; wiped when it is returned.
@safe final class OwnedBytes: Sendable {
    static let table = HandleTable<OwnedBytes>(kind: 2, placing: .byThread)
    // SAFETY: the memory is this object's; the caller may read it until it frees it.
    nonisolated(unsafe) private let memory: UnsafeMutablePointer<UInt8>
    private let count: Int

    private init(_ bytes: Span<UInt8>) {
        count = bytes.count
        unsafe memory = .allocate(capacity: bytes.count + 1)
        for i in bytes.indices { unsafe memory[i] = bytes[i] }
        unsafe memory[bytes.count] = 0
    }

    deinit {
        unsafe explicit_bzero(memory, count)
        unsafe memory.deallocate()
    }

    static func give(_ bytes: Span<UInt8>, to output: UnsafeMutablePointer<agentid_bytes>) throws {
        let owned = OwnedBytes(bytes)
        let handle: UInt64 = table.insert(owned)
        guard handle != 0 else { throw Failure(status: 10, name: "handles", message: "too many bytes not freed") }
        let data = unsafe UnsafeRawPointer(owned.memory).assumingMemoryBound(to: CChar.self)
        unsafe output.pointee = agentid_bytes(data: data, len: bytes.count, owner: handle)
    }
}

/// As `call`, with outputs that are emptied before anything can fail: in a forked child too, and where another one is NULL.
func call(
    _ error: ErrorOut, giving first: BytesOut, _ second: BytesOut = nil, _ body: () throws -> Void
) -> agentid_status {
    unsafe first?.pointee = agentid_bytes()
    unsafe second?.pointee = agentid_bytes()
    return unsafe call(error, body)
}

/// Gives bytes to a caller.
func give(_ output: BytesOut, _ name: String, _ error: ErrorOut, _ bytes: () throws -> [UInt8]) -> agentid_status {
    unsafe call(error, giving: output) {
        let output = unsafe try required(output, name)
        let result = try bytes()
        unsafe try OwnedBytes.give(result.span, to: output)
    }
}

/// As `give`, for an output that may be NULL if the caller does not want it.
func giveIfAsked(_ output: BytesOut, _ error: ErrorOut, _ bytes: () throws -> [UInt8]) -> agentid_status {
    guard unsafe output == nil else { return unsafe give(output, "output", error, bytes) }
    return unsafe call(error) { _ = try bytes() }
}

@c @implementation
public func agentid_bytes_free(_ bytes: UnsafeMutablePointer<agentid_bytes>?) {
    guard let bytes = unsafe bytes else { return }
    if !Process.isForked { _ = OwnedBytes.table.remove(unsafe bytes.pointee.owner) }
    unsafe bytes.pointee = agentid_bytes()
}
