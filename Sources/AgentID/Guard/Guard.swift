public import JOSE
internal import Scopes
public import StrictJSON
internal import Synchronization

/// The enforcement point: chain, proof, tool and arguments in, decision out. Safe to use from any thread.
///
/// Verified chains are kept, so that a later call under the same chain costs no signature but the proof's.
public final class Guard: Sendable {
    let options: Options
    /// The registry that this guard follows; `nil` if it knows only what it is told.
    let view: RegistryView?
    /// The same, for what is asked of it at every decision.
    let following: Borrowed<RegistryView>?
    /// Where its decisions are written down; `nil` where nowhere.
    let trail: AuditTrail?
    /// Is told of each denial; `nil` for a guard that no authority made. Waits for nothing.
    let onDenial: (@Sendable (Decision) -> Void)?
    /// Stops agents that crossed the line of a rule; `nil` for a guard that nobody asks for decisions.
    let stopping: AgentStopping?
    /// Marks its permits as its own, and holds its broker.
    let permitSource = PermitSource()
    /// The part that all its audit entries share.
    let auditMark: AuditMark?
    /// The revocations for this guard alone.
    let revocations = RevocationList()
    /// The signed lists of domains whose registry this guard does not follow.
    let loaded = LoadedRevocations()
    let anchors = Locked(TrustAnchors())
    let cache: Locked<ChainCache>
    /// The compiled scopes of agents in this process, which others of them may have as well.
    let scopes = Locked(CompiledScopes())
    let fronts = AgentFronts()
    let proofs: ProofMemory
    let nonces: any Nonces
    let counters = Locked(DenialCounters())
    let permits = StripedCounter()
    /// Keeps rates and labels of the policy; `nil` for a guard that follows no registry.
    let meters: MetersOpening?
    /// Asks for approval of calls; `nil` as above.
    let desk: ApprovalDesk?
    let clock: CheckedClock
    let watch: ClockWatch
    /// When the view was last known to be complete, in milliseconds of the guard's clock, and of one that nobody sets.
    let viewedAt: Atomic<Int64>
    let viewedAtSteady: Atomic<Int64>
    let keysSequence = Atomic<Int64>(0)
    /// The generation of ``anchors``, for those who only compare it.
    let anchorGeneration = Atomic<UInt64>(1)

    /// A guard that knows only what it is told: see ``addBundle(_:for:)`` and ``revoke(_:)``.
    public convenience init(_ options: Options) throws(AgentIDError) { try self.init(options, view: nil, trail: nil) }

    init(
        _ options: Options, view: RegistryView?, trail: AuditTrail?, stopping: AgentStopping? = nil,
        onDenial: (@Sendable (Decision) -> Void)? = nil,
        onAsked: @escaping @Sendable () -> Void = {}
    ) throws(AgentIDError) {
        try options.check()
        self.options = options
        (self.view, self.trail, self.stopping, self.onDenial) = (view, trail, stopping, onDenial)
        following = view.map { Borrowed($0) }
        auditMark = trail?.mark(of: options.audience)
        clock = CheckedClock(options.clock)
        meters = view?.meters(
            isMachine: clock.isMachine, isDurable: trail?.isDurable ?? false, isCopy: options.looksOnly)
        desk = view.map { ApprovalDesk(directory: $0.directory, registry: $0.registry, onAsked: onAsked) }
        watch = ClockWatch(window: options.proofWindow * 1000)
        // From now on steps are seen, not from the first decision.
        if let now = try? clock.now() { _ = watch.wentBack(to: now) }
        viewedAt = Atomic(clock.milliseconds)
        viewedAtSteady = Atomic(MonotonicClock.milliseconds)
        cache = Locked(ChainCache(entries: options.cacheEntries, bytes: options.cacheBytes))
        if let path = view?.replayPath, options.sharesReplayMemory {
            proofs = .shared(
                try SharedReplayMemory(
                    path: path, capacity: options.replayCapacity, window: options.proofWindow))
        } else {
            proofs = .own(try ReplayTable(capacity: options.replayCapacity, window: options.proofWindow))
        }
        nonces =
            options.nonces
            ?? SealedNonces(key: proofs.secret, audience: options.audience, window: options.proofWindow)
        try followKeys()
    }

    /// Trusts a trust domain's bundle, in place of one with a lower sequence.
    ///
    /// Refused of the domain whose registry this guard follows: that alone says which keys are its own.
    public func addBundle(_ json: [UInt8], for trustDomain: String) throws(AgentIDError) {
        let domain = try TrustDomain(trustDomain)
        guard view?.trustDomain != domain else {
            throw AgentIDError(
                .state, name: "own_domain",
                message:
                    "this guard follows the registry of \(domain), which says what its keys are: give it no bundle",
                at: "trust_domain")
        }
        let bundle = try TrustBundle(parsing: json, of: domain)
        try replaceBundle(bundle, of: domain)
        refreshed()
    }

    func replaceBundle(_ bundle: TrustBundle, of domain: TrustDomain) throws(AgentIDError) {
        try anchors.withLock { anchors throws(AgentIDError) in
            try anchors.replace(bundle, of: domain)
            // What was verified before is looked up again at its next call, wherever it is kept.
            anchorGeneration.store(anchors.generation, ordering: .releasing)
        }
    }

    /// Trusts bare keys to sign the roots of one issuer, which `iss` must name exactly (AAT step 3k).
    ///
    /// - Parameters:
    ///   - keys: added to those that are trusted for this issuer.
    ///   - issuer: a URI, e.g. `https://auth.example.com`. Of a trust domain that this guard has a bundle of, only
    ///     that bundle says whose keys are its own.
    public func trust(_ keys: [PublicKey], issuer: String) throws(AgentIDError) {
        try IssuerURI.check(issuer, at: "issuer")
        anchors.withLock { anchors in
            anchors.trust(keys, for: issuer)
            anchorGeneration.store(anchors.generation, ordering: .releasing)
        }
    }

    /// Revokes for this guard alone; shows before the call returns.
    public func revoke(_ revocation: Revocation) {
        revocations.add([revocation])
        refreshed()
    }

    /// Says that nothing was revoked beyond what this guard was told: its view is as old as this call. A guard that follows a
    /// registry goes by its own looks alone.
    public func refreshed() { told(as: 0) }

    /// - Parameter age: of what it was told, in milliseconds.
    func told(as age: Int64) {
        guard view == nil else { return }
        let (now, steady) = (clock.milliseconds - age, MonotonicClock.milliseconds - age)
        // Older news make no view older.
        noteView(
            at: max(now, viewedAt.load(ordering: .relaxed)), max(steady, viewedAtSteady.load(ordering: .relaxed)))
    }

    /// Decides one call by chain and proof. Never throws: what cannot be checked is denied.
    public func check(chain: [UInt8], proof: [UInt8], tool: String, arguments: [UInt8]) -> Decision {
        decision(on: tool, arguments, proof: proof) { now throws(Denial) in
            try verify(chain, credentials: [], now: now)
        }
    }

    /// Verifies a chain for many calls.
    ///
    /// - Parameters:
    ///   - chain: grants from the root to the caller's own, joined by `~`.
    ///   - credentials: of holders whose ID is not under their parent's, joined by `~`.
    public func admit(chain: [UInt8], credentials: [UInt8] = []) throws(Denial) -> Admission {
        var verified: VerifiedChain?
        do throws(Denial) { return try admit(chain, credentials, &verified) } catch {
            refused(error, chain: verified)
            throw error
        }
    }

    private func admit(
        _ chain: [UInt8], _ credentials: [UInt8], _ admitted: inout VerifiedChain?
    ) throws(Denial) -> Admission {
        let now = try begin()
        let tokens =
            credentials.isEmpty ? [] : credentials.split(separator: UInt8(ascii: "~"), omittingEmptySubsequences: false)
        guard tokens.count <= Limits.hardDepth, credentials.count <= Limits.chainSize else {
            throw Denial("chain_too_long", "too many credentials", at: "credentials")
        }
        let anchors = anchors.withLock { $0 }
        var shown: [Credential] = []
        for token in tokens {
            let credential = try Credential(verifying: Array(token), anchors: anchors, now: now / 1000)
            try checkRevocations(of: credential)
            shown.append(credential)
        }
        let verified = try verify(chain, credentials: shown, shownUnder: anchors, now: now)
        try checkKnown(verified, now: now)
        admitted = verified
        try checkLive(verified, now: now)
        return Admission(chain: verified, guardian: self)
    }

    /// Decides one call under an admitted chain.
    ///
    /// Denied where another guard admitted it: what that one trusts, and what was revoked there, is not this one's.
    public func check(_ admission: Admission, proof: [UInt8], tool: String, arguments: [UInt8]) -> Decision {
        decision(on: tool, arguments, proof: proof) { _ throws(Denial) in
            guard admission.guardian === self else {
                throw Denial("untrusted_root", "another guard admitted this chain: admit it here", at: "admission")
            }
            return admission.chain
        }
    }

    /// Writes down how a permitted call went, for the audit log.
    ///
    /// - Parameters:
    ///   - outcome: In a few words, e.g. `succeeded` or `failed: not found`; at most 1024 bytes, without argument values.
    ///   - decision: The whole ID of the decision, of this guard or another of the directory.
    /// - Throws: `decision` for what is not such an ID, and for a decision that this guard has not made.
    public func report(_ outcome: String, of decision: String) throws(AgentIDError) {
        guard let trail, trail.log != nil else {
            throw AgentIDError(.state, name: "no_audit_log", message: "this guard has no audit log")
        }
        try AuditBounds.check(outcome: outcome)
        try trail.report(outcome, of: decision, at: clock.milliseconds)
    }

    /// The guard's counters and the size of its memory.
    public func statistics() -> JSONTree {
        let (chains, bytes) = cache.withLock { ($0.count, $0.bytes) }
        let denied = counters.withLock { $0.tree }
        let used = proofs.statistics()
        return [
            "permitted": .int(permits.value), "denied": denied,
            "cached_chains": .int(chains), "cached_bytes": .int(bytes),
            "remembered_proofs": .int(used.remembered), "replay_slots": .int(used.slots),
            "replay_slots_at_most": .int(used.mostSlots),
            "unrecorded": .int(trail?.unrecorded ?? 0),
            "revocations": .int(revocations.count + (view?.revocations.count ?? 0) + loaded.count),
        ]
    }
}

/// A chain that a guard has verified, kept to save the look-up.
public struct Admission: Sendable {
    let chain: VerifiedChain
    /// The authority that the chain comes from.
    public var issuer: ChainIssuer { chain.issuer }
    /// The guard that admitted it, and the only one that goes by it.
    public let guardian: Guard
    /// The agent that the last grant names; `nil` where it names none.
    package var agent: String? { chain.leaf.claim?.agent }
    /// When the last grant ends, in seconds since 1970.
    package var expires: Int64 { chain.leaf.expires }
}
