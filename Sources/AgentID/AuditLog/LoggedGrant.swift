package import StrictJSON

/// A grant as recorded in the log: its `jti`, which anybody may use, and the hash of its token.
package struct LoggedGrant: Sendable {
    package let id: String
    package let tokenHash: String
    /// Its agent, if it names one.
    let agent: String?

    /// Reads a link of an entry's `chain`; `nil` if it is not one.
    package init?(_ link: JSON.Value) {
        guard let id = link["jti"]?.string, let hash = link["sha256"]?.string else { return nil }
        (self.id, tokenHash, agent) = (id, hash, link["agent"]?.string)
    }
}
