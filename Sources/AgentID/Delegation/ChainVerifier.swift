internal import JOSE
internal import Policy
internal import Scopes
internal import StrictJSON

/// Verifies a chain as AAT section 8 says (draft -02), step by step and in its order; ``ProofVerifier`` verifies the
/// proof.
///
/// Step 6c is done here as well: a guard's identity does not change from call to call, and a verified chain is kept.
struct ChainVerifier {
    let anchors: TrustAnchors
    let limits: ChainLimits
    let requiresClaim: Bool
    let audience: ChainAudience
    /// The domain of the registry that the guard follows; `nil` if it follows none.
    let home: TrustDomain?
    /// The present, in seconds.
    let now: Int64

    /// Steps 1 to 5, 6a and 6c, and the rules of our claim.
    func verify(_ chain: [UInt8], credentials: [Credential]) throws(Denial) -> VerifiedChain {
        let tokens = try split(chain)
        do throws(Denial) {
            return try verify(chain, tokens, credentials: credentials)
        } catch {
            // Step 2c is reported first, but searched for only if something is wrong.
            try refuseRepeatedTokens(tokens)
            throw error
        }
    }

    private func verify(
        _ chain: [UInt8], _ tokens: [Token], credentials: [Credential]
    ) throws(Denial) -> VerifiedChain {
        var links: [VerifiedChain.Link] = []
        links.reserveCapacity(tokens.count)
        var scope = Scope()
        var limits = 0
        var work = WorkBudget(steps: Limits.stepsOfChain)
        for (i, token) in tokens.enumerated() {
            let link: VerifiedChain.Link
            if let parent = links.last {
                link = try child(
                    token, of: parent, scope: &scope, at: i, credentials: credentials, within: &work)
            } else {
                link = try root(token, scope: &scope, within: &work)
            }
            // Step 2c, on what has been verified.
            if links.contains(where: { $0.grant.id.isSame(as: link.grant.id) }) { throw Self.repeated(i) }
            links.append(link)
            limits += link.grant.claim?.limits?.all.count ?? 0
            guard limits <= PolicyLimits.limitsOfChain else {
                throw Denial(
                    "too_costly", "the grants of a chain state at most \(PolicyLimits.limitsOfChain) limits", link: i,
                    at: "\(Claim.name).limits")
            }
        }
        guard let leaf = links.last, let root = links.first else { throw Denial("chain_empty", "the chain is empty") }
        // Step 5.
        guard leaf.grant.depth + 1 == Int64(links.count) else {
            throw Denial(
                "chain_length_mismatch", "the chain's length does not match its leaf's depth", link: links.count - 1)
        }
        // Step 6a.
        guard leaf.grant.tools != nil else {
            throw Denial(
                "authorization_details_invalid", "the leaf has no entry of tools", link: links.count - 1,
                at: "authorization_details")
        }
        try audience.check(links)  // 6c
        return VerifiedChain(
            bytes: chain, links: links, scope: scope, generation: anchors.generation,
            issuer: ChainIssuer(of: root, home: home))
    }

    /// A token being verified: taken apart, its payload decoded but not parsed.
    private struct Token {
        let jws: CompactJWS
        let payload: [UInt8]
    }

    /// Steps 1, 2a and 2b.
    private func split(_ chain: [UInt8]) throws(Denial) -> [Token] {
        guard !chain.isEmpty else { throw Denial("chain_empty", "the chain is empty") }
        guard chain.count <= limits.chainSize else {
            throw Denial("chain_too_long", "the chain is longer than \(limits.chainSize) bytes")
        }
        var tokens: [Token] = []
        var start = 0
        while start <= chain.count {
            let end = chain.span.firstIndex(of: UInt8(ascii: "~"), from: start) ?? chain.count
            let link = tokens.count
            guard link <= limits.depth else {
                throw Denial(
                    "delegation_depth_exceeded", "the chain is deeper than \(limits.depth) delegations", link: link)
            }
            guard end - start <= limits.tokenSize else {
                throw Denial("token_too_large", "the token is longer than \(limits.tokenSize) bytes", link: link)
            }
            tokens.append(try token(Array(chain[start..<end]), link: link))
            start = end + 1
        }
        return tokens
    }

    private func token(_ bytes: [UInt8], link: Int) throws(Denial) -> Token {
        let jws: CompactJWS
        let payload: [UInt8]
        do throws(JOSEError) {
            jws = try CompactJWS(bytes)
            payload = try jws.payloadBytes()
        } catch { throw Denial(ofGrant: error, link: link) }
        // 3a, 4a. Before the signature: a guard verifies neither a proof nor a credential as a grant.
        guard let type = jws.type else {
            throw Denial(
                "token_malformed", "typ is missing, as draft -01 allowed: draft -02 requires \(TokenType.grant)",
                link: link, at: "typ")
        }
        guard type.isSame(as: TokenType.grant) else {
            throw Denial("token_malformed", "typ is not \(TokenType.grant): this is not a grant", link: link, at: "typ")
        }
        return Token(jws: jws, payload: payload)
    }

    /// Step 2c, on what has not been verified.
    private func refuseRepeatedTokens(_ tokens: [Token]) throws(Denial) {
        var ids: [ArraySlice<UInt8>] = []
        for (i, token) in tokens.enumerated() {
            guard let id = GrantIDScan.find(in: token.payload.span) else {
                throw Denial("token_malformed", "the payload has no jti", link: i, at: "jti")
            }
            if ids.contains(token.payload[id]) { throw Self.repeated(i) }
            ids.append(token.payload[id])
        }
    }

    private static func repeated(_ link: Int) -> Denial {
        Denial("chain_cycle_detected", "the same grant stands in the chain twice", link: link, at: "jti")
    }

    /// Step 3.
    private func root(
        _ token: Token, scope: inout Scope, within work: inout WorkBudget
    ) throws(Denial) -> VerifiedChain.Link {
        // 3a (the algorithm is checked at reading, and is the only one that our keys have) and 3b.
        let signers = try anchors.signers(of: token.jws, payload: token.payload)
        let grant = try Grant(parse(token, link: 0, within: &work), link: 0)
        // 3k. Keys of bundles come first: if a domain has a bundle here, only that decides who speaks for it.
        let speaking = signers.first { anchor in
            grant.issuer.equals(anchor.issuer) && (anchor.domain != nil || !anchors.holdBundle(of: grant.issuer))
        }
        guard let anchor = speaking else {
            let trusted = signers.first.map { ", \($0.issuer): add the bundle or key for the one that it is of" } ?? ""
            throw Denial("untrusted_root", "iss is not the issuer whose key signed\(trusted)", link: 0, at: "iss")
        }
        if let denial = anchor.denial(ofStatementFrom: grant.issuedAt, at: now, link: 0, place: "iat") { throw denial }
        try check(grant.depth == 0, "root_depth_invalid", "a root has del_depth 0", 0, "del_depth")  // 3c
        try check(grant.parentHash == nil, "par_hash_present_on_root", "a root has no par_hash", 0, "par_hash")  // 3d
        try check(grant.expires > now, "expired", "the grant has expired", 0, "exp")  // 3e
        try check(isIssued(grant), "not_yet_valid", "iat is in the future", 0, "iat")  // 3f
        try check(grant.expires > grant.issuedAt, "expiry_not_after_issuance", "exp is not after iat", 0, "exp")  // 3g
        try check(  // 3h
            grant.expires - grant.issuedAt <= Limits.longestLifetime, "lifetime_exceeded",
            "the lifetime is over 90 days", 0, "exp")
        try check(  // 3i
            grant.maxDepth <= limits.depth, "delegation_ceiling_invalid", "del_max_depth is over \(limits.depth)", 0,
            "del_max_depth")
        guard let tools = grant.tools else {  // 3m
            throw Denial(
                "authorization_details_invalid", "a root has one entry of tools", link: 0, at: "authorization_details")
        }
        do throws(ScopeError) { scope = try Scope(parsing: tools, narrowing: Scope(), within: &work) } catch {  // 3n
            throw Denial(error, link: 0)
        }
        if requiresClaim, grant.claim?.agent == nil {
            throw Denial("token_malformed", "the claim that names the agent is required here", link: 0, at: Claim.name)
        }
        try checkDomain(of: grant, signedBy: anchor)
        return VerifiedChain.Link(grant: grant, jws: token.jws, anchor: anchor)
    }

    /// Step 4.
    private func child(
        _ token: Token, of parent: VerifiedChain.Link, scope: inout Scope, at i: Int, credentials: [Credential],
        within work: inout WorkBudget
    ) throws(Denial) -> VerifiedChain.Link {
        // 4a as 3a, 4b.
        try check(
            token.jws.isSigned(by: parent.grant.holder), "invalid_signature", "the parent's holder did not sign this",
            i, "")
        let grant = try Grant(parse(token, link: i, within: &work), link: i)
        let above = parent.grant
        try check(grant.parentHash != nil, "par_hash_missing", "a derived grant has par_hash", i, "par_hash")  // 4b5
        try check(  // 4c
            grant.isIssued(byKey: parent.holderThumbprint), "issuer_thumbprint_mismatch",
            "iss is not the thumbprint of the parent's key", i, "iss")
        try check(
            grant.depth == above.depth + 1, "delegation_depth_invalid", "del_depth is not the parent's plus one", i,
            "del_depth")  // 4d
        try check(
            grant.depth <= above.maxDepth, "delegation_depth_exceeded", "the parent allows no deeper delegation", i,
            "del_depth")  // 4e
        try check(
            grant.depth <= limits.depth, "delegation_depth_exceeded", "deeper than \(limits.depth)", i,
            "del_depth")  // 4f
        try check(
            grant.maxDepth <= above.maxDepth, "delegation_ceiling_raised", "del_max_depth is above the parent's", i,
            "del_max_depth")  // 4g
        try check(grant.expires <= above.expires, "expiry_exceeds_parent", "exp is after its parent's", i, "exp")  // 4h
        try check(grant.expires > now, "expired", "the grant has expired", i, "exp")  // 4i
        try check(
            grant.issuedAt >= above.issuedAt, "issued_before_parent", "iat is before the parent's", i,
            "iat")  // 4j
        try check(isIssued(grant), "not_yet_valid", "iat is in the future", i, "iat")  // 4k
        try check(grant.expires > grant.issuedAt, "expiry_not_after_issuance", "exp is not after iat", i, "exp")  // 4l
        try check(
            grant.depth <= grant.maxDepth, "depth_exceeds_own_ceiling", "del_depth is above del_max_depth", i,
            "del_max_depth")  // 4m
        // 4n is done in reading; 4o and 4p.
        let narrower: Scope
        do throws(ScopeError) {
            narrower =
                try grant.tools.map { tools throws(ScopeError) in
                    try Scope(parsing: tools, narrowing: scope, within: &work)
                } ?? Scope()
        } catch { throw Denial(error, link: i) }
        if let expansion = scope.expansion(by: narrower, within: &work) { throw Denial(expansion, link: i) }
        scope = narrower
        try check(  // 4q
            grant.parentHash?.equals(parent.signingInputHash) == true, "par_hash_mismatch",
            "par_hash is not of the grant before",
            i, "par_hash")
        let credential = try checkClaim(grant, under: above, at: i, credentials: credentials)
        return VerifiedChain.Link(grant: grant, jws: token.jws, credential: credential)
    }

    /// A domain speaks for its own agents: a root names an agent of the domain whose key signed it.
    ///
    /// Of a bare key, the issuer that it was trusted for is the domain.
    private func checkDomain(of root: Grant, signedBy anchor: TrustAnchor) throws(Denial) {
        guard let agent = root.claim?.agent else { return }
        try check(
            SPIFFEID.isUnder(agent, anchor.issuer), "subject_identity_mismatch",
            "\(agent) is not of the trust domain whose key signed, \(anchor.issuer) by \(anchor.thumbprint)", 0,
            Claim.name)
    }

    /// The rules of our own claim. Returns the credential that they depended on, if any.
    private func checkClaim(
        _ grant: Grant, under parent: Grant, at i: Int, credentials: [Credential]
    ) throws(Denial) -> Credential? {
        guard let claim = grant.claim else {
            try check(
                !requiresClaim, "token_malformed", "the claim that names the agent is required here", i, Claim.name)
            try check(
                parent.claim?.labels.isEmpty ?? true, "flow_forbidden", "the parent's labels are missing", i, Claim.name
            )
            return nil
        }
        try check(
            !claim.hasContext, "context_override", "only a root says profile, owner, principal, task and intent", i,
            Claim.name)
        let labels = parent.claim?.labels ?? []
        try check(
            labels.isEmpty || Set(claim.labels.map(\.exact)).isSuperset(of: labels.map(\.exact)), "flow_forbidden",
            "a label of the parent's is missing", i, Claim.name)
        guard let agent = claim.agent else {
            try check(!requiresClaim, "token_malformed", "the claim names no agent", i, Claim.name)
            return nil
        }
        // A holder may hand its grant over to another key of its own.
        if let above = parent.claim?.agent {
            if agent.isSame(as: above) || SPIFFEID.isUnder(agent, above) { return nil }
        }
        let shown = credentials.filter {
            $0.subject.isSame(as: agent) && $0.key == grant.holder && $0.expires > now
        }
        guard let longest = shown.max(by: { $0.expires < $1.expires }) else {
            throw Denial(
                "agent_not_under_parent", "the agent is not under its parent, and no credential for it is shown",
                link: i, at: Claim.name)
        }
        return longest
    }

    private func isIssued(_ grant: Grant) -> Bool { grant.issuedAt <= now + Limits.issuedAtSkew }

    private func parse(_ token: Token, link: Int, within work: inout WorkBudget) throws(Denial) -> JSON.Value {
        var limits = JSON.Limits(bytes: limits.tokenSize)
        // Claims that are not ours may hold any number; those of constraints are checked as they are read.
        limits.admitsInexactNumbers = true
        do throws(JSON.ParseError) {
            return try JSON(parsing: token.payload, limits: limits, within: &work).root
        } catch {
            if error.isTooCostly { throw Denial("too_costly", "the payload: \(error)", link: link) }
            throw Denial("token_malformed", "the payload is not I-JSON: \(error)", link: link)
        }
    }

    private func check(
        _ holds: Bool, _ reason: String, _ message: @autoclosure () -> String, _ link: Int, _ place: String
    ) throws(Denial) {
        if !holds { throw Denial(reason, message(), link: link, at: place) }
    }
}

extension Denial {
    /// A grant that cannot be read as a JWS, or is signed as this draft does not allow.
    fileprivate init(ofGrant error: JOSEError, link: Int) {
        switch error.name {
        case "algorithm_superseded":
            self.init(
                "algorithm_not_permitted", "\(error): the grant is of draft -01, have it issued anew", link: link,
                at: "alg")
        case "algorithm_not_permitted": self.init("algorithm_not_permitted", error.description, link: link, at: "alg")
        case "signature": self.init("invalid_signature", error.description, link: link)
        default: self.init("token_malformed", error.description, link: link)
        }
    }

    init(_ error: ScopeError, link: Int) {
        let reason: String
        switch error.name {
        case "unknown_constraint_type": reason = "constraint_type_unrecognized"
        case "too_costly": reason = "too_costly"
        case "too_deep": reason = "constraint_too_deep"
        default: reason = "authorization_details_invalid"
        }
        self.init(reason, error.description, link: link, at: "authorization_details", argument: error.argument)
    }

    init(_ expansion: Expansion, link: Int) {
        self.init(
            expansion.reason.rawValue, expansion.description, link: link, at: "authorization_details",
            argument: expansion.argument)
    }
}
