internal import JOSE
internal import StrictJSON

/// The keys of a trust domain, as a SPIFFE bundle (SPIFFE Trust Domain and Bundle, section 4): a JWKS with a sequence.
///
/// Three members limit a key's validity, in seconds since 1970: `exp` and `revoked` with its `revoked_at`, as OpenID
/// Federation 1.0, section 8.7, names them, and our own `retired_at`, after which its authority signed nothing more
/// with it. Other readers ignore them, and bundles without them are read as before.
struct TrustBundle: Sendable {
    var sequence: Int
    var refreshHint = 60
    /// In the order of their thumbprints, each key once.
    private(set) var anchors: [TrustAnchor]

    init(sequence: Int, anchors: [TrustAnchor]) {
        self.sequence = sequence
        self.anchors = anchors.inOrder { $0.thumbprint.exact < $1.thumbprint.exact }
    }

    /// Reads a bundle. Keys of other types, and those of certificates, are skipped; two keys with one `kid` are refused.
    init(parsing bytes: [UInt8], of domain: TrustDomain) throws(AgentIDError) {
        func refuse(_ what: String, _ place: String) -> AgentIDError {
            AgentIDError(.malformed, name: "bundle", message: what, at: "bundle.\(place)")
        }
        let root: JSON.Value
        do { root = try JSON(parsing: bytes, limits: .init(bytes: 1 << 18, depth: 16)).root } catch {
            throw AgentIDError(error, at: "bundle")
        }
        guard let list = root["keys"], list.kind == .array else {
            throw refuse("a bundle has an array of keys", "keys")
        }
        guard list.count <= Self.mostKeys else { throw refuse("a bundle has at most \(Self.mostKeys) keys", "keys") }
        var anchors: [TrustAnchor] = []
        var seen: Set<ExactText> = []
        for (i, jwk) in list.elements.enumerated() where jwk["kty"]?.equals("OKP") == true {
            // SPIFFE: such a key signs certificates, and none of what is verified here.
            if jwk["use"]?.equals("x509-svid") == true { continue }
            guard let kid = jwk["kid"]?.string, !kid.isEmpty else { throw refuse("a key has no kid", "keys[\(i)].kid") }
            let key: PublicKey
            do throws(JOSEError) { key = try PublicKey(jwk: jwk) } catch {
                throw AgentIDError(error, at: "bundle.keys[\(i)]")
            }
            guard kid.isSame(as: key.thumbprint) else {
                throw refuse(
                    "kid is not the key's thumbprint (RFC 7638), \(key.thumbprint): write that", "keys[\(i)].kid")
            }
            guard seen.insert(kid.exact).inserted else { throw refuse("two keys have one kid", "keys[\(i)].kid") }
            func time(_ name: String) throws(AgentIDError) -> Int64? {
                guard let value = jwk[name] else { return nil }
                guard let seconds = value.int, seconds >= 0 else {
                    throw refuse("\(name) is not a number of seconds", "keys[\(i)].\(name)")
                }
                return Int64(seconds)
            }
            var revokedAt: Int64?
            if let revoked = jwk["revoked"] {
                guard let seconds = revoked["revoked_at"]?.int else {
                    throw refuse("revoked.revoked_at is not a number of seconds", "keys[\(i)].revoked")
                }
                revokedAt = Int64(seconds)
            }
            anchors.append(
                TrustAnchor(
                    key, of: domain, retiredAt: try time("retired_at"), endsAt: try time("exp"), revokedAt: revokedAt))
        }
        guard !anchors.isEmpty else { throw refuse("the bundle has no Ed25519 key", "keys") }
        func number(_ name: String, else absent: Int) throws(AgentIDError) -> Int {
            guard let value = root[name] else { return absent }
            // Read as none, a sequence would let every older bundle in after this one.
            guard let number = value.int, number >= 0 else {
                throw refuse("\(name) is not a whole number from 0", name)
            }
            return number
        }
        self.init(sequence: try number("spiffe_sequence", else: 0), anchors: anchors)
        refreshHint = try number("spiffe_refresh_hint", else: 60)
    }

    /// The most keys of a bundle, more than any rotation needs: each is looked at for every chain without a `kid`.
    private static let mostKeys = 64

    /// Marks the keys that are revoked and not marked yet; `now` in seconds since 1970.
    mutating func revoke(at now: Int64, where isRevoked: (String) -> Bool) {
        for i in anchors.indices where anchors[i].revokedAt == nil && isRevoked(anchors[i].thumbprint) {
            anchors[i].revokedAt = now
        }
    }

    /// The bundle as a document, without the keys that have ended by a time, in seconds since 1970.
    func tree(at now: Int64) -> JSONTree {
        [
            "spiffe_sequence": .int(sequence), "spiffe_refresh_hint": .int(refreshHint),
            "keys": .array(
                anchors.filter { $0.endsAt ?? .max > now }.map { anchor in
                    var members: JSONTree.Members = [
                        "kty": "OKP", "crv": "Ed25519", "x": .string(Base64URL.encode(anchor.key.bytes)),
                        "kid": .string(anchor.thumbprint), "use": "wit-svid", "alg": "EdDSA",
                    ]
                    if let ends = anchor.endsAt { members["exp"] = .int(Int(ends)) }
                    if let retired = anchor.retiredAt { members["retired_at"] = .int(Int(retired)) }
                    if let revoked = anchor.revokedAt { members["revoked"] = ["revoked_at": .int(Int(revoked))] }
                    return .object(members)
                }),
        ]
    }
}
