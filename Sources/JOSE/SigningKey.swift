internal import StrictJSON

/// An Ed25519 private key in guarded memory. It cannot be copied; it is wiped when its last owner releases it.
///
/// Safe to use from any thread. In a forked child its memory reads as zeroes.
public final class SigningKey: Sendable {
    /// The matching public key.
    public let publicKey: PublicKey
    /// The public key's thumbprint (RFC 7638).
    package let thumbprint: String
    private let secret: GuardedBytes

    private init(seed: GuardedBytes?) throws(JOSEError) {
        guard let secret = GuardedBytes(count: 64), let bytes = Sodium.keyPair(seed: seed, into: secret) else {
            throw JOSEError("guarded_memory", "no guarded memory or no entropy for a key")
        }
        self.secret = secret
        publicKey = try PublicKey(bytes: bytes)
        thumbprint = publicKey.thumbprint
    }

    /// A new key.
    public static func generate() throws(JOSEError) -> SigningKey { try SigningKey(seed: nil) }

    /// A key from its 32-byte seed.
    package convenience init(guardedSeed: GuardedBytes) throws(JOSEError) {
        guard guardedSeed.count == 32 else { throw JOSEError("key_length", "an Ed25519 seed has 32 bytes") }
        try self.init(seed: guardedSeed)
    }

    /// Reads a private JWK: `kty` OKP, `crv` Ed25519, `d`; an `x`, if present, must belong to it.
    ///
    /// `d` goes straight into guarded memory. The caller wipes `jwk` afterwards.
    public convenience init(jwk: Span<UInt8>) throws(JOSEError) {
        // Parsed by hand: a JSON document would keep a copy of the secret. Accepts only the flat form that is written
        // below and that every JOSE library writes: an object of strings without escapes.
        let members = try FlatObject(jwk)
        guard members.equals("kty", "OKP", in: jwk), members.equals("crv", "Ed25519", in: jwk) else {
            throw JOSEError("key_type", "a private key with kty OKP and crv Ed25519 was expected")
        }
        guard let d = members["d", in: jwk] else { throw JOSEError("jwk", "the JWK has no d: it is not a private key") }
        guard let seed = try Sodium.decode(jwk.extracting(d), count: 32) else {
            throw JOSEError("jwk", "the JWK's d is not 32 bytes of base64url", at: d.lowerBound)
        }
        try self.init(seed: seed)
        if let x = members["x", in: jwk] {
            guard try Base64URL.decode(jwk.extracting(x)) == publicKey.bytes else {
                throw JOSEError("jwk", "the JWK's x does not belong to its d", at: x.lowerBound)
            }
        }
    }

    /// Signs a message (RFC 8032). Returns 64 bytes.
    public func sign(_ message: Span<UInt8>) -> [UInt8] { Sodium.sign(message, with: secret) }

    /// Calls `body` with the private JWK, in guarded memory that is wiped afterwards.
    public func withExportedJWK<Result>(_ body: (Span<UInt8>) -> Result) throws(JOSEError) -> Result {
        let head = Array(#"{"crv":"Ed25519","d":""#.utf8)
        let tail = Array(#"","kty":"OKP","x":"\#(Base64URL.encode(publicKey.bytes))"}"#.utf8)
        guard let text = Sodium.encode(secret, count: 32),
            let jwk = GuardedBytes(count: head.count + 43 + tail.count)
        else { throw .noMemory("the exported key") }
        unsafe jwk.withUnsafeMutableBytes { output in
            unsafe text.withUnsafeBytes { text in
                for (i, byte) in head.enumerated() { unsafe output[i] = byte }
                for i in 0..<43 { unsafe output[head.count + i] = text[i] }
                for (i, byte) in tail.enumerated() { unsafe output[head.count + 43 + i] = byte }
            }
        }
        return jwk.withSpan(body)
    }

    /// Calls `body` with the 32-byte seed in guarded memory, for encryption at rest.
    package func withSeed<Result>(_ body: (GuardedBytes) -> Result) throws(JOSEError) -> Result {
        guard let seed = GuardedBytes(count: 32) else {
            throw .noMemory("the seed")
        }
        unsafe seed.withUnsafeMutableBytes { output in
            unsafe secret.withUnsafeBytes { secret in
                for i in 0..<32 { unsafe output[i] = secret[i] }
            }
        }
        return body(seed)
    }
}

/// A JSON object of unescaped strings, read in place: for private keys, of which nothing may be copied.
private struct FlatObject {
    private var members: [(name: Range<Int>, value: Range<Int>)] = []

    init(_ text: Span<UInt8>) throws(JOSEError) {
        guard text.count <= 4096 else { throw JOSEError("jwk", "the JWK is longer than 4096 bytes", at: 4096) }
        var position = 0
        try Self.expect(UInt8(ascii: "{"), text, &position)
        while true {
            let name = try Self.string(text, &position)
            for member in members
            where text.extracting(member.name).hasSameBytes(as: text.extracting(name)) {
                throw JOSEError("jwk", "the JWK has the same name twice", at: name.lowerBound)
            }
            try Self.expect(UInt8(ascii: ":"), text, &position)
            members.append((name, try Self.string(text, &position)))
            guard members.count <= 16 else { throw JOSEError("jwk", "the JWK has more than 16 members", at: position) }
            Self.skipWhitespace(text, &position)
            guard position < text.count, text[position] == UInt8(ascii: ",") else { break }
            position += 1
        }
        try Self.expect(UInt8(ascii: "}"), text, &position)
        Self.skipWhitespace(text, &position)
        guard position == text.count else { throw JOSEError("jwk", "something stands after the JWK", at: position) }
    }

    subscript(name: String, in text: Span<UInt8>) -> Range<Int>? {
        let name = Array(name.utf8)
        for member in members where text.extracting(member.name).hasSameBytes(as: name.span) { return member.value }
        return nil
    }

    func equals(_ name: String, _ value: String, in text: Span<UInt8>) -> Bool {
        guard let range = self[name, in: text] else { return false }
        let value = Array(value.utf8)
        return text.extracting(range).hasSameBytes(as: value.span)
    }

    private static func skipWhitespace(_ text: Span<UInt8>, _ position: inout Int) {
        while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
    }

    private static func expect(_ byte: UInt8, _ text: Span<UInt8>, _ position: inout Int) throws(JOSEError) {
        skipWhitespace(text, &position)
        guard position < text.count, text[position] == byte else {
            throw JOSEError(
                "jwk", "a private JWK, what is in its file, is a JSON object of plain strings", at: position)
        }
        position += 1
    }

    private static func string(_ text: Span<UInt8>, _ position: inout Int) throws(JOSEError) -> Range<Int> {
        try expect(UInt8(ascii: "\""), text, &position)
        let start = position
        while position < text.count, text[position] != UInt8(ascii: "\"") {
            guard (0x20..<0x7F).contains(text[position]), text[position] != UInt8(ascii: "\\") else {
                throw JOSEError(
                    "jwk", "a private JWK, what is in its file, is a JSON object of plain strings", at: position)
            }
            position += 1
        }
        let range = start..<position
        try expect(UInt8(ascii: "\""), text, &position)
        return range
    }
}
