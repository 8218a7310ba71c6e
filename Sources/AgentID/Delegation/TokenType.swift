/// The `typ` of each token, and the URI prefix of derived issuers.
enum TokenType {
    static let grant = "aat+jwt"
    static let proof = "aat-pop+jwt"
    static let credential = "wit+jwt"
    static let tombstone = "agentid-tombstone+jwt"
    static let revocations = "agentid-revocations+jwt"
    static let approval = "agentid-approval+jwt"
    /// RFC 9278.
    static let thumbprintURI = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:"
}
