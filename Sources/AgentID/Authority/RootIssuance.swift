internal import JOSE
internal import Scopes

/// Issues root grants under a profile (AAT section 3.7.3).
struct RootIssuance {
    let trustDomain: TrustDomain
    let profile: Profile
    let clock: any Clock

    func issue(
        to holder: PublicKey, _ request: AgentRequest, by signer: any Signer, revocations: RevocationList
    ) throws(AgentIDError) -> (chain: String, credential: String) {
        let milliseconds = clock.milliseconds
        let now = milliseconds / 1000
        try check(request, now: now, revocations: revocations)
        let scope = try scope(for: request)
        let agent = SPIFFEID(agentOf: trustDomain, profile: profile.name, instance: UUIDv7.make(at: milliseconds))
        var claim = Claim()
        (claim.agent, claim.profile, claim.owner) = (agent.description, profile.name, profile.owner)
        (claim.principal, claim.task, claim.intent) = (request.principal, request.task, request.intent)
        claim.labels = Array(Set(request.labels)).sorted()
        let payload: JSONTree = [
            "jti": .string(UUIDv7.make(at: milliseconds)), "iss": .string(trustDomain.issuer), "iat": .int(Int(now)),
            "exp": .int(Int(now + request.lifetime)), "del_depth": 0,
            "del_max_depth": .int(min(request.maxDepth ?? profile.maxDepth, profile.maxDepth)),
            "cnf": ["jwk": holder.jwk],
            "authorization_details": [["type": "attenuating_agent_token", "tools": scope.tree]],
            Claim.name: claim.tree,
        ]
        let grant = try signer.token(type: TokenType.grant, keyID: signer.publicKey.thumbprint, payload: payload)
        guard grant.count <= Limits.tokenSize else {
            throw AgentIDError(
                .limit, name: "token_too_large", message: "the grant would be longer than 64 KiB", at: "options.scope")
        }
        let credential = try Credential.issue(
            to: holder, agent: agent, by: signer, at: now, milliseconds: milliseconds, lifetime: request.lifetime)
        return (String(decoding: grant, as: UTF8.self), credential)
    }

    private func check(_ request: AgentRequest, now: Int64, revocations: RevocationList) throws(AgentIDError) {
        try Claim.checkURI(request.principal, at: "options.principal")
        guard !request.task.isEmpty else {
            throw AgentIDError(.argument, name: "task", message: "an agent has a task", at: "options.task")
        }
        guard request.task.utf8.count <= 4096, (request.intent ?? "").utf8.count <= 8192, request.labels.count <= 64
        else {
            throw AgentIDError(
                .limit, name: "context", message: "a task has at most 4096 bytes, an intent 8192, labels number 64",
                at: "options.task")
        }
        guard (1...profile.maxLifetime).contains(request.lifetime) else {
            throw AgentIDError(
                .limit, name: "lifetime", message: "the profile allows 1 to \(profile.maxLifetime) s",
                at: "options.lifetime")
        }
        guard (0...profile.maxDepth).contains(request.maxDepth ?? 0) else {
            throw AgentIDError(
                .limit, name: "depth", message: "the profile allows a depth of 0 to \(profile.maxDepth)",
                at: "options.max_depth")
        }
        if let reviewBy = profile.reviewBy, reviewBy <= now {
            throw AgentIDError(
                .state, name: "review_overdue", message: "the profile is past its review date", at: "profile")
        }
        if let revoked = revocations.first(of: [
            Revocation(unchecked: .profile, profile.name), Revocation(unchecked: .principal, request.principal),
        ]) {
            throw AgentIDError(
                .state, name: "authority_revoked", message: "the \(revoked.kind.name) is revoked",
                at: "options.\(revoked.kind.name)")
        }
    }

    /// Profile ceiling ∩ principal's entitlements ∩ what the task asks for.
    private func scope(for request: AgentRequest) throws(AgentIDError) -> Scope {
        do throws(ScopeError) {
            var scope = try profile.ceiling.narrowed(to: request.scope)
            if let entitlements = request.entitlements { scope = try scope.narrowed(by: entitlements) }
            return scope.normalized
        } catch { throw AgentIDError(error, at: "options.scope") }
    }
}
