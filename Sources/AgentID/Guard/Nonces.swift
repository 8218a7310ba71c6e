internal import JOSE
internal import StrictJSON

/// The nonces of one enforcement point: a proof that carries one was made for it, and after it was issued (AAT 7.2, 9.5).
package protocol Nonces: Sendable {
    /// A new nonce, good from now on. `now` in milliseconds since 1970.
    func issue(at now: Int64) throws(AgentIDError) -> String
    /// Whether this was issued here, and is not too old. The replay memory makes sure that it is used once.
    func accept(_ nonce: Span<UInt8>, at now: Int64) -> Bool
}

/// Nonces that nobody has to remember: the time, 80 random bits and a keyed hash of both and of the guard's name.
///
/// Guards that share a replay memory and a name are one enforcement point: the key is that memory's, so each accepts
/// the nonces of the others. A nonce is valid for the proofs' window, either way, so that a used one is remembered as
/// long as a proof is (``ReplayTable``).
struct SealedNonces: Nonces {
    private let key: SIMD2<UInt64>
    /// The beginning of the hashed text: nothing else under this key starts like this.
    private let prefix: [UInt8]
    /// In milliseconds.
    private let window: Int64
    private static let (stampLength, randomLength, sealLength) = (6, 10, 16)
    private static let length = 32

    init(key: SIMD2<UInt64>, audience: String?, window: Int64) {
        (self.key, self.window) = (key, window * 1000)
        prefix = Array("agentid nonce 1\0".utf8) + Array((audience ?? "").utf8) + [0]
    }

    func issue(at now: Int64) -> String {
        let time = UInt64(clamping: now)
        var bytes = (0..<Self.stampLength).map { UInt8(truncatingIfNeeded: time >> UInt64(40 - 8 * $0)) }
        bytes += Sodium.randomBytes(Self.randomLength)
        bytes += seal(of: bytes)
        return Base64URL.encode(bytes)
    }

    func accept(_ nonce: Span<UInt8>, at now: Int64) -> Bool {
        guard nonce.count == (Self.length * 4 + 2) / 3, let bytes = try? Base64URL.decode(nonce),
            bytes.count == Self.length
        else { return false }
        let said = Array(bytes.prefix(Self.stampLength + Self.randomLength))
        // Always compares all of it: the time it takes tells nobody how much was right.
        let difference = zip(seal(of: said), bytes.suffix(Self.sealLength)).reduce(0) { $0 | ($1.0 ^ $1.1) }
        let issuedAt = said.prefix(Self.stampLength).reduce(Int64(0)) { $0 << 8 | Int64($1) }
        return difference == 0 && abs(issuedAt - now) <= window
    }

    private func seal(of bytes: [UInt8]) -> [UInt8] {
        let hash = Sodium.sipHash((prefix + bytes).span, key: key)
        return [hash.x, hash.y].littleEndianBytes
    }
}

extension Guard {
    /// Issues a nonce for one proof: hand it to the caller, who signs it into the proof.
    ///
    /// Valid for one permitted call, for as long as a proof may be old (``Options/proofWindow``), and at guards of one
    /// name that share a replay memory. Nothing is stored until it is used: issuing many costs no memory.
    ///
    /// - Throws: `no_nonce` if ``Options/requiresNonce`` is not set: nobody would check it.
    public func nonce() throws(AgentIDError) -> String {
        guard options.requiresNonce else {
            throw AgentIDError(
                .state, name: "no_nonce", message: "this guard asks for no nonce: open it with require_nonce")
        }
        return try nonces.issue(at: clock.now())
    }

    /// Step 7h, except whether it was used.
    func checkNonce(_ nonce: JSON.Value?, now: Int64) throws(Denial) {
        guard let nonce else {
            throw Denial(
                "nonce_required", "the proof has no nonce, and this guard asks for one: get it here, and prove with it",
                at: "proof.nonce")
        }
        guard nonce.kind == .string, nonce.withUTF8({ nonces.accept($0, at: now) }) else {
            throw Denial(
                "nonce_invalid", "this guard did not issue the proof's nonce, or too long ago: get another from it",
                at: "proof.nonce")
        }
    }
}
