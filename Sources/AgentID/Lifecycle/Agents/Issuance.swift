internal import JOSE
internal import Scopes
internal import StrictJSON

/// A root grant under a profile (AAT section 6.1.3), signed, not yet registered.
struct Issuance: Sendable {
    let agent: AgentRecord
    let grant: GrantRecord
    private let signed: SignedGrant
    /// When it was made, in milliseconds.
    let milliseconds: Int64
    let issuerKeyID: String
    let profile: Profile
    private let issuer: PublicKey

    init(
        under profile: Profile, of trustDomain: TrustDomain, to holder: PublicKey, _ request: AgentRequest,
        by signer: any Signer, clock: CheckedClock
    ) throws(AgentIDError) {
        milliseconds = try clock.now()
        let now = milliseconds / 1000
        try Self.check(request, under: profile, now: now)
        let scope = try Self.scope(for: request, under: profile)
        try request.limits?.check(reach: scope)
        let id = SPIFFEID(agentOf: trustDomain, profile: profile.name, instance: UUIDv7.make(at: milliseconds))
        var claim = Claim()
        (claim.agent, claim.profile, claim.owner) = (id.description, profile.name, profile.owner)
        (claim.principal, claim.task, claim.intent) = (request.principal, request.task, request.intent)
        (claim.labels, claim.isIsolated) = (Claim.labels(request.labels), request.isIsolated)
        claim.limits = request.limits
        (issuer, issuerKeyID) = (signer.publicKey, signer.keyID)
        signed = try Self.sign(
            claim, scope, for: request.audiences, to: holder,
            until: min(now + request.lifetime(under: profile), request.until ?? Limits.latestDate),
            depth: min(request.maxDepth ?? profile.maxDepth, profile.maxDepth), of: trustDomain, by: signer,
            milliseconds: milliseconds)
        grant = GrantRecord(signed, of: id.description)
        self.profile = profile
        agent = AgentRecord(
            id: id.description, profile: profile.name, owner: profile.owner, principal: request.principal,
            task: request.task, intent: request.intent, key: holder.thumbprint, created: now)
    }

    /// An agent's grant, issued again: the same mandate, no more scope and depth, cut by its present profile.
    ///
    /// - Parameters:
    ///   - expires: when the new grant ends, in seconds since 1970.
    ///   - labels: all that it says from now on.
    ///   - milliseconds: the time now.
    init(
        renewing agent: AgentRecord, from held: HeldGrant, under profile: Profile, of trustDomain: TrustDomain,
        to holder: PublicKey, until expires: Int64, labels: [String], by signer: any Signer,
        at milliseconds: Int64
    ) throws(AgentIDError) {
        self.milliseconds = milliseconds
        guard expires > milliseconds / 1000 else {
            throw AgentIDError(.state, name: "expired", message: "the agent's grant has expired")
        }
        let scope: Scope
        do throws(ScopeError) { scope = try held.scope.cut(by: profile.ceiling).normalized() } catch {
            throw AgentIDError(error, at: "profile")
        }
        var claim = Claim()
        (claim.agent, claim.profile, claim.owner) = (agent.id, agent.profile, agent.owner)
        (claim.principal, claim.task, claim.intent) = (agent.principal, agent.task, agent.intent)
        (claim.labels, claim.isIsolated) = (Claim.labels(labels), held.grant.claim?.isIsolated ?? false)
        claim.limits = held.grant.claim?.limits
        (issuer, issuerKeyID) = (signer.publicKey, signer.keyID)
        signed = try Self.sign(
            claim, scope, for: held.grant.audiences ?? [], to: holder, until: expires,
            depth: min(Int(held.grant.maxDepth - held.grant.depth), profile.maxDepth), of: trustDomain, by: signer,
            milliseconds: milliseconds)
        self.profile = profile
        var renewed = agent
        renewed.key = holder.thumbprint
        self.agent = renewed
        grant = GrantRecord(signed, of: agent.id)
    }

    /// The grant in its holder's hands.
    var held: HeldGrant { signed.held }

    private static func sign(
        _ claim: Claim, _ scope: Scope, for audiences: [String], to holder: PublicKey, until expires: Int64, depth: Int,
        of trustDomain: TrustDomain, by signer: any Signer, milliseconds: Int64
    ) throws(AgentIDError) -> SignedGrant {
        let terms = GrantTerms(
            id: UUIDv7.make(at: milliseconds), issuedAt: milliseconds / 1000, expires: expires, depth: 0,
            maxDepth: Int64(depth), holder: holder, claim: claim, audiences: audiences)
        return try SignedGrant(terms, scope, of: trustDomain, by: signer)
    }

    /// A credential that ends with the grant.
    func credential(to holder: PublicKey, by keys: SigningKeys) throws(AgentIDError) -> String {
        try Credential.issue(
            to: holder, agent: SPIFFEID(agent.id), by: keys.signer(for: issuer), at: grant.issued,
            milliseconds: milliseconds, lifetime: grant.expires - grant.issued)
    }

    /// Refuses to register what was signed under a profile that has changed since, or that is revoked by now.
    func checkStillDue(in registry: any RegistryReader) throws(AgentIDError) {
        guard try registry.isActive(issuer) else { throw Self.keyRotated }
        let current = try Self.profile(named: profile.name, in: registry)
        guard current == profile else {
            throw AgentIDError(
                .state, name: "profile_changed", message: "the profile was changed meanwhile: try again", at: "profile")
        }
        try Self.refuseRevoked(current, principal: agent.principal, in: registry)
        if try registry.firstRevoked(of: [Revocation(unchecked: .issuer, issuerKeyID)]) != nil {
            throw AgentIDError(
                .state, name: "authority_revoked",
                message: "the signing key is revoked: publish another and activate it (agentidctl bundle)", at: "keys")
        }
        try Self.refuseRevoked(key: agent.key, in: registry)
    }

    /// No guard accepts what a revoked key holds.
    static func refuseRevoked(key thumbprint: String, in registry: any RegistryReader) throws(AgentIDError) {
        if try registry.firstRevoked(of: [Revocation(unchecked: .key, thumbprint)]) != nil {
            throw AgentIDError(
                .state, name: "authority_revoked", message: "the holder's key is revoked: make another", at: "holder")
        }
    }

    /// Another process activated another key meanwhile: what was signed with the old one is signed anew.
    static let keyRotated = AgentIDError(
        .state, name: "key_rotated", message: "the signing key was rotated meanwhile: try again", at: "keys")

    static func profile(named name: String, in registry: any RegistryReader) throws(AgentIDError) -> Profile {
        guard let record = try registry.profile(named: name) else {
            throw AgentIDError.unknown("profile", name, ": put it first", at: "profile")
        }
        return record.profile
    }

    /// Nobody answers for an agent whose principal or owner left: it is not started.
    static func refuseRevoked(
        _ profile: Profile, principal: String, in registry: any RegistryReader
    ) throws(AgentIDError) {
        let named = [
            (Revocation(unchecked: .profile, profile.name), "the profile is revoked", "profile"),
            (Revocation(unchecked: .principal, principal), "the principal is revoked", "options.principal"),
            (
                Revocation(unchecked: .principal, profile.owner),
                "the profile's owner is revoked: give it another", "profile"
            ),
        ]
        for (revocation, message, place) in named where try registry.firstRevoked(of: [revocation]) != nil {
            throw AgentIDError(.state, name: "authority_revoked", message: message, at: place)
        }
    }

    private static func check(
        _ request: AgentRequest, under profile: Profile, now: Int64
    ) throws(AgentIDError) {
        try URI.check(request.principal, at: "options.principal")
        guard !request.task.isEmpty else {
            throw AgentIDError(.argument, name: "task", message: "an agent has a task", at: "options.task")
        }
        func tooLong(_ option: String, _ message: String) -> AgentIDError {
            AgentIDError(.limit, name: "context", message: message, at: "options.\(option)")
        }
        guard request.task.utf8.count <= 4096 else { throw tooLong("task", "a task has at most 4096 bytes") }
        guard (request.intent ?? "").utf8.count <= 8192 else {
            throw tooLong("intent", "an intent has at most 8192 bytes")
        }
        try DelegationRequest.check(labels: request.labels)
        // As they will stand in the log, where a control character takes six bytes.
        let task = AuditContext.member("task", request.task).count
        guard task + AuditContext.member("intent", request.intent).count <= 16_384 else {
            throw tooLong(
                task > 8192 ? "task" : "intent", "task and intent together have at most 16384 bytes as JSON")
        }
        guard (Limits.shortestLifetime...profile.maxLifetime).contains(request.lifetime(under: profile)) else {
            throw AgentIDError(
                .limit, name: "lifetime",
                message: "the profile allows \(Limits.shortestLifetime) to \(profile.maxLifetime) s",
                at: "options.lifetime")
        }
        try HardEnd.check(request.until, under: profile, now: now)
        try ChainAudience.check(request.audiences)
        guard (0...profile.maxDepth).contains(request.maxDepth ?? 0) else {
            throw AgentIDError(
                .limit, name: "depth", message: "the profile allows a depth of 0 to \(profile.maxDepth)",
                at: "options.max_depth")
        }
        try checkReview(of: profile, now: now)
    }

    /// Refuses to grant anything under a profile that nobody has looked at in time.
    static func checkReview(of profile: Profile, now: Int64) throws(AgentIDError) {
        if let reviewBy = profile.reviewBy, reviewBy <= now {
            throw AgentIDError(
                .state, name: "review_overdue",
                message: "the profile is past its review date: no new agents, and no grant is renewed, until it is "
                    + "certified (agentidctl profile certify \(profile.name))", at: "profile")
        }
    }

    /// Profile ceiling ∩ principal's entitlements ∩ what the task asks for: below the request, treated as a parent, as AAT
    /// section 6.1.3 demands in its step 7. Where that is nothing, the error is named as an OAuth token endpoint answers.
    private static func scope(for request: AgentRequest, under profile: Profile) throws(AgentIDError) -> Scope {
        guard !request.scope.isEmpty else { throw nothingGrantable("no tool is asked for") }
        do throws(ScopeError) {
            var scope = try profile.ceiling.narrowed(to: request.scope)
            if let entitlements = request.entitlements { scope = try scope.narrowed(by: entitlements) }
            return try scope.normalized()
        } catch {
            guard error.isRefusal else { throw AgentIDError(error, at: "options.scope") }
            throw nothingGrantable("\(error)")
        }
    }

    /// RFC 9396 section 5.
    private static func nothingGrantable(_ why: String) -> AgentIDError {
        AgentIDError(
            .scope, name: "invalid_authorization_details", message: "what is asked for cannot be granted: \(why)",
            at: "options.scope")
    }
}

extension ScopeError {
    /// Whether the scopes are well-formed, and one asks for more than the other has.
    fileprivate var isRefusal: Bool {
        ["empty_intersection", "not_below_parent"].contains { name.isSame(as: $0) }
    }
}
