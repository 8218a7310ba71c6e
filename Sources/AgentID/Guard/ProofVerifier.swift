internal import JOSE
internal import StrictJSON

/// Verifies the proof of one call: AAT section 8, step 7.
struct ProofVerifier {
    /// The guard's own name; `nil` if it has none.
    let audience: String?
    /// Whether a proof must name a guard.
    let requiresAudience: Bool
    let window: Int64
    let now: Int64

    /// Verifies everything but the arguments, which are read only for a caller whose signature is valid.
    func open(_ proof: [UInt8], of tool: String, under chain: VerifiedChain) throws(Denial) -> OpenedProof {
        guard !proof.isEmpty else { throw Denial("pop_missing", "a proof is needed and there is none", at: "proof") }
        guard proof.count <= Limits.proofSize else {
            throw Denial("pop_malformed", "the proof is longer than \(Limits.proofSize) bytes", at: "proof")
        }
        let leaf = chain.links[chain.links.count - 1]
        let claims = try signedClaims(of: proof, by: leaf.grant.holder)  // 7a, 7b
        let id = try identify(claims, under: leaf)  // 7c
        try checkAudience(claims["aat_aud"])  // 7d
        guard claims["aat_tool"]?.equals(tool) == true else {  // 7e
            throw Denial("pop_tool_mismatch", "the proof is for another tool", at: "proof.aat_tool")
        }
        guard let issuedAt = claims["iat"]?.int, abs(Int64(issuedAt) - now) <= window else {  // 7g
            throw Denial("pop_stale", "the proof was not signed within \(window) s of now", at: "proof.iat")
        }
        return OpenedProof(
            proven: claims["hta"], nonce: claims["nonce"], labels: try labels(in: claims),
            use: UsedProof(name: leaf.holderThumbprint + id, tree: chain.tree))
    }

    private func signedClaims(of proof: [UInt8], by holder: PublicKey) throws(Denial) -> JSON.Value {
        let jws: CompactJWS
        do throws(JOSEError) { jws = try CompactJWS(proof) } catch { throw Denial(ofProof: error) }
        guard let type = jws.type else {
            throw Denial(
                "pop_malformed", "typ is missing, as draft -01 allowed: draft -02 requires \(TokenType.proof)",
                at: "proof.typ")
        }
        guard type.isSame(as: TokenType.proof) else {
            throw Denial("pop_malformed", "typ is not \(TokenType.proof): this is not a proof", at: "proof.typ")
        }
        guard jws.isSigned(by: holder) else {
            throw Denial("pop_signature_invalid", "the leaf's holder did not sign this proof", at: "proof")
        }
        do throws(JOSEError) { return try jws.payload().root } catch {
            throw Denial("pop_malformed", error.description, at: "proof")
        }
    }

    /// Checks that every claim is present and of its type, and that the proof is for exactly this leaf. Returns its
    /// `jti`.
    private func identify(_ claims: JSON.Value, under leaf: VerifiedChain.Link) throws(Denial) -> String {
        guard let id = claims["jti"]?.string, (1...256).contains(id.utf8.count) else {
            throw Denial("pop_malformed", "jti is not a text of 1 to 256 bytes", at: "proof.jti")
        }
        for name in ["aat_id", "aat_tool"] where claims[name]?.kind != .string {
            throw Denial("pop_malformed", "\(name) is missing or not a text", at: "proof.\(name)")
        }
        guard let hash = claims["aat_hash"], hash.kind == .string else {
            throw Denial(
                "pop_malformed",
                "aat_hash is missing or not a text: a proof of draft -02 names the leaf by its hash, one of -01 did not",
                at: "proof.aat_hash")
        }
        guard claims["iat"]?.int != nil else {
            throw Denial("pop_malformed", "iat is not a whole number of seconds", at: "proof.iat")
        }
        guard claims["hta"]?.kind == .object else {
            throw Denial("pop_malformed", "hta is missing or not an object of arguments", at: "proof.hta")
        }
        guard claims["aat_id"]?.equals(leaf.grant.id) == true else {
            throw Denial("pop_token_mismatch", "the proof is for another grant", at: "proof.aat_id")
        }
        guard hash.equals(leaf.signingInputHash) else {
            throw Denial(
                "pop_token_mismatch", "the proof is for a grant of this jti that was signed with other content",
                at: "proof.aat_hash")
        }
        return id
    }

    /// The labels that the holder says its task has beyond those of its grant.
    private func labels(in claims: JSON.Value) throws(Denial) -> [String] {
        guard let claim = claims[Claim.name] else { return [] }
        guard claim.kind == .object, let labels = claim["labels"].map(Claim.labels(parsing:)) ?? [] else {
            throw Denial(
                "pop_malformed", "the claim \(Claim.name) is not an object with at most \(Claim.mostLabels) labels",
                at: "proof.\(Claim.name)")
        }
        return labels
    }

    private func checkAudience(_ named: JSON.Value?) throws(Denial) {
        guard let named else {
            guard requiresAudience else { return }
            throw Denial(
                "pop_recipient_mismatch", "the proof names no guard: make it with this one's name",
                at: "proof.aat_aud")
        }
        guard let audience, named.equals(audience) else {
            let own = audience.map { "another guard than \($0): make it with that audience" }
            throw Denial(
                "pop_recipient_mismatch",
                "the proof is for \(own ?? "a guard with an audience, and this one has none")",
                at: "proof.aat_aud")
        }
    }
}

extension Denial {
    fileprivate init(ofProof error: JOSEError) {
        switch error.name {
        case "algorithm_superseded":
            self.init(
                "algorithm_not_permitted", "\(error): the proof is of draft -01, make it with -02", at: "proof.alg")
        case "algorithm_not_permitted": self.init("algorithm_not_permitted", error.description, at: "proof.alg")
        case "signature": self.init("pop_signature_invalid", error.description, at: "proof")
        default: self.init("pop_malformed", error.description, at: "proof")
        }
    }
}

/// A proof whose signature and claims are valid; its arguments are not checked yet.
struct OpenedProof {
    /// The arguments it is for, an object.
    let proven: JSON.Value?
    /// The guard's nonce, if the proof carries one; not checked yet.
    let nonce: JSON.Value?
    /// Those of the task, beyond the grant's, in the holder's own words.
    let labels: [String]
    /// The record for the replay memory.
    let use: UsedProof

    /// Step 7f: equal as values, that is, in canonical form.
    func check(_ arguments: JSON.Value, within work: inout WorkBudget) throws(Denial) {
        guard let proven else { throw Denial("pop_malformed", "hta is missing", at: "proof.hta") }
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
