internal import JOSE

/// The keys of a trust domain, as a SPIFFE bundle (SPIFFE Trust Domain and Bundle, section 4): a JWKS with a sequence.
struct TrustBundle: Sendable {
    var sequence: Int
    var refreshHint = 60
    /// Keys by their `kid`.
    var keys: [String: PublicKey]

    init(sequence: Int, keys: [PublicKey]) {
        self.sequence = sequence
        self.keys = Dictionary(keys.map { ($0.thumbprint, $0) }) { first, _ in first }
    }

    /// Reads a bundle. Keys of types that are not ours are passed over; two keys with one `kid` are refused.
    init(parsing bytes: [UInt8]) throws(AgentIDError) {
        let root: JSON.Value
        do { root = try JSON(parsing: bytes, limits: .init(bytes: 1 << 18, depth: 16)).root } catch {
            throw AgentIDError(error, at: "bundle")
        }
        guard let list = root["keys"], list.kind == .array else {
            throw AgentIDError(.malformed, name: "bundle", message: "a bundle has an array of keys", at: "bundle.keys")
        }
        sequence = root["spiffe_sequence"]?.int ?? 0
        refreshHint = root["spiffe_refresh_hint"]?.int ?? 60
        keys = [:]
        for (i, jwk) in list.elements.enumerated() where jwk["kty"]?.equals("OKP") == true {
            guard let kid = jwk["kid"]?.string, !kid.isEmpty else {
                throw AgentIDError(.malformed, name: "bundle", message: "a key has no kid", at: "bundle.keys[\(i)].kid")
            }
            let key: PublicKey
            do throws(JOSEError) { key = try PublicKey(jwk: jwk) } catch {
                throw AgentIDError(error, at: "bundle.keys[\(i)]")
            }
            guard keys.updateValue(key, forKey: kid) == nil else {
                throw AgentIDError(
                    .malformed, name: "bundle", message: "two keys have one kid", at: "bundle.keys[\(i)].kid")
            }
        }
        guard !keys.isEmpty else {
            throw AgentIDError(.malformed, name: "bundle", message: "the bundle has no Ed25519 key", at: "bundle.keys")
        }
    }

    var tree: JSONTree {
        [
            "spiffe_sequence": .int(sequence), "spiffe_refresh_hint": .int(refreshHint),
            "keys": .array(
                keys.sorted { $0.key < $1.key }.map { kid, key in
                    [
                        "kty": "OKP", "crv": "Ed25519", "x": .string(Base64URL.encode(key.bytes)), "kid": .string(kid),
                        "use": "wit-svid", "alg": "EdDSA",
                    ]
                }),
        ]
    }
}
