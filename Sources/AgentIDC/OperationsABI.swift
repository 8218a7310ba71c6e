// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/agentid_operations.h.

internal import AgentID
public import CAgentID
internal import StrictJSON

@c @implementation
public func agentid_set_log(
    _ least: agentid_log_level, _ line: agentid_log_line?,
    _ release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?, _ user_data: UnsafeMutableRawPointer?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe call(error) {
        let owner = unsafe CallbackOwner(user_data, release)
        guard let least = LogLine.Level(rawValue: least) else {
            throw Failure.argument("least", "is not an AGENTID_LOG_...")
        }
        guard let line = unsafe line else { return try ProcessLog.deliver(from: least, to: nil) }
        let receiver = unsafe LogReceiver(line, owner)
        try ProcessLog.deliver(from: least) { receiver.receive($0) }
    }
}

/// A caller's function for lines.
@safe private final class LogReceiver: Sendable {
    private let line: agentid_log_line
    private let owner: CallbackOwner

    init(_ line: @escaping agentid_log_line, _ owner: CallbackOwner) {
        unsafe self.line = unsafe line
        self.owner = owner
    }

    func receive(_ given: LogLine) {
        unsafe given.reason.withCString { reason in
            unsafe given.message.withCString { message in
                unsafe line(given.level.rawValue, reason, message, owner.userData)
            }
        }
    }
}

@c @implementation
public func agentid_authority_statistics(
    _ authority: OpaquePointer?, _ statistics: UnsafeMutablePointer<agentid_bytes>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> agentid_status {
    unsafe give(statistics, "statistics", error) {
        try unsafe Authorities.table.find(authority, "authority").statistics().canonical()
    }
}
