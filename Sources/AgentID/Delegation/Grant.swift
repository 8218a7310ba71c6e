internal import JOSE
internal import Scopes
internal import StrictJSON

/// The claims of one grant, read after its signature was verified (AAT section 3.2).
///
/// An object: every decision passes it on, and a copy of all its members would touch a dozen reference counts.
final class Grant: Sendable {
    let id: String
    /// A string, a URI.
    let issuer: JSON.Value
    let issuedAt: Int64
    let expires: Int64
    let depth: Int64
    let maxDepth: Int64
    /// A string.
    let parentHash: JSON.Value?
    let holder: PublicKey
    /// The only entry of type `attenuating_agent_token`; `nil` if there is none.
    let tools: JSON.Value?
    let claim: Claim?
    /// The subject, if an issuer outside this library names one.
    let subject: String?
    /// The guards that this grant, and all below it, may be presented to; `nil` if it names none.
    let audiences: [String]?

    /// Reads the claims that every grant must have: AAT steps 3i-3m and 4b1-4b5, and the form of `aud`.
    init(_ payload: JSON.Value, link: Int) throws(Denial) {
        guard payload.kind == .object else {
            throw Denial("token_malformed", "the payload is not an object", link: link)
        }
        guard let id = payload["jti"]?.string, !id.isEmpty else {
            throw Denial("token_malformed", "jti is not a text", link: link, at: "jti")
        }
        guard id.utf8.count <= AuditBounds.grantID else {
            throw Denial(
                "token_malformed", "jti is longer than \(AuditBounds.grantID) bytes", link: link, at: "jti")
        }
        self.id = id
        holder = try Self.holder(of: payload, link: link)
        tools = try Self.tools(of: payload, link: link)?.detached()
        guard let depth = payload["del_depth"]?.int, depth >= 0 else {
            throw Denial("delegation_depth_invalid", "del_depth is not an integer from 0", link: link, at: "del_depth")
        }
        guard let maxDepth = payload["del_max_depth"]?.int, maxDepth >= 0 else {
            throw Denial(
                "delegation_ceiling_invalid", "del_max_depth is not an integer from 0", link: link, at: "del_max_depth")
        }
        (self.depth, self.maxDepth) = (Int64(depth), Int64(maxDepth))
        guard let issuer = payload["iss"], issuer.withUTF8({ $0.firstIndex(of: UInt8(ascii: ":")) != nil }) else {
            throw Denial("token_malformed", "iss is not a URI", link: link, at: "iss")
        }
        // A chain is kept, so unknown claims are not.
        self.issuer = issuer.detached()
        issuedAt = try Self.date("iat", of: payload, link: link)
        expires = try Self.date("exp", of: payload, link: link)
        if let hash = payload["par_hash"] {
            guard hash.kind == .string else {
                throw Denial("par_hash_mismatch", "par_hash is not text", link: link, at: "par_hash")
            }
            parentHash = hash.detached()
        } else {
            parentHash = nil
        }
        claim = try payload[Claim.name].map { json throws(Denial) in try Claim(parsing: json, link: link) }
        subject = payload["sub"]?.string
        audiences = try payload["aud"].map { value throws(Denial) in try Self.audiences(value, link: link) }
    }

    /// A text, or an array of texts (RFC 7519 section 4.1.3).
    private static func audiences(_ value: JSON.Value, link: Int) throws(Denial) -> [String] {
        if let one = value.string { return [one] }
        var names: [String] = []
        for element in value.elements {
            guard let name = element.string else { break }
            names.append(name)
        }
        guard value.kind == .array, names.count == value.count else {
            throw Denial("token_malformed", "aud is neither a text nor an array of texts", link: link, at: "aud")
        }
        return names
    }

    private static func date(_ name: String, of payload: JSON.Value, link: Int) throws(Denial) -> Int64 {
        guard let value = payload[name]?.int, value >= 0 else {
            throw Denial("token_malformed", "\(name) is not an integer of seconds", link: link, at: name)
        }
        return Int64(value)
    }

    private static func holder(of payload: JSON.Value, link: Int) throws(Denial) -> PublicKey {
        guard let jwk = payload["cnf"]?["jwk"] else {
            throw Denial("holder_key_invalid", "cnf.jwk is missing", link: link, at: "cnf.jwk")
        }
        do throws(JOSEError) {
            return try PublicKey(jwk: jwk)
        } catch {
            let reason = error.name == "private_key_material" ? error.name : "holder_key_invalid"
            throw Denial(reason, error.message, link: link, at: "cnf.jwk")
        }
    }

    /// The `tools` object of the entry of our type (AAT section 3.3); more than one such entry is invalid.
    private static func tools(of payload: JSON.Value, link: Int) throws(Denial) -> JSON.Value? {
        guard let details = payload["authorization_details"], details.kind == .array else {
            throw Denial(
                "authorization_details_invalid", "authorization_details is not an array", link: link,
                at: "authorization_details")
        }
        var found: JSON.Value?
        for entry in details.elements where entry["type"]?.equals("attenuating_agent_token") == true {
            guard found == nil, let tools = entry["tools"], tools.kind == .object else {
                throw Denial(
                    "authorization_details_invalid", "there must be one entry of tools", link: link,
                    at: "authorization_details")
            }
            found = tools
        }
        return found
    }

    /// Whether the issuer is the key of this thumbprint (RFC 9278), as in a derived grant.
    func isIssued(byKey thumbprint: String) -> Bool {
        issuer.withUTF8 { issuer in
            TokenType.thumbprintURI.withUTF8Span { prefix in
                issuer.starts(with: prefix)
                    && thumbprint.withUTF8Span {
                        issuer.extracting(prefix.count..<issuer.count).hasSameBytes(as: $0)
                    }
            }
        }
    }
}
