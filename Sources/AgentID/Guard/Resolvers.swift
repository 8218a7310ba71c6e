/// What is known of a grant's status.
public enum GrantStatus: Sendable {
    /// Not revoked.
    case active
    /// Revoked.
    case revoked
    /// Not known just now: denies.
    case unknown
}

/// Tells the status of grants from a source outside this library. Asked at every decision, on any thread.
public protocol StatusResolver: Sendable {
    /// The status of the grant with this `jti`.
    func status(ofGrant id: String) -> GrantStatus
}

/// Whether a subject is who holds a key.
public enum SubjectBinding: Sendable {
    /// The key is the subject's.
    case confirmed
    /// It is not.
    case mismatch
    /// Not known just now: denies.
    case unavailable
}

/// Confirms the subjects (`sub`) that foreign issuers name. Asked at every decision, on any thread.
public protocol IdentityResolver: Sendable {
    /// Whether the key of this RFC 7638 thumbprint is the subject's.
    func binding(of subject: String, toKey thumbprint: String) -> SubjectBinding
}
