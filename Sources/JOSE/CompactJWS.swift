public import StrictJSON

/// A JWS in compact form (RFC 7515 section 7.1), parsed but not verified: Ed25519 (RFC 9864) and nothing else.
///
/// Reading checks the form and the header. The payload is decoded only on request: ask after ``isSigned(by:)`` has
/// returned `true`.
public struct CompactJWS: Sendable {
    /// The token, as received.
    public let bytes: [UInt8]
    /// The header's `kid`, if present.
    public let keyID: String?
    /// The header's `typ`, if present.
    public let type: String?
    /// Whether the header carries a key or says where to find one (`jwk`, `jku`, `x5c`, `x5u`). Such keys are never
    /// used.
    package let bringsKey: Bool
    private let headerEnd: Int
    private let payloadEnd: Int
    private let signature: [UInt8]

    /// Reads a token.
    ///
    /// Unknown members of the header are ignored, except `crit`: its extensions would have to be understood (section
    /// 4.1.11), and none is.
    ///
    /// - Throws: ``JOSEError`` named `jws` (form), `header` (not JSON, wrong members), `algorithm_superseded` (`alg`
    ///   is `EdDSA`), `algorithm_not_permitted` (it is anything else but `Ed25519`), `signature` (not 64 bytes of
    ///   base64url), `base64url`.
    public init(_ bytes: [UInt8]) throws(JOSEError) {
        let span = bytes.span
        var dots: (first: Int, second: Int)?
        if let first = span.firstIndex(of: UInt8(ascii: ".")),
            let second = span.firstIndex(of: UInt8(ascii: "."), from: first + 1)
        {
            if let third = span.firstIndex(of: UInt8(ascii: "."), from: second + 1) {
                throw JOSEError("jws", "a compact JWS has two dots, this has more", at: third)
            }
            dots = (first, second)
        }
        guard let dots else { throw JOSEError("jws", "a compact JWS has two dots, this has fewer", at: span.count) }
        (headerEnd, payloadEnd) = dots
        let header = try Header.read(span.extracting(0..<dots.first))
        (keyID, type, bringsKey) = (header.keyID, header.type, header.bringsKey)
        do throws(JOSEError) {
            signature = try Base64URL.decode(span.extracting(dots.second + 1..<span.count))
        } catch {
            throw JOSEError("signature", error.message, at: error.position.map { $0 + dots.second + 1 })
        }
        guard signature.count == 64 else {
            throw JOSEError(
                "signature", "an Ed25519 signature has 64 bytes, this has \(signature.count)", at: dots.second + 1)
        }
        self.bytes = bytes
    }

    /// Whether `key` made the signature.
    public func isSigned(by key: PublicKey) -> Bool {
        key.verifies(signature.span, of: bytes.span.extracting(0..<payloadEnd))
    }

    /// The SHA-256 of the signing input, base64url. A derived grant's `par_hash` is this value of its parent; a proof's
    /// `aat_hash` is this value of its leaf. Computed at each call.
    public var signingInputHash: String { Base64URL.encode(Sodium.sha256(bytes.span.extracting(0..<payloadEnd))) }

    /// Decodes the payload without parsing it.
    public func payloadBytes() throws(JOSEError) -> [UInt8] {
        try Base64URL.decode(bytes.span.extracting(headerEnd + 1..<payloadEnd))
    }

    /// Decodes and parses the payload. Numbers that double precision does not keep are admitted: they may stand in
    /// claims that mean nothing to us.
    public func payload(limits: JSON.Limits = JSON.Limits()) throws(JOSEError) -> JSON {
        let decoded = try payloadBytes()
        var limits = limits
        limits.admitsInexactNumbers = true
        do throws(JSON.ParseError) {
            return try JSON(parsing: decoded, limits: limits)
        } catch {
            throw JOSEError("payload", "the payload is not JSON: \(error.rule)", at: error.position)
        }
    }

    /// The decoded header.
    public func header() throws(JOSEError) -> JSON {
        try Header.json(bytes.span.extracting(0..<headerEnd))
    }

    /// Signs a payload and returns the token.
    ///
    /// `sign` receives the signing input; `keyID` and `type` go into the header next to `alg` Ed25519.
    public static func make<E: Error>(
        type: String, keyID: String? = nil, payload: [UInt8], sign: (Span<UInt8>) throws(E) -> [UInt8]
    ) throws(E) -> [UInt8] {
        var header = Array(#"{"alg":"Ed25519""#.utf8)
        if let keyID {
            header.append(contentsOf: #","kid":"#.utf8)
            JCS.appendString(keyID, to: &header)
        }
        header.append(contentsOf: #","typ":"#.utf8)
        JCS.appendString(type, to: &header)
        header.append(UInt8(ascii: "}"))
        var token: [UInt8] = []
        token.reserveCapacity((header.count + payload.count + 64) * 4 / 3 + 8)
        Base64URL.append(header.span, to: &token)
        token.append(UInt8(ascii: "."))
        Base64URL.append(payload.span, to: &token)
        let signature = try sign(token.span)
        token.append(UInt8(ascii: "."))
        Base64URL.append(signature.span, to: &token)
        return token
    }
}

extension CompactJWS {
    /// The header members that are used.
    private struct Header {
        var keyID: String?
        var type: String?
        var bringsKey = false

        /// Headers without `kid` as this library writes them, with their `typ`.
        private static let known: [(text: [UInt8], type: String)] = ["aat+jwt", "aat-pop+jwt"].map {
            (Array(Base64URL.encode(Array(#"{"alg":"Ed25519","typ":"\#($0)"}"#.utf8)).utf8), $0)
        }

        /// In base64url. A chain of certificates, which is ignored, takes 7 kB.
        private static let longest = 16_384

        static func json(_ encoded: Span<UInt8>) throws(JOSEError) -> JSON {
            guard encoded.count <= longest else {
                throw JOSEError("header", "the header is longer than \(longest) bytes", at: longest)
            }
            let decoded = try Base64URL.decode(encoded)
            var limits = JSON.Limits(bytes: longest)
            limits.admitsInexactNumbers = true
            do throws(JSON.ParseError) {
                return try JSON(parsing: decoded, limits: limits)
            } catch {
                throw JOSEError("header", "the header is not JSON: \(error.rule)", at: error.position)
            }
        }

        static func read(_ encoded: Span<UInt8>) throws(JOSEError) -> Header {
            for (text, type) in known where text.span.hasSameBytes(as: encoded) {
                return Header(keyID: nil, type: type)
            }
            let root = try json(encoded).root
            guard root.kind == .object else { throw JOSEError("header", "the header is not a JSON object", at: 0) }
            guard let algorithm = root["alg"], algorithm.equals("Ed25519") else { throw refusal(of: root["alg"]) }
            if let critical = root["crit"] {
                throw JOSEError(
                    "header", "a header with crit is not accepted: nothing that it may list is understood here",
                    at: critical.position)
            }
            let bringsKey = ["jku", "jwk", "x5u", "x5c"].contains { root[$0] != nil }
            return Header(
                keyID: try text("kid", of: root), type: try text("typ", of: root), bringsKey: bringsKey)
        }

        private static func refusal(of algorithm: JSON.Value?) -> JOSEError {
            guard let algorithm else {
                return JOSEError("algorithm_not_permitted", "the header has no alg: it must be Ed25519")
            }
            if algorithm.equals("EdDSA") {
                return JOSEError(
                    "algorithm_superseded", "alg is EdDSA, which RFC 9864 replaces: it must be Ed25519",
                    at: algorithm.position)
            }
            return JOSEError("algorithm_not_permitted", "alg must be Ed25519", at: algorithm.position)
        }

        private static func text(_ name: String, of root: JSON.Value) throws(JOSEError) -> String? {
            guard let member = root[name] else { return nil }
            guard let text = member.string else {
                throw JOSEError("header", "the header's \(name) is not a string", at: member.position)
            }
            return text
        }
    }
}
