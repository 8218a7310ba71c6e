internal import JOSE
internal import StrictJSON

/// The state of a parked agent, sealed under the authority: its key, its term, and the grant it held.
struct ParkedKey {
    let key: SigningKey
    let term: Term
    /// The `jti` of the grant.
    let grant: String
    /// Those that it was told, and that no directory keeps.
    let labels: [String]

    /// XSalsa20-Poly1305, the nonce before the box.
    static func seal(
        _ state: Agent.State, _ term: Term, _ labels: [String], with sealing: GuardedBytes
    ) throws(AgentIDError) -> [UInt8] {
        let rest =
            Array("\(term.lifetime ?? 0) \(term.until ?? 0) \(state.held.grant.id) ".utf8)
            + JSONTree.array(labels.map { .string($0) }).canonical()
        let nonce = Sodium.randomBytes(Sodium.secretBoxNonceBytes)
        guard let secret = GuardedBytes(count: 32 + rest.count),
            let box = try? state.key.withSeed({ seed -> [UInt8]? in
                unsafe secret.withUnsafeMutableBytes { secret in
                    unsafe seed.withUnsafeBytes { seed in
                        for i in 0..<32 { unsafe secret[i] = seed[i] }
                    }
                    for (i, byte) in rest.enumerated() { unsafe secret[32 + i] = byte }
                }
                return Sodium.seal(secret, nonce: nonce, key: sealing)
            })
        else { throw AgentIDError(.internal, name: "seal", message: "the agent's key could not be sealed") }
        return nonce + box
    }

    init(opening sealed: [UInt8], with sealing: GuardedBytes) throws(AgentIDError) {
        let nonceBytes = Sodium.secretBoxNonceBytes
        guard
            let secret = Sodium.open(
                Array(sealed.dropFirst(nonceBytes)), nonce: Array(sealed.prefix(nonceBytes)), key: sealing),
            secret.count > 32, let seed = GuardedBytes(count: 32)
        else { throw Self.damaged }
        unsafe seed.withUnsafeMutableBytes { seed in
            unsafe secret.withUnsafeBytes { secret in for i in 0..<32 { unsafe seed[i] = secret[i] } }
        }
        let rest = secret.withSpan { secret in (32..<secret.count).map { secret[$0] } }
        let words = rest.split(separator: UInt8(ascii: " "), maxSplits: 3).map { String(decoding: $0, as: UTF8.self) }
        guard words.count >= 3, let lifetime = Int64(words[0]), let until = Int64(words[1]) else { throw Self.damaged }
        do throws(JOSEError) { key = try SigningKey(guardedSeed: seed) } catch {
            throw AgentIDError(error, at: "agent")
        }
        term = Term(
            source: .authority, lifetime: lifetime == 0 ? nil : lifetime, until: until == 0 ? nil : until)
        grant = words[2]
        // Without, it was parked by a version that knew none.
        let told = words.count == 3 ? "[]" : words[3]
        guard let told = (try? JSON(parsing: Array(told.utf8)).root).flatMap(Claim.labels(parsing:)) else {
            throw Self.damaged
        }
        labels = told
    }

    static let damaged = AgentIDError(
        .malformed, name: "parked_key",
        message: "what was sealed of the agent does not open: end it and start another, or restore keys/parking.jwk",
        at: "agent")
}
