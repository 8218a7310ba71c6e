/// Whether decisions are recorded before they are returned, and what happens if they cannot be.
public struct AuditPolicy: Sendable, Hashable {
    /// Whether there is an audit log at all. Only an authority in a directory has one.
    public var isEnabled = true
    /// Whether a call is denied (`audit_unavailable`) if its decision cannot be recorded; otherwise it is counted.
    public var isStrict = true
    /// The way the log is written.
    public var options = AuditOptions()

    /// The default: recorded, synced every 100 ms, denied if that fails.
    public init() {}

    /// No audit log.
    public static var none: AuditPolicy {
        var policy = AuditPolicy()
        policy.isEnabled = false
        return policy
    }
}
