extension RegistryReader {
    /// The agent that a secret is recorded for: the deepest registered one of the chain. All of them must be live.
    func liveHolder(
        of chain: VerifiedChain, at now: Int64
    ) throws(AgentIDError) -> Result<String, Denial> {
        // A domain speaks for its own agents: no foreign root gets a secret of ours, whomever it names. This holds for
        // any guard's permit, since a guard without a registry could not know.
        let domain = try TrustDomain(meta().trustDomain)
        guard chain.issuer.domain == domain else {
            return .failure(
                Denial(
                    "untrusted_root", "the chain is of \(chain.issuer.name): \(domain) gives it no secret", link: 0,
                    at: "iss"))
        }
        if let refusal = try refusal(of: chain, in: domain) { return .failure(refusal) }
        let standings = try standings(of: chain)
        if let revoked = try firstRevoked(of: chain.revocable + chain.foundations(of: standings)) {
            return .failure(Denial("authority_revoked", "revoked: \(revoked.kind.name) \(revoked.value)", at: "chain"))
        }
        if let denial = standings.lazy.compactMap({ $0.denial(at: now) }).first { return .failure(denial) }
        guard let holder = standings.last?.agent else {
            return .failure(Denial("lease_lapsed", "no agent of the chain is registered with this authority"))
        }
        return .success(holder.agent)
    }
}
