internal import JOSE
internal import StrictJSON
internal import Synchronization

// A domain's agents are those that its registry knows: a stolen signing key can sign for others, but the registry does
// not have them.
extension RegistryReader {
    /// Whether the registry has a root exactly as it was issued, to the byte: with its agent, its holder's key and all
    /// that it grants.
    func hasIssued(_ root: VerifiedChain.Link) throws(AgentIDError) -> Bool {
        guard let grant = try grant(root.grant.id) else { return false }
        let token = root.jws.bytes
        return grant.chain.withUTF8Span { $0.hasSameBytes(as: token.span) }
    }

    /// The reason why a domain's registry disowns a verified chain; `nil` if it does not, or is not concerned.
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

    /// Whether a key is a registered agent's, now or before a rotation.
    private func isRegistered(_ id: String, with key: PublicKey) throws(AgentIDError) -> Bool {
        guard let agent = try agent(id) else { return false }
        if agent.key.isSame(as: key.thumbprint) { return true }
        return try grants(of: id).contains { grant in
            (try? HeldGrant(reading: Array(grant.chain.utf8)))?.grant.holder == key
        }
    }
}

/// The standing of an agent that a chain depends on: the chain names it, or its key holds a link.
struct LinkStanding: Sendable {
    let link: Int
    var agent: AgentStanding
    /// Whether the link names it; otherwise only its key holds the link.
    let isNamed: Bool
}

extension RegistryReader {
    /// The standing of all agents that a chain depends on, as far as they are registered.
    ///
    /// A key belongs to its agent in every chain: a grant that others delegated to it, naming somebody else or nobody,
    /// is valid only as long as the agent may act. Only a link that names the registered agent whose own key this is
    /// asks about that one alone: an authority may have issued another agent to the same key.
    func standings(of chain: VerifiedChain) throws(AgentIDError) -> [LinkStanding] {
        var found: [LinkStanding] = []
        var asked: Set<ExactText> = []
        for (i, link) in chain.links.enumerated() {
            var isOwn = false
            if let name = link.grant.claim?.agent, let named = try standing(of: [name]).first {
                let key = link.holderThumbprint
                isOwn = named.key.isSame(as: key) ? true : try isFormerKey(key, of: name)
                if !found.contains(where: { $0.isNamed && $0.agent.agent.isSame(as: name) }) {
                    found.append(LinkStanding(link: i, agent: named, isNamed: true))
                }
            }
            // A grant may be handed on to the same key again and again.
            guard !isOwn, asked.insert(link.holderThumbprint.exact).inserted else { continue }
            for holder in try holders(of: link.holderThumbprint, limit: Self.mostHolders) {
                found.append(LinkStanding(link: i, agent: holder, isNamed: false))
            }
        }
        return found
    }

    /// The most agents of one key and one state that are checked.
    private static var mostHolders: Int { 16 }
}

extension VerifiedChain {
    /// Everything that the chain's agents depend on, beyond what the chain says: revoking one of these ends them, even
    /// if they act for somebody else.
    func foundations(of standings: [LinkStanding]) -> [Revocation] {
        let root = links.first?.grant.claim
        var all: Set<Revocation> = []
        func add(_ kind: Revocation.Kind, _ value: String) { all.insert(Revocation(unchecked: kind, value)) }
        for standing in standings {
            let agent = standing.agent
            if root?.profile?.isSame(as: agent.profile) != true || issuer.isForeign { add(.profile, agent.profile) }
            for person in [agent.principal, agent.owner]
            where root?.principal?.isSame(as: person) != true && root?.owner?.isSame(as: person) != true {
                add(.principal, person)
            }
            if !standing.isNamed { for id in SPIFFEID.ancestry(of: agent.agent) { add(.agent, id) } }
        }
        return Array(all)
    }
}

extension Guard {
    /// Denies a chain that the followed registry disowns. Looked up once for each chain, with its agents' standing.
    ///
    /// Asked before a chain counts as anybody's: a chain that the registry never issued is a stranger's, in the log and
    /// in hooks too.
    func checkKnown(_ chain: VerifiedChain, now: Int64) throws(Denial) {
        guard !chain.isKnownToRegistry.load(ordering: .relaxed), let view else { return }
        let sequence = view.standings
        let found: (refusal: Denial?, standing: [LinkStanding])
        do throws(AgentIDError) { found = try view.look(at: chain) } catch {
            throw view.denial(error, "the grants")
        }
        if let refusal = found.refusal { throw refusal }
        // A fault in their standing is reported in its turn.
        _ = note(found.standing, of: chain, under: sequence, now: now)
        chain.isKnownToRegistry.store(true, ordering: .relaxed)
    }
}
