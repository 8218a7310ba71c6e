internal import AgentID
internal import CAgentID
internal import StrictJSON

/// A client's input to a decision. Nothing in it is a reason not to decide: input that cannot be read is denied.
///
/// Refused are only mistakes of the caller itself: NULL for something required, a length below 0.
struct CallInput {
    private(set) var fault: CallFault?
    /// The bytes that are read of a tool's name which is too long for any: more than an entry of the log has of it. The
    /// length may be garbage.
    private static let beginningOfTool = 1024

    mutating func bytes(_ data: UnsafePointer<CChar>?, _ length: Int, _ part: CallFault.Part) throws -> [UInt8] {
        guard length <= longestInput else {
            _ = unsafe try needed(unsafe data, part.rawValue)
            fault = fault ?? .tooLong(part, length)
            return []
        }
        return try unsafe input(data, length, part.rawValue)
    }

    mutating func tool(_ data: UnsafePointer<CChar>?, _ length: Int) throws -> String {
        guard length <= longestInput else {
            let data = unsafe try needed(unsafe data, "tool")
            fault = fault ?? .tooLong(.tool, length)
            let start = unsafe UnsafeRawBufferPointer(start: data, count: Self.beginningOfTool)
            return unsafe String(decoding: start, as: UTF8.self)
        }
        let (tool, position) = try unsafe decoded(data, length, "tool")
        if let position { fault = fault ?? .notText(.tool, at: position) }
        return tool
    }

    mutating func bytes(terminated data: UnsafePointer<CChar>?, _ part: CallFault.Part) throws -> [UInt8] {
        let data = unsafe try needed(data, part.rawValue)
        return try unsafe bytes(data, length(of: data), part)
    }

    mutating func tool(terminated data: UnsafePointer<CChar>?) throws -> String {
        let data = unsafe try needed(data, "tool")
        return try unsafe tool(data, length(of: data))
    }
}
