internal import JOSE
internal import Scopes
internal import Synchronization

/// A chain whose signatures, links and narrowing hold: what does not change until it expires or is revoked.
@safe final class VerifiedChain: Sendable {
    /// An object: a copy of all that it holds would touch some twenty reference counts.
    final class Link: Sendable {
        let grant: Grant
        let jws: CompactJWS
        let holderThumbprint: String
        /// The authority's key that signed, for a root.
        let issuerKeyID: String?

        init(grant: Grant, jws: CompactJWS, issuerKeyID: String?) {
            self.grant = grant
            self.jws = jws
            self.issuerKeyID = issuerKeyID
            holderThumbprint = grant.holder.thumbprint
        }
    }

    /// The chain as it was presented.
    let bytes: [UInt8]
    let links: [Link]
    let leaf: Grant
    /// The leaf's scope, compiled.
    let scope: Scope
    /// The IDs of its agents, root first, each once.
    let agents: [String]
    // SAFETY: written once, by whoever moves `contextStep` from 0 to 1; read by those who see it at 2.
    nonisolated(unsafe) private var context: AuditContext?
    private let contextStep = Atomic<Int>(0)
    /// The revocation sequence this chain was last found clean under.
    let checkedSequence = Atomic<UInt64>(UInt64.max)
    /// The registry's sequence its agents' standing was last read under.
    let standingSequence = Atomic<Int64>(-1)
    /// Until when their leases are known to run, in milliseconds.
    let leasedUntil = Atomic<Int64>(0)

    init(bytes: [UInt8], links: [Link], scope: Scope) {
        self.bytes = bytes
        self.links = links
        self.scope = scope
        leaf = links[links.count - 1].grant
        var agents: [String] = []
        for link in links {
            if let agent = link.grant.claim?.agent, agents.last != agent { agents.append(agent) }
        }
        self.agents = agents
    }

    /// What the audit log says of it; made when it is first asked for.
    ///
    /// Not an `AtomicLazyReference`, which costs 600 instructions at each look in Swift 6.3.
    var auditContext: AuditContext {
        if contextStep.load(ordering: .acquiring) == 2, let context = unsafe context { return context }
        let made = AuditContext(links)
        if contextStep.compareExchange(expected: 0, desired: 1, ordering: .relaxed).exchanged {
            unsafe context = made
            contextStep.store(2, ordering: .releasing)
        }
        return made
    }

    /// The first thing in the chain that `isRevoked` says is revoked.
    func firstRevoked(_ isRevoked: (Revocation) -> Bool) -> Revocation? {
        func find(_ kind: Revocation.Kind, _ value: String?) -> Revocation? {
            guard let value else { return nil }
            let candidate = Revocation(unchecked: kind, value)
            return isRevoked(candidate) ? candidate : nil
        }
        for link in links {
            let revoked =
                find(.grant, link.grant.id) ?? find(.key, link.holderThumbprint) ?? find(.issuer, link.issuerKeyID)
            if let revoked { return revoked }
        }
        var above: String?
        for agent in agents {
            // An agent falls with every ID it stands under; those it shares with its parent were looked at there.
            for id in SPIFFEID.ancestry(of: agent) {
                if let above, above == id || SPIFFEID.isUnder(above, id) { break }
                if let revoked = find(.agent, id) { return revoked }
            }
            above = agent
        }
        let root = links.first?.grant.claim
        return find(.profile, root?.profile) ?? find(.principal, root?.principal)
    }

    /// Everything whose revocation ends the chain.
    var revocable: [Revocation] {
        var all: [Revocation] = []
        _ = firstRevoked { candidate in
            all.append(candidate)
            return false
        }
        return all
    }

    /// Whether this is the very same chain, byte for byte.
    func isPresented(as chain: [UInt8]) -> Bool {
        let bytes = bytes
        return bytes.span.hasSameBytes(as: chain.span)
    }

    /// The earliest end: a child never outlives its parent.
    var expires: Int64 { leaf.expires }
}
