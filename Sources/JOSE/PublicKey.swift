public import StrictJSON

/// An Ed25519 public key: 32 bytes, a JWK of type OKP (RFC 8037), named by its thumbprint (RFC 7638).
public struct PublicKey: Hashable, Sendable {
    /// The key as RFC 8032 encodes it.
    public let bytes: [UInt8]

    /// A key of exactly 32 bytes. Verifying a signature shows whether they are a point of the curve.
    public init(bytes: [UInt8]) throws(JOSEError) {
        guard bytes.count == 32 else { throw JOSEError("key_length", "an Ed25519 public key has 32 bytes") }
        self.bytes = bytes
    }

    /// Reads a JWK: `kty` OKP, `crv` Ed25519, `x`; an `alg`, if present, must be EdDSA or Ed25519, and a `use` or `key_ops`
    /// for verifying signatures.
    ///
    /// Refuses private members of any key type, so that a leaked private key is never taken for a public one.
    public init(jwk: JSON.Value) throws(JOSEError) {
        guard jwk.kind == .object else { throw JOSEError("jwk", "a JWK is a JSON object", at: jwk.position) }
        for member in jwk.members where member.name.withUTF8({ Self.isPrivate($0) }) {
            throw JOSEError(
                "private_key_material", "a public key was expected, this JWK has private members",
                at: member.name.position)
        }
        guard jwk["kty"]?.equals("OKP") == true, jwk["crv"]?.equals("Ed25519") == true else {
            throw JOSEError("key_type", "only keys with kty OKP and crv Ed25519 are accepted", at: jwk.position)
        }
        if let algorithm = jwk["alg"], !algorithm.equals("EdDSA"), !algorithm.equals("Ed25519") {
            throw JOSEError("key_algorithm", "the key is for another algorithm than Ed25519", at: algorithm.position)
        }
        if let use = jwk["use"], !use.equals("sig"), !use.equals("jwt-svid"), !use.equals("wit-svid") {
            throw JOSEError("key_use", "the key is not for signatures", at: use.position)
        }
        if let operations = jwk["key_ops"], !operations.elements.contains(where: { $0.equals("verify") }) {
            throw JOSEError(
                "key_use", "the key is not for verifying signatures: key_ops lacks verify", at: operations.position)
        }
        guard let x = jwk["x"], x.kind == .string else { throw JOSEError("jwk", "the JWK has no x", at: jwk.position) }
        let decoded: Result<[UInt8], JOSEError> = x.withUTF8 { text in
            do throws(JOSEError) { return .success(try Base64URL.decode(text)) } catch { return .failure(error) }
        }
        try self.init(bytes: decoded.get())
    }

    /// Every private member of RFC 7518 section 6 and RFC 8037.
    private static func isPrivate(_ name: Span<UInt8>) -> Bool {
        guard (1...3).contains(name.count) else { return false }
        var letters: UInt32 = 0
        for i in name.indices { letters = letters << 8 | UInt32(name[i]) }
        return privateMembers.contains(letters)
    }

    private static let privateMembers: [UInt32] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].map {
        $0.utf8.reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The key as a JWK.
    public var jwk: JSONTree { ["crv": "Ed25519", "kty": "OKP", "x": .string(Base64URL.encode(bytes))] }

    /// The SHA-256 thumbprint of the JWK, base64url (RFC 7638, RFC 8037 appendix A.3).
    public var thumbprint: String {
        var members: [UInt8] = []
        members.reserveCapacity(96)
        members.append(contentsOf: #"{"crv":"Ed25519","kty":"OKP","x":""#.utf8)
        Base64URL.append(bytes.span, to: &members)
        members.append(contentsOf: #""}"#.utf8)
        return Base64URL.encode(Sodium.sha256(members.span))
    }

    /// Whether a signature can verify under it: a point of the curve's main subgroup, canonical, not of small order.
    package var isUsable: Bool { Sodium.isPoint(bytes.span) }

    /// Whether `signature` is this key's over `message`: strict Ed25519, see SECURITY.md.
    public func verifies(_ signature: Span<UInt8>, of message: Span<UInt8>) -> Bool {
        Sodium.verify(signature, of: message, by: bytes.span)
    }
}
