package import StrictJSON

/// A grant as an entry of the log has it: by its `jti`, which anybody may use, and by the hash of its token.
package struct LoggedGrant: Sendable {
    package let id: String
    package let tokenHash: String
    /// Its agent, where it names one.
    let agent: String?

    /// A link of an entry's `chain`; `nil` where it is none.
    package init?(_ link: JSON.Value) {
        guard let id = link["jti"]?.string, let hash = link["sha256"]?.string else { return nil }
        (self.id, tokenHash, agent) = (id, hash, link["agent"]?.string)
    }
}
