internal import JOSE
internal import Scopes
internal import StrictJSON

/// A grant that was just signed here, with the chain up to it.
struct SignedGrant: Sendable {
    /// As it is sent.
    let chain: [UInt8]
    let grant: GrantTerms
    let scope: Scope

    /// Signs a root grant.
    init(_ grant: GrantTerms, _ scope: Scope, of trustDomain: TrustDomain, by signer: any Signer) throws(AgentIDError) {
        try self.init(
            grant, scope, below: nil, ["iss": .string(trustDomain.issuer)], keyID: signer.keyID, by: signer)
    }

    /// Signs a grant below another one, with the key that holds that.
    init(_ grant: GrantTerms, _ scope: Scope, below parent: HeldGrant, by key: SigningKey) throws(AgentIDError) {
        try self.init(
            grant, scope, below: parent,
            ["iss": .string(TokenType.thumbprintURI + key.thumbprint), "par_hash": .string(parent.signingInputHash)],
            keyID: nil, by: key)
    }

    private init(
        _ grant: GrantTerms, _ scope: Scope, below parent: HeldGrant?, _ members: JSONTree.Members, keyID: String?,
        by signer: any Signer
    ) throws(AgentIDError) {
        var payload = grant.members.merging(members)
        payload["authorization_details"] = [["type": "attenuating_agent_token", "tools": scope.tree]]
        let token = try signer.token(type: TokenType.grant, keyID: keyID, payload: .object(payload))
        let above = parent.map { $0.chain + [UInt8(ascii: "~")] } ?? []
        guard token.count <= Limits.tokenSize, above.count + token.count <= Limits.chainSize else {
            throw AgentIDError(
                .limit, name: "token_too_large",
                message: parent == nil
                    ? "the grant would be longer than 64 KiB" : "the chain would be longer than its limit",
                at: "options.scope")
        }
        chain = above.isEmpty ? token : above + token
        (self.grant, self.scope) = (grant, scope)
        // Nothing is handed on, or registered, that its holder could not use: what is long or nested may be beyond a limit
        // of whoever reads it.
        if token.count > Self.longestPlain || !scope.isPlain { _ = try HeldGrant(reading: chain, of: "options") }
    }

    /// No limit but those of a scope is met by what is shorter.
    private static let longestPlain = 8192

    /// The grant in its holder's hands.
    var held: HeldGrant { HeldGrant(self) }
}

extension Signer {
    /// The `kid` of its key.
    var keyID: String { (self as? SigningKey)?.thumbprint ?? publicKey.thumbprint }
}
