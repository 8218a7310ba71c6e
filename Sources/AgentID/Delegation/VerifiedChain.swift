internal import JOSE
internal import Scopes
internal import Synchronization

/// A chain whose signatures, links and narrowing hold: what does not change until it expires or is revoked.
final class VerifiedChain: Sendable {
    struct Link: Sendable {
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
    /// What a revocation may name.
    let revocable: [Revocation]
    /// The revocation sequence this chain was last found clean under.
    let checkedSequence = Atomic<UInt64>(UInt64.max)

    init(bytes: [UInt8], links: [Link], scope: Scope) {
        self.bytes = bytes
        self.links = links
        self.scope = scope
        leaf = links[links.count - 1].grant
        var revocable: [Revocation] = []
        for link in links {
            revocable.append(Revocation(unchecked: .grant, link.grant.id))
            revocable.append(Revocation(unchecked: .key, link.holderThumbprint))
            if let agent = link.grant.claim?.agent { revocable.append(Revocation(unchecked: .agent, agent)) }
            if let issuer = link.issuerKeyID { revocable.append(Revocation(unchecked: .issuer, issuer)) }
        }
        if let root = links.first?.grant.claim {
            if let profile = root.profile { revocable.append(Revocation(unchecked: .profile, profile)) }
            if let principal = root.principal { revocable.append(Revocation(unchecked: .principal, principal)) }
        }
        self.revocable = revocable
    }

    /// Whether this is the very same chain, byte for byte.
    func isPresented(as chain: [UInt8]) -> Bool {
        let bytes = bytes
        return bytes.span.hasSameBytes(as: chain.span)
    }

    /// The earliest end: a child never outlives its parent.
    var expires: Int64 { leaf.expires }
}
