public import JOSE
internal import Scopes
internal import Synchronization

/// The enforcement point: chain, proof, tool and arguments in, decision out. Safe to use from any thread.
///
/// Verified chains are kept, so that a later call under the same chain costs no signature but the proof's.
public final class Guard: Sendable {
    let options: Options
    let revocations: RevocationList
    private let follow: (@Sendable () throws -> Void)?
    private let anchors: Locked<TrustAnchors>
    private let cache: Locked<ChainCache>
    private let proofs: ProofMemory
    private let counters = Locked<[String: Int]>([:])
    private let permits = Atomic<Int>(0)
    private let newest = Atomic<Int64>(0)

    /// A guard that knows only what it is told: see ``addBundle(_:for:)`` and ``revoke(_:)``.
    public convenience init(_ options: Options) throws(AgentIDError) {
        try self.init(options, anchors: TrustAnchors(), revocations: RevocationList(), follow: nil)
    }

    /// - Parameters:
    ///   - follow: brings `revocations` up to date before every decision; throwing denies.
    ///   - replayPath: the file of replay memory that is shared, unless the options say otherwise.
    init(
        _ options: Options, anchors: TrustAnchors, revocations: RevocationList, follow: (@Sendable () throws -> Void)?,
        replayPath: String? = nil
    ) throws(AgentIDError) {
        try options.check()
        self.options = options
        self.revocations = revocations
        self.follow = follow
        self.anchors = Locked(anchors)
        cache = Locked(ChainCache(entries: options.cacheEntries, bytes: options.cacheBytes))
        if let replayPath, options.sharesReplayMemory {
            proofs = .shared(try SharedReplayTable(path: replayPath, capacity: options.replayCapacity))
        } else {
            proofs = .own(Locked(ReplayMemory(capacity: options.replayCapacity, window: options.proofWindow)))
        }
    }

    /// Trusts a trust domain's bundle, in place of one with a lower sequence.
    public func addBundle(_ json: [UInt8], for trustDomain: String) throws(AgentIDError) {
        let domain = try TrustDomain(trustDomain)
        let bundle = try TrustBundle(parsing: json)
        try replaceBundle(bundle, of: domain)
    }

    func replaceBundle(_ bundle: TrustBundle, of domain: TrustDomain) throws(AgentIDError) {
        let isKeyGone = try anchors.withLock { anchors throws(AgentIDError) in
            let held = anchors.bundles.updateValue(bundle, forKey: domain.name)
            if let held, held.sequence > bundle.sequence {
                anchors.bundles[domain.name] = held
                throw AgentIDError(
                    .state, name: "bundle_rollback",
                    message: "a bundle with sequence \(held.sequence) is held, this has \(bundle.sequence)",
                    at: "bundle.spiffe_sequence")
            }
            return held.map { !$0.keys.allSatisfy { kid, key in bundle.keys[kid] == key } } ?? false
        }
        // What was verified under a key that is gone must not stay.
        if isKeyGone { cache.withLock { $0.removeAll() } }
    }

    /// Trusts bare keys to sign roots of any issuer (AAT section 7 as it stands).
    public func trust(_ keys: [PublicKey]) {
        anchors.withLock { $0.bare += keys }
    }

    /// Revokes for this guard and those that share its list; shows before the call returns.
    public func revoke(_ revocation: Revocation) { revocations.add([revocation]) }

    /// Decides one call by chain and proof. Never throws: what cannot be checked is denied.
    public func authorize(chain: [UInt8], proof: [UInt8], tool: String, arguments: [UInt8]) -> Decision {
        var verified: VerifiedChain?
        do throws(Denial) {
            let now = try time()
            let chain = try verify(chain, credentials: [], now: now)
            verified = chain
            try decide(chain, proof: proof, tool: tool, arguments: arguments, now: now)
            return record(Decision(denial: nil, tool: tool, chain: chain))
        } catch {
            return record(Decision(denial: error, tool: tool, chain: verified))
        }
    }

    /// Decides one call of an agent in this process: holding it is the proof.
    public func authorize(_ agent: Agent, tool: String, arguments: [UInt8]) throws(AgentIDError) -> Decision {
        let chain = try agent.chainBytes()
        var verified: VerifiedChain?
        do throws(Denial) {
            let now = try time()
            let chain = try verify(chain, credentials: [], now: now)
            verified = chain
            try decide(chain, proof: nil, tool: tool, arguments: arguments, now: now)
            return record(Decision(denial: nil, tool: tool, chain: chain))
        } catch {
            return record(Decision(denial: error, tool: tool, chain: verified))
        }
    }

    /// Verifies a chain for many calls.
    ///
    /// - Parameter credentials: of holders whose ID is not under their parent's, joined by `~`.
    public func admit(chain: [UInt8], credentials: [UInt8] = []) throws(Denial) -> Admission {
        let now = try time()
        let tokens =
            credentials.isEmpty ? [] : credentials.split(separator: UInt8(ascii: "~"), omittingEmptySubsequences: false)
        guard tokens.count <= Limits.hardDepth, credentials.count <= Limits.chainSize else {
            throw Denial("chain_too_long", "too many credentials", at: "credentials")
        }
        let anchors = anchors.withLock { $0 }
        var shown: [Credential] = []
        for token in tokens { shown.append(try Credential(verifying: Array(token), anchors: anchors, now: now)) }
        let verified = try verify(chain, credentials: shown, now: now)
        try checkLive(verified, now: now)
        return Admission(chain: verified, guardian: self)
    }

    /// Decides one call under an admitted chain.
    public func authorize(_ admission: Admission, proof: [UInt8], tool: String, arguments: [UInt8]) -> Decision {
        do throws(Denial) {
            try decide(admission.chain, proof: proof, tool: tool, arguments: arguments, now: try time())
            return record(Decision(denial: nil, tool: tool, chain: admission.chain))
        } catch {
            return record(Decision(denial: error, tool: tool, chain: admission.chain))
        }
    }

    /// What this guard has done and holds.
    public func statistics() -> JSONTree {
        let (chains, bytes) = cache.withLock { ($0.count, $0.bytes) }
        let denied = counters.withLock { $0 }
        return [
            "permitted": .int(permits.load(ordering: .relaxed)), "denied": .object(denied.mapValues { .int($0) }),
            "cached_chains": .int(chains), "cached_bytes": .int(bytes),
            "remembered_proofs": .int(proofs.count(now: options.clock.seconds)), "revocations": .int(revocations.count),
        ]
    }
}

// MARK: The path of a decision

extension Guard {
    /// The present; a clock that went back further than a proof's window would let used proofs in again.
    private func time() throws(Denial) -> Int64 {
        let now = options.clock.seconds
        let latest = newest.max(now, ordering: .relaxed).newValue
        guard now + options.proofWindow >= latest else {
            throw Denial(
                "clock_went_back", "the clock went back by \(latest - now) s; set it right or make a new guard")
        }
        return now
    }

    /// The verified chain, from the cache or by verifying all of it.
    private func verify(_ chain: [UInt8], credentials: [Credential], now: Int64) throws(Denial) -> VerifiedChain {
        let key = ChainCache.key(of: chain)
        if let key, let found = cache.withLock({ $0.find(key, chain) }) { return found }
        let verifier = ChainVerifier(
            anchors: anchors.withLock { $0 }, limits: options.limits, requiresClaim: options.requiresClaim, now: now)
        let verified = try verifier.verify(chain, credentials: credentials)
        // A chain that needed a credential is admitted by handle only: the credential may end before the chain does.
        if let key, credentials.isEmpty { cache.withLock { $0.insert(verified, key) } }
        return verified
    }

    /// Revocation and expiry, which no cache remembers.
    private func checkLive(_ chain: VerifiedChain, now: Int64) throws(Denial) {
        do { try follow?() } catch {
            throw Denial("revocation_view_stale", "the revocations cannot be read: \(error)")
        }
        try checkRevocations(chain)
        guard chain.expires > now else {
            throw Denial("expired", "the grant has expired", link: chain.links.count - 1, at: "exp")
        }
        if let statuses = options.statuses {
            for (i, link) in chain.links.enumerated() {
                switch statuses.status(ofGrant: link.grant.id) {
                case .active: continue
                case .revoked: throw Denial("authority_revoked", "the grant is revoked", link: i, at: "jti")
                case .unknown: throw Denial("status_unavailable", "the grant's status is not known", link: i, at: "jti")
                }
            }
        }
        if let identities = options.identities {
            for (i, link) in chain.links.enumerated() {
                guard let subject = link.grant.subject else { continue }
                switch identities.binding(of: subject, toKey: link.holderThumbprint) {
                case .confirmed: continue
                case .mismatch:
                    throw Denial("subject_identity_mismatch", "the key is not the subject's", link: i, at: "sub")
                case .unavailable:
                    throw Denial("identity_binding_unavailable", "the subject cannot be confirmed", link: i, at: "sub")
                }
            }
        }
    }

    private func checkRevocations(_ chain: VerifiedChain) throws(Denial) {
        let sequence = revocations.sequence
        guard sequence != 0, chain.checkedSequence.load(ordering: .relaxed) != sequence else { return }
        if let revoked = revocations.first(in: chain) {
            throw Denial("authority_revoked", "revoked: \(revoked.kind.name) \(revoked.value)", at: "chain")
        }
        chain.checkedSequence.store(sequence, ordering: .relaxed)
    }

    /// Everything that is checked anew at each call. `proof` is `nil` where holding the agent is the proof.
    private func decide(
        _ chain: VerifiedChain, proof: [UInt8]?, tool: String, arguments: [UInt8], now: Int64
    ) throws(Denial) {
        try checkLive(chain, now: now)
        let call: JSON.Value
        do throws(JSON.ParseError) {
            call = try JSON(parsing: arguments, limits: .init(bytes: Limits.argumentsSize)).root
        } catch { throw Denial("arguments_malformed", "the arguments are no I-JSON: \(error)", at: "arguments") }
        guard call.kind == .object else {
            throw Denial("arguments_malformed", "the arguments are no object", at: "arguments")
        }
        if let refusal = chain.scope.refusal(of: tool, arguments: call) {  // step 6b
            throw Denial(refusal, tool: tool, link: chain.links.count - 1)
        }
        if let proof {  // step 7
            let verifier = ProofVerifier(
                audience: options.acceptsProofsWithoutAudience && options.audience == nil
                    ? nil : options.audience ?? "",
                window: options.proofWindow, now: now)
            let use = try verifier.verify(proof, of: tool, arguments: call, under: chain)
            switch proofs.remember(use, now: now) {
            case .fresh: break
            case .replayed: throw Denial("replayed", "this proof was used before", at: "proof.jti")
            case .full:
                throw Denial("replayed", "no room to remember this proof: raise replay_capacity", at: "proof.jti")
            case .late:
                throw Denial("pop_stale", "what this proof must be compared with may be forgotten", at: "proof.iat")
            }
        }
        // Once more: nothing is permitted after a revocation returned.
        try checkRevocations(chain)
    }

    private func record(_ decision: Decision) -> Decision {
        if let denial = decision.denial {
            counters.withLock { $0[denial.reason.rawValue, default: 0] += 1 }
        } else {
            permits.add(1, ordering: .relaxed)
        }
        return decision
    }
}

/// A chain that a guard has verified, kept to spare the look-up.
public struct Admission: Sendable {
    let chain: VerifiedChain
    /// The guard that admitted it, and the only one that goes by it.
    public let guardian: Guard
}
