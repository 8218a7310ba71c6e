internal import JOSE
internal import Scopes
internal import StrictJSON

/// A grant in its holder's hands: the chain up to it and what is needed to derive from it.
struct HeldGrant: Sendable {
    let chain: [UInt8]
    let grant: GrantTerms
    let scope: Scope
    let signingInputHash: String

    /// Reads a chain's leaf, believing nothing: what the chain is worth is for a guard to say.
    init(reading chain: [UInt8]) throws(AgentIDError) {
        guard chain.count <= Limits.chainSize else {
            throw AgentIDError(.limit, name: "chain_too_long", message: "a chain has at most 256 KiB", at: "chain")
        }
        let start = chain.lastIndex(of: UInt8(ascii: "~")).map { $0 + 1 } ?? 0
        let link = chain.count { $0 == UInt8(ascii: "~") }
        do {
            let jws = try CompactJWS(Array(chain[start...]))
            let grant = try Grant(try jws.payload(limits: .init(bytes: Limits.tokenSize)).root, link: link)
            signingInputHash = jws.signingInputHash
            scope = try grant.tools.map { tools throws(ScopeError) in try Scope(parsing: tools) } ?? Scope()
            self.grant = GrantTerms(grant)
        } catch let error as JOSEError {
            throw AgentIDError(error, at: "chain[\(link)]")
        } catch let denial as Denial {
            throw AgentIDError(.malformed, name: denial.reason.rawValue, message: denial.message, at: denial.place)
        } catch let error as ScopeError {
            throw AgentIDError(error, at: "chain[\(link)].authorization_details")
        } catch {
            throw AgentIDError(.malformed, name: "token_malformed", message: "\(error)", at: "chain[\(link)]")
        }
        self.chain = chain
    }

    /// A grant that was just signed, in its holder's hands.
    init(_ signed: SignedGrant) {
        let chain = signed.chain
        (self.chain, grant, scope) = (chain, signed.grant, signed.scope)
        let start = chain.lastIndex(of: UInt8(ascii: "~")).map { $0 + 1 } ?? 0
        let end = chain.lastIndex(of: UInt8(ascii: ".")) ?? start
        signingInputHash = Base64URL.encode(Sodium.sha256(chain.span.extracting(start..<max(start, end))))
    }

    /// Reads back what was just signed, as its holder and every guard will.
    init(reading chain: [UInt8], of options: String) throws(AgentIDError) {
        do throws(AgentIDError) { self = try HeldGrant(reading: chain) } catch {
            throw AgentIDError(
                error.code, name: error.name, message: error.message,
                at: error.code == .scope || error.name == "json" ? "\(options).scope" : options)
        }
    }

    /// Derives a grant (AAT section 6.2).
    func derive(
        to holder: PublicKey, agent: String?, _ request: DelegationRequest, by key: SigningKey, clock: CheckedClock
    ) throws(AgentIDError) -> SignedGrant {
        let now = try clock.now()
        let issuedAt = max(now / 1000, grant.issuedAt)
        try request.check()
        let lifetime = request.lifetime ?? Limits.longestLifetime
        try HardEnd.check(request.until, now: now / 1000)
        try ChainAudience.check(request.audiences)
        let expires = min(
            grant.expires, issuedAt + min(lifetime, Limits.longestLifetime), request.until ?? Limits.latestDate)
        guard expires > now / 1000 else {
            throw AgentIDError(.state, name: "expired", message: "the parent's grant has expired")
        }
        let depth = grant.depth + 1
        guard depth <= grant.maxDepth else {
            throw AgentIDError(
                .state, name: "delegation_depth_exceeded",
                message: "the grant allows no deeper delegation than \(grant.maxDepth)")
        }
        let maxDepth = min(grant.maxDepth, depth + Int64(request.maxDepth ?? Limits.hardDepth))
        let narrower: Scope
        do throws(ScopeError) {
            narrower = try request.scope.map { request throws(ScopeError) in try scope.narrowed(to: request) } ?? scope
        } catch { throw AgentIDError(error, at: "options.scope") }
        var claim = Claim()
        claim.agent = agent
        (claim.isIsolated, claim.limits) = (request.isIsolated, request.limits)
        try request.limits?.check(below: grant.claim?.limits)
        claim.labels = Claim.labels((grant.claim?.labels ?? []) + request.labels)
        // Those handed down as well: no guard would accept more.
        try DelegationRequest.check(labels: claim.labels)
        let terms = GrantTerms(
            id: UUIDv7.make(at: now), issuedAt: issuedAt, expires: expires, depth: depth, maxDepth: maxDepth,
            holder: holder,
            claim: agent != nil || !claim.labels.isEmpty || claim.limits != nil ? claim : nil,
            audiences: request.audiences)
        return try SignedGrant(terms, narrower, below: self, by: key)
    }
}
