internal import JOSE
public import StrictJSON

/// The signed receipt that an agent is gone: which, since when, why. Anyone with the trust domain's bundle can verify it.
public struct Tombstone: Sendable {
    /// The token, a compact JWS of `typ` `agentid-tombstone+jwt`.
    public let token: String
    /// The agent's SPIFFE ID.
    public let agent: String
    /// When it ended, in seconds since 1970.
    public let ended: Int64
    /// Why.
    public let reason: String
    /// Everything it says; see `docs/schemas/tombstone.json`.
    public let claims: JSON.Value

    /// Verifies a tombstone, offline.
    ///
    /// - Parameters:
    ///   - token: the tombstone.
    ///   - bundle: the trust domain's bundle, JSON. A domain drops a key from its bundle when the last grant under it has
    ///     expired: to verify a tombstone later than that, keep the bundle with it.
    ///   - trustDomain: whose agent it was.
    public init(verifying token: String, bundle: [UInt8], trustDomain: String) throws {
        var anchors = TrustAnchors()
        let domain = try TrustDomain(trustDomain)
        try anchors.replace(try TrustBundle(parsing: bundle, of: domain), of: domain)
        try self.init(verifying: Array(token.utf8), anchors: anchors)
    }

    init(verifying token: [UInt8], anchors: TrustAnchors) throws(Denial) {
        let anchor: TrustAnchor
        do throws(JOSEError) {
            (anchor, claims) = try anchors.claims(of: token, type: TokenType.tombstone)
        } catch {
            throw Denial("invalid_signature", "the tombstone is not valid: \(error.description)", at: "tombstone")
        }
        guard let agent = claims["sub"]?.string, let id = try? SPIFFEID(agent), id.trustDomain == anchor.domain,
            let ended = claims["ended"]?.int, let reason = claims["reason"]?.string
        else {
            throw Denial("token_malformed", "sub, ended or reason is missing, or of another domain", at: "tombstone")
        }
        (self.agent, self.ended, self.reason) = (agent, Int64(ended), reason)
        self.token = String(decoding: token, as: UTF8.self)
    }

    /// Signs the tombstone of an agent that has ended.
    ///
    /// - Parameter below: how many agents ended with it.
    static func issue(
        for agent: AgentRecord, grants: [GrantRecord], below: Int, trustDomain: TrustDomain, by signer: any Signer,
        milliseconds: Int64
    ) throws(AgentIDError) -> String {
        var payload: JSONTree.Members = [
            "iss": .string(trustDomain.issuer), "sub": .string(agent.id), "iat": .int(Int(milliseconds / 1000)),
            "jti": .string(UUIDv7.make(at: milliseconds)), "ended": .int(Int(agent.ended ?? milliseconds / 1000)),
            "reason": .string(agent.endReason ?? ""), "created": .int(Int(agent.created)),
            "profile": .string(agent.profile), "owner": .string(agent.owner), "principal": .string(agent.principal),
            "task": .string(agent.task), "key": .string(agent.key), "below": .int(below),
            "grants": .array(grants.prefix(Self.mostGrants).map { .string($0.id) }),
        ]
        if let parent = agent.parent { payload["parent"] = .string(parent) }
        return String(
            decoding: try signer.token(
                type: TokenType.tombstone, keyID: signer.keyID, payload: .object(payload)),
            as: UTF8.self)
    }

    /// More than this many grants are not listed: a token stays small.
    private static let mostGrants = 256
}
