internal import JOSE

/// Verifies the proof of one call: AAT section 7, step 7.
struct ProofVerifier {
    /// The guard's own name; `nil` where proofs need none.
    let audience: String?
    let window: Int64
    let now: Int64

    /// Verifies everything but the arguments, which nobody reads for who cannot sign.
    func open(_ proof: [UInt8], of tool: String, under chain: VerifiedChain) throws(Denial) -> OpenedProof {
        guard !proof.isEmpty else { throw Denial("pop_missing", "a proof is needed and there is none", at: "proof") }
        guard proof.count <= Limits.tokenSize * 2 else {
            throw Denial("pop_malformed", "the proof is too long", at: "proof")
        }
        let leaf = chain.leaf
        let jws: CompactJWS
        do throws(JOSEError) { jws = try CompactJWS(proof) } catch {  // 7a
            throw Denial(Self.reason(of: error), error.description, at: "proof")
        }
        if let type = jws.type, !type.isSame(as: TokenType.proof) {
            throw Denial("pop_malformed", "typ says this is no proof", at: "proof.typ")
        }
        guard jws.isSigned(by: leaf.holder) else {  // 7b
            throw Denial("pop_signature_invalid", "the leaf's holder did not sign this proof", at: "proof")
        }
        let claims: JSON.Value
        do throws(JOSEError) { claims = try jws.payload().root } catch {
            throw Denial("pop_malformed", error.description, at: "proof")
        }
        guard let id = claims["jti"]?.string, (1...256).contains(id.utf8.count) else {
            throw Denial("pop_malformed", "jti is no text of 1 to 256 bytes", at: "proof.jti")
        }
        guard claims["aat_id"]?.equals(leaf.id) == true else {  // 7c
            throw Denial("pop_token_mismatch", "the proof is for another grant", at: "proof.aat_id")
        }
        if let audience {  // 7d
            // An empty name is nobody's.
            guard !audience.isEmpty, claims["aat_aud"]?.equals(audience) == true else {
                throw Denial("pop_recipient_mismatch", "the proof is not for this guard", at: "proof.aat_aud")
            }
        }
        guard claims["aat_tool"]?.equals(tool) == true else {  // 7e
            throw Denial("pop_tool_mismatch", "the proof is for another tool", at: "proof.aat_tool")
        }
        guard let issuedAt = claims["iat"]?.int, abs(Int64(issuedAt) - now) <= window else {  // 7g
            throw Denial("pop_stale", "the proof was not signed within \(window) s of now", at: "proof.iat")
        }
        return OpenedProof(
            proven: claims["hta"],
            use: UsedProof(name: chain.links[chain.links.count - 1].holderThumbprint + id, tree: chain.tree))
    }

    private static func reason(of error: JOSEError) -> String {
        switch error.name {
        case "algorithm_not_permitted": return error.name
        case "signature": return "pop_signature_invalid"
        default: return "pop_malformed"
        }
    }
}

/// A proof whose signature and claims hold, the arguments apart.
struct OpenedProof {
    /// The arguments it is for.
    let proven: JSON.Value?
    /// What the replay memory has to remember.
    let use: UsedProof

    /// Step 7f: equal as values, which is to say in canonical form.
    func check(_ arguments: JSON.Value, within work: inout WorkBudget) throws(Denial) {
        guard let proven, proven.kind == .object else {
            throw Denial("pop_binding_mismatch", "the proof names no arguments", at: "proof.hta")
        }
        if proven.hasSameSource(as: arguments) { return }
        let isSame = proven.isEqual(to: arguments, within: &work)
        guard !work.isExhausted else {
            throw Denial(
                "too_costly",
                "to compare the arguments with the proof takes more work than one call is given: send fewer, in canonical form",
                at: "arguments")
        }
        guard isSame else {
            throw Denial("pop_binding_mismatch", "the proof is for other arguments", at: "proof.hta")
        }
    }
}
