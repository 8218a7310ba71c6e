/// The status of a grant.
public enum GrantStatus: Sendable {
    /// Not revoked.
    case active
    /// Revoked.
    case revoked
    /// Not known at present: denies.
    case unknown
}

/// Tells the status of grants from a source outside this library. Asked at every decision, on any thread.
public protocol StatusResolver: Sendable {
    /// The status of the grant with this `jti`.
    func status(ofGrant id: String) -> GrantStatus
}

/// The relation of a subject to a key.
public enum SubjectBinding: Sendable {
    /// The key is the subject's.
    case confirmed
    /// The key is not the subject's.
    case mismatch
    /// Not known at present: denies.
    case unavailable
}

/// Confirms the subjects (`sub`) that foreign issuers name. Asked at every decision, on any thread.
public protocol IdentityResolver: Sendable {
    /// Whether the key of this RFC 7638 thumbprint is the subject's.
    func binding(of subject: String, toKey thumbprint: String) -> SubjectBinding
}
