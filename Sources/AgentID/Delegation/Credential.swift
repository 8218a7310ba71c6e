internal import JOSE
internal import StrictJSON

/// The statement that a key is an agent's: a WIMSE workload identity token (draft-ietf-wimse-workload-creds-02).
struct Credential: Sendable {
    let subject: String
    let key: PublicKey
    /// When it was signed and until when it is good, in seconds since 1970.
    let issuedAt: Int64
    let expires: Int64
    /// Whose key signed it.
    let anchor: TrustAnchor

    /// Verifies one credential under the keys a guard trusts; the subject must belong to the signing key's domain.
    init(verifying token: [UInt8], anchors: TrustAnchors, now: Int64) throws(Denial) {
        var notBefore = Int64.min
        do throws(JOSEError) {
            let (anchor, claims) = try anchors.claims(of: token, type: TokenType.credential)
            guard let subject = claims["sub"]?.string, let id = try? SPIFFEID(subject), id.trustDomain == anchor.domain,
                let jwk = claims["cnf"]?["jwk"], let expires = claims["exp"]?.int, let issuedAt = claims["iat"]?.int
            else { throw JOSEError("claims", "sub, iat, exp or cnf.jwk is missing or of another trust domain") }
            (self.subject, self.key) = (subject, try PublicKey(jwk: jwk))
            (self.issuedAt, self.expires, self.anchor) = (Int64(issuedAt), Int64(expires), anchor)
            if let begins = claims["nbf"] {  // RFC 7519, 4.1.5
                guard let begins = begins.int else { throw JOSEError("claims", "nbf is not a whole number of seconds") }
                notBefore = Int64(begins)
            }
        } catch {
            throw Denial(
                "subject_identity_mismatch", "a credential is not valid: \(error.description)", at: "credentials")
        }
        let denial = anchor.denial(
            ofStatementFrom: issuedAt, at: now, as: "subject_identity_mismatch", link: nil, place: "credentials")
        if let denial { throw denial }
        guard max(issuedAt, notBefore) <= now + Limits.issuedAtSkew else {
            throw Denial("not_yet_valid", "a credential is dated in the future", at: "credentials")
        }
        guard expires > now else { throw Denial("expired", "a credential has expired", at: "credentials") }
    }

    /// Issues a credential.
    static func issue(
        to key: PublicKey, agent: SPIFFEID, by signer: any Signer, at now: Int64, milliseconds: Int64, lifetime: Int64
    ) throws(AgentIDError) -> String {
        let payload: JSONTree = [
            "iss": .string(agent.trustDomain.issuer), "sub": .string(agent.description), "iat": .int(Int(now)),
            "exp": .int(Int(now + lifetime)), "jti": .string(UUIDv7.make(at: milliseconds)),
            "cnf": [
                "jwk": ["kty": "OKP", "crv": "Ed25519", "x": .string(Base64URL.encode(key.bytes)), "alg": "EdDSA"]
            ],
        ]
        return String(
            decoding: try signer.token(
                type: TokenType.credential, keyID: signer.keyID, payload: payload),
            as: UTF8.self)
    }
}
