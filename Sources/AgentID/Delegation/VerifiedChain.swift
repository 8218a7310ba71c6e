internal import JOSE
internal import Scopes
internal import StrictJSON
internal import Synchronization

/// A chain whose signatures, links and narrowing hold. None of that changes: a guard judges anew only what may.
@safe final class VerifiedChain: Sendable {
    /// One grant of the chain. An object: a copy of all that it holds would touch some twenty reference counts.
    final class Link: Sendable {
        let grant: Grant
        let jws: CompactJWS
        let holderThumbprint: String
        /// The hash of this grant in a child's `par_hash` and a proof's `aat_hash`; computed once.
        let signingInputHash: String
        /// The authority's key that signed, for a root, as it was trusted when the chain was verified.
        let anchor: TrustAnchor?
        /// The credential without which it would not have verified.
        let credential: Credential?

        init(grant: Grant, jws: CompactJWS, anchor: TrustAnchor? = nil, credential: Credential? = nil) {
            self.grant = grant
            self.jws = jws
            self.anchor = anchor
            self.credential = credential
            holderThumbprint = grant.holder.thumbprint
            signingInputHash = jws.signingInputHash
        }

        /// The SHA-256 of the whole token, base64url: what tells it from another of the same `jti`.
        var tokenHash: String {
            let token = jws.bytes
            return Base64URL.encode(Sodium.sha256(token.span))
        }
    }

    // First, and so on one or two lines of memory, what every decision reads.

    // SAFETY: an object that this one holds, or none; it is put here once.
    nonisolated(unsafe) private let compiled = unsafe Atomic<UnsafeRawPointer?>(nil)
    /// The generation of the trust anchors that it was last found good under; 0: never looked.
    let anchorGeneration: Atomic<UInt64>
    /// The earliest end of all that it rests on - grants, credentials, keys - in seconds since 1970.
    let goodUntil: Atomic<Int64>
    /// The revocation sequence this chain was last found clean under.
    let checkedSequence = Atomic<UInt64>(UInt64.max)
    /// The registry's sequence its agents' standing was last read under.
    let standingSequence = Atomic<Int64>(-1)
    /// Until when their leases are known to run, in milliseconds.
    let leasedUntil = Atomic<Int64>(0)
    /// Whether the guard that verified it has found in the registry what must stand there, or need not look.
    let isKnownToRegistry: Atomic<Bool>
    /// Whether a grant of it states limits.
    let isLimited: Bool
    /// Whether it keeps as many plans as one chain may: the next call verifies the chain anew.
    let isWornOut = Atomic<Bool>(false)
    /// The memory that its plans take, in bytes, as the cache has counted it: changed under the cache's lock alone.
    let planned = Atomic<Int>(0)
    /// The plan of the policy in force for it.
    let plan = LatestPlace()
    /// An object that a module above makes from it, once.
    let memo = Memo()
    /// The chain as it was presented.
    let bytes: [UInt8]
    let links: [Link]
    let leaf: Grant
    /// The leaf's scope.
    let scope: Scope
    /// The memory it takes, with all that it keeps alive, in bytes.
    let size: Int
    /// The IDs of its agents, root first, each once.
    let agents: [String]
    /// The root grant and whose key signed it: what all that descends from it has in common.
    let tree: String
    /// Whose word its names are.
    let issuer: ChainIssuer
    /// Everything that its agents depend on, according to the registry.
    private let foundations = Locked<[Revocation]>([])

    /// - Parameters:
    ///   - generation: of the anchors it was verified under.
    ///   - issuer: of its root.
    init(bytes: [UInt8], links: [Link], scope: Scope, generation: UInt64, issuer: ChainIssuer) {
        self.issuer = issuer
        self.bytes = bytes
        self.links = links
        self.scope = scope
        size = Self.size(of: links, bytes: bytes.count)
        anchorGeneration = Atomic(generation)
        goodUntil = Atomic(Self.end(of: links, anchors: links.compactMap { $0.anchor ?? $0.credential?.anchor }))
        leaf = links[links.count - 1].grant
        tree = (links[0].anchor?.thumbprint ?? "") + links[0].grant.id
        var agents: [String] = []
        for link in links {
            if let agent = link.grant.claim?.agent, agents.last?.isSame(as: agent) != true { agents.append(agent) }
        }
        self.agents = agents
        isLimited = links.contains { $0.grant.claim?.limits != nil }
        let home = issuer.home
        isKnownToRegistry = Atomic(
            home == nil || !issuer.isOwn && !links.contains { $0.credential?.anchor.domain == home })
    }

    deinit {
        // SAFETY: nobody else knows of it any more.
        if let held = unsafe compiled.load(ordering: .acquiring) {
            unsafe Unmanaged<CompiledScope>.fromOpaque(held).release()
        }
    }

    /// Takes the form of ``scope`` by which calls are decided from now on, unless it has one.
    func take(_ scope: CompiledScope) {
        let held = unsafe Unmanaged.passRetained(scope)
        let (isKept, _) = unsafe compiled.compareExchange(
            expected: nil, desired: UnsafeRawPointer(held.toOpaque()), ordering: .acquiringAndReleasing)
        if !isKept { unsafe held.release() }
    }

    /// The scope's refusal of a call (AAT section 7, step 6b).
    func refusal(of tool: String, arguments: JSON.Value, within work: inout WorkBudget) -> Refusal? {
        guard let held = unsafe compiled.load(ordering: .acquiring) else {
            return scope.refusal(of: tool, arguments: arguments, within: &work)
        }
        return unsafe Unmanaged<CompiledScope>.fromOpaque(held)._withUnsafeGuaranteedRef {
            $0.refusal(of: tool, arguments: arguments, within: &work)
        }
    }

    /// The first thing in the chain that `isRevoked` says is revoked.
    ///
    /// - Parameter profiles: Whether that knows profiles of the chain's own domain: their names mean nothing elsewhere.
    func firstRevoked(profiles: Bool = true, _ isRevoked: (Revocation) -> Bool) -> Revocation? {
        func find(_ kind: Revocation.Kind, _ value: String?) -> Revocation? {
            guard let value else { return nil }
            let candidate = Revocation(unchecked: kind, value)
            return isRevoked(candidate) ? candidate : nil
        }
        for link in links {
            let revoked =
                find(.grant, link.grant.id) ?? find(.key, link.holderThumbprint)
                ?? find(.issuer, link.anchor?.thumbprint) ?? find(.issuer, link.credential?.anchor.thumbprint)
            if let revoked { return revoked }
        }
        var above: String?
        for agent in agents {
            // An agent falls with every ID it stands under; those it shares with its parent were looked at there.
            for id in SPIFFEID.ancestry(of: agent) {
                if let above, above.isSame(as: id) || SPIFFEID.isUnder(above, id) { break }
                if let revoked = find(.agent, id) { return revoked }
            }
            above = agent
        }
        let root = links.first?.grant.claim
        // Named as principal or as owner: a person who left gives nobody authority, and answers for nobody.
        return find(.profile, profiles ? root?.profile : nil) ?? find(.principal, root?.principal)
            ?? find(.principal, root?.owner) ?? foundations.withLock { $0 }.first(where: isRevoked)
    }

    /// Takes what its agents are found to stand on.
    func stand(on found: [Revocation]) { foundations.withLock { $0 = found } }

    /// Everything whose revocation ends the chain.
    var revocable: [Revocation] {
        var all: [Revocation] = []
        _ = firstRevoked { candidate in
            all.append(candidate)
            return false
        }
        return all
    }

    /// The leaf's hash: it names the leaf in proofs (`aat_hash`), and the chain in a reference.
    var leafHash: String { links.last?.signingInputHash ?? "" }

    /// Whether this is the very same chain, byte for byte.
    func isPresented(as chain: [UInt8]) -> Bool {
        let bytes = bytes
        return bytes.span.hasSameBytes(as: chain.span)
    }

    /// The earliest end of all that it rests on, in seconds since 1970.
    var expires: Int64 { goodUntil.load(ordering: .relaxed) }

    private static func end(of links: [Link], anchors: [TrustAnchor]) -> Int64 {
        let grants = links.map(\.grant.expires)
        return (grants + links.compactMap { $0.credential?.expires } + anchors.compactMap(\.endsAt)).min() ?? 0
    }

    /// Looks up again who signed, when the anchors have changed; `nil` where that is still good.
    ///
    /// A chain is believed only under anchors that it was looked up in. So an anchor that left its bundle, while the chain
    /// was being verified or an admission of it was held, is found missing at the next call.
    ///
    /// The caller holds the anchors' lock: the end and the generation that are noted then belong together.
    func refusal(under anchors: TrustAnchors, at now: Int64) -> Denial? {
        var current: [TrustAnchor] = []
        for (i, link) in links.enumerated() {
            guard let anchor = link.anchor ?? link.credential?.anchor else { continue }
            let issuedAt = link.credential?.issuedAt ?? link.grant.issuedAt
            let reason = link.credential == nil ? "untrusted_root" : "subject_identity_mismatch"
            guard let found = anchors.current(anchor) else {
                return Denial(reason, "the key that signed is not trusted any more: \(anchor.thumbprint)", link: i)
            }
            if anchor.domain == nil, anchors.holdBundle(of: link.grant.issuer) {
                return Denial(reason, "the domain that iss names has a bundle now, and this key is not in it", link: i)
            }
            if let denial = found.denial(ofStatementFrom: issuedAt, at: now, as: reason, link: i) { return denial }
            current.append(found)
        }
        // Before the generation: who sees that sees this.
        goodUntil.store(Self.end(of: links, anchors: current), ordering: .relaxed)
        anchorGeneration.store(anchors.generation, ordering: .releasing)
        return nil
    }
}
