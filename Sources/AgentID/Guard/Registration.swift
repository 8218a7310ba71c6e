internal import JOSE
internal import Synchronization

// A domain's agents are those that its registry knows: whoever stole a signing key can sign for others, and is nobody.
extension RegistryReader {
    /// Whether a root stands here as it was issued, to the byte: with its agent, its holder's key and all that it grants.
    func hasIssued(_ root: VerifiedChain.Link) throws(AgentIDError) -> Bool {
        guard let grant = try grant(root.grant.id) else { return false }
        let token = root.jws.bytes
        return grant.chain.withUTF8Span { $0.hasSameBytes(as: token.span) }
    }

    /// Why the registry of a domain disowns a chain that verified; `nil` where it does not, or has no say.
    func refusal(of chain: VerifiedChain, in domain: TrustDomain) throws(AgentIDError) -> Denial? {
        if chain.issuer.domain == domain, let root = chain.links.first {
            guard try hasIssued(root) else {
                return Denial(
                    "untrusted_root",
                    "the registry of \(domain) has not issued this grant, which its key \(chain.issuer.key) signed",
                    link: 0, at: "jti")
            }
            guard let agent = root.grant.claim?.agent, try self.agent(agent) != nil else {
                return Denial(
                    "authority_revoked", "the registry of \(domain) does not know the agent any more: it has ended",
                    link: 0, at: Claim.name)
            }
        }
        for (i, link) in chain.links.enumerated() {
            guard let credential = link.credential, credential.anchor.domain == domain else { continue }
            guard try isRegistered(credential.subject, with: credential.key) else {
                return Denial(
                    "subject_identity_mismatch",
                    "the registry of \(domain) knows no such agent with the key in its credential", link: i,
                    at: "credentials")
            }
        }
        return nil
    }

    /// Whether a key is, or was before a rotation, a registered agent's.
    private func isRegistered(_ id: String, with key: PublicKey) throws(AgentIDError) -> Bool {
        guard let agent = try agent(id) else { return false }
        if agent.key.isSame(as: key.thumbprint) { return true }
        return try grants(of: id).contains { grant in
            (try? HeldGrant(reading: Array(grant.chain.utf8)))?.grant.holder == key
        }
    }
}

extension Guard {
    /// Denies a chain that the followed registry disowns. Looked up once a chain, with its agents' standing.
    ///
    /// Asked before a chain is anybody's: what the registry never issued is a stranger's, in the log and in hooks too.
    func checkKnown(_ chain: VerifiedChain, now: Int64) throws(Denial) {
        guard !chain.isKnownToRegistry.load(ordering: .relaxed), let view else { return }
        let sequence = view.standings
        let found: (refusal: Denial?, standing: [AgentStanding])
        do throws(AgentIDError) { found = try view.look(at: chain) } catch {
            throw view.denial(error, "the grants")
        }
        if let refusal = found.refusal { throw refusal }
        // What is wrong with how they stand is said in its turn.
        _ = note(found.standing, of: chain, under: sequence, now: now)
        chain.isKnownToRegistry.store(true, ordering: .relaxed)
    }
}
