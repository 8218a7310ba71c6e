/// Whether decisions are written down before they are returned, and what happens where they cannot be.
public struct AuditPolicy: Sendable, Hashable {
    /// Whether there is an audit log at all. Only what lives in a directory has one.
    public var isEnabled = true
    /// Whether a call whose decision cannot be written down is denied (`audit_unavailable`); otherwise it is counted.
    public var isStrict = true
    /// How the log is written.
    public var options = AuditOptions()

    /// The default: written down, synced every 100 ms, denied where it cannot be.
    public init() {}

    /// No audit log.
    public static var none: AuditPolicy {
        var policy = AuditPolicy()
        policy.isEnabled = false
        return policy
    }
}
