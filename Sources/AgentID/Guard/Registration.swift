internal import JOSE
internal import StrictJSON
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

/// How an agent stands that a chain rests on: it is named in the chain, or a link is held by its key.
struct LinkStanding: Sendable {
    let link: Int
    var agent: AgentStanding
    /// Whether the link names it; else its key alone is there.
    let isNamed: Bool
}

extension RegistryReader {
    /// How all the agents stand that a chain rests on, as far as they are registered.
    ///
    /// A key is its agent's wherever it stands: what others delegated to it, naming somebody else or nobody, is good only
    /// as long as the agent may act. Only a link that names the registered agent whose own key this is asks about that
    /// one alone: an authority may have issued anew to a key.
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

    /// More agents of one key and one state are not looked at.
    private static var mostHolders: Int { 16 }
}

extension VerifiedChain {
    /// What the agents it rests on stand on themselves, beyond what the chain says: whoever revokes one of these means
    /// them, also where they act for somebody else.
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
    /// Denies a chain that the followed registry disowns. Looked up once a chain, with its agents' standing.
    ///
    /// Asked before a chain is anybody's: what the registry never issued is a stranger's, in the log and in hooks too.
    func checkKnown(_ chain: VerifiedChain, now: Int64) throws(Denial) {
        guard !chain.isKnownToRegistry.load(ordering: .relaxed), let view else { return }
        let sequence = view.standings
        let found: (refusal: Denial?, standing: [LinkStanding])
        do throws(AgentIDError) { found = try view.look(at: chain) } catch {
            throw view.denial(error, "the grants")
        }
        if let refusal = found.refusal { throw refusal }
        // What is wrong with how they stand is said in its turn.
        _ = note(found.standing, of: chain, under: sequence, now: now)
        chain.isKnownToRegistry.store(true, ordering: .relaxed)
    }
}
