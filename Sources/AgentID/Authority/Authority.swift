public import JOSE
internal import Scopes

/// The root issuer of a trust domain: its signing keys, its profiles, its agents. Safe to use from any thread.
public final class Authority: Sendable {
    /// The options for opening an authority.
    public struct Options: Sendable {
        /// The trust domain's name: required to create an authority, compared with the stored one otherwise.
        public var trustDomain: String?
        /// The passphrase that seals the signing keys at rest. Refused if it would protect nothing
        /// (`passphrase_unused`): keys that are stored in the open, in memory, or with the caller's signer.
        public var passphrase: Passphrase?
        /// Signs instead of a stored key.
        public var signer: (any Signer)?
        /// The clock.
        public var clock: any WallClock = SystemClock()
        /// Whether to refuse to create an authority that does not exist.
        public var mustExist = false
        /// The time that an agent lives without being renewed, in seconds; 1 to 86400. Handles renew themselves.
        public var leaseDuration: Int64 = 300
        /// The time after its lease lapsed in which an agent that nobody ended is renewed by its handle, in seconds:
        /// its process may have been stopped, or the machine asleep. At most 30 days; 0: never. Reaping waits as long.
        public var resumeWithin: Int64 = 0
        /// The recording of decisions and events, if there is a directory.
        public var audit = AuditPolicy()
        /// Whether nothing will be changed: a directory on a read-only disk is then opened all the same.
        package var onlyReads = false
        /// Whether it is opened where its keys are sealed and there is no passphrase: nothing is signed then.
        package var mayLackKeys = false
        /// The second clock for leases, besides `clock`: replaced only in tests.
        package var steadyClock = SteadyClock.machine
        /// The clock that meters go by: replaced only in tests.
        package var metersClock = SteadyClock.machine

        /// The defaults.
        public init() {}

        func check() throws(AgentIDError) {
            guard (1...86_400).contains(leaseDuration) else {
                throw AgentIDError(
                    .argument, name: "lease_duration", message: "a lease runs 1 second to 1 day",
                    at: "options.lease_duration")
            }
            guard (0...Limits.longestParking).contains(resumeWithin) else {
                throw AgentIDError(
                    .argument, name: "resume_within", message: "a lapsed lease is renewed within 0 seconds to 30 days",
                    at: "options.resume_within")
            }
        }
    }

    /// The trust domain.
    public let trustDomain: TrustDomain
    let options: Options
    let clock: CheckedClock
    let registry: any Registry
    /// `nil`: in memory.
    let directory: AuthorityDirectory?
    let keys: SigningKeys
    let view: RegistryView
    let lifecycle: Lifecycle
    let trail: AuditTrail?
    let stopping: AgentStopping
    let home: Guard

    init(
        registry: any Registry, keys: SigningKeys, directory: AuthorityDirectory?, options: Options
    ) throws(AgentIDError) {
        var options = options
        options.passphrase = nil
        (self.options, self.registry, self.directory, self.keys) = (options, registry, directory, keys)
        clock = CheckedClock(options.clock)
        view = try RegistryView(of: registry, in: directory, steady: options.metersClock)
        trustDomain = view.trustDomain
        // If this directory already has an audit log, events are recorded even when auditing is off in this session.
        let isLogging = directory.map { options.audit.isEnabled || $0.hasAuditLog } ?? false
        let trail = try AuditTrail.open(
            options.audit, of: trustDomain, in: directory, keys: keys, registry: registry, clock: clock)
        self.trail = trail
        lifecycle = Lifecycle(
            of: view, keys: keys, clock: clock, steady: options.steadyClock,
            leasing: Leasing(duration: options.leaseDuration, resumeWithin: options.resumeWithin),
            journal: directory?.journal, isLogging: isLogging,
            logBreach: { trail.flatMap { $0.isStrict ? $0.log?.apart : nil } })
        var guardOptions = Guard.Options()
        guardOptions.acceptsProofsWithoutAudience = true
        guardOptions.clock = clock
        // Asked by agents in this process, which need no proof.
        guardOptions.sharesReplayMemory = false
        guardOptions.looksOnly = options.onlyReads
        stopping = AgentStopping(view, write: lifecycle.stop)
        home = try Guard(
            guardOptions, view: view, trail: trail, stopping: stopping, onDenial: lifecycle.denials.add,
            onAsked: lifecycle.hooks.wake)
        if let meters = home.meters { _ = lifecycle.meters.replaced { _ in meters } }
        try lifecycle.foldWhatIsLeft()
    }

    deinit { lifecycle.stop() }

    /// Closes the authority. The keys are wiped when the last call that uses them returns. Leases are no longer
    /// renewed. Waits for what its threads are at, up to 5 seconds where a signer does not answer.
    public func close() {
        keys.close()
        lifecycle.stop()
        // All events up to now are in the log when this returns, unless another process is integrating and does not
        // finish: then that process or the next one integrates them. The log's thread ends with the last guard.
        try? trail?.log?.integrate(within: 1000)
    }

    /// Creates or replaces a profile. One without a review date keeps that of the stored profile: `certify`
    /// takes it away.
    ///
    /// - Throws: `review_by` if the review date is in the past, unless the stored profile has the very same: a program that
    ///   puts its profiles at each start goes on, and no agent of the profile starts.
    public func put(_ profile: Profile) throws(AgentIDError) {
        try keys.checkOpen()
        try lifecycle.checkWhole()
        let now = try clock.now() / 1000
        try registry.write { registry in
            // One that is damaged is replaced.
            let kept = (try? registry.profile(named: profile.name))?.profile.reviewBy
            var profile = profile
            if profile.reviewBy == nil { profile.reviewBy = kept }
            if let review = profile.reviewBy, review <= now, review != kept {
                throw AgentIDError(
                    .argument, name: "review_by",
                    message: "the review is in the past, and no agent would start: give a later time, in seconds "
                        + "since 1970", at: "options.review_by")
            }
            try registry.put(ProfileRecord(profile: profile, certifiedAt: now))
        }
    }

    /// The stored profiles that cannot be read, by name. Storing such a profile again repairs it.
    public func damagedProfiles() throws(AgentIDError) -> [DamagedProfile] {
        try keys.checkOpen()
        return try registry.read { try $0.damagedProfiles() }
    }

    /// All readable profiles, by name.
    public func profiles() throws(AgentIDError) -> [Profile] {
        try keys.checkOpen()
        return try registry.read { try $0.profiles() }.map(\.profile)
    }

    /// One profile.
    public func profile(named name: String) throws(AgentIDError) -> Profile {
        try keys.checkOpen()
        return try registry.read { try Issuance.profile(named: name, in: $0) }
    }

    /// Starts an agent: a new ID, a new key, a credential, and a root grant. While it is held, credential and grant are
    /// renewed, up to ``AgentRequest/until``.
    public func startAgent(profile name: String, _ request: AgentRequest) throws(AgentIDError) -> Agent {
        try lifecycle.leases.begin(for: lifecycle)
        let key = try Agent.newKey()
        let (issuance, credential) = try lifecycle.withActiveKey {
            active throws(AgentIDError) -> (Issuance, HeldCredential) in
            let issuance = try self.issuance(profile: name, to: key.publicKey, request, signedWith: active)
            // Renewed with the lease, so it lives no longer than that.
            let credential = try lifecycle.credential(
                for: key.publicKey, id: issuance.agent.id, until: issuance.grant.expires)
            try lifecycle.register(
                issuance, leaseUntil: issuance.milliseconds + options.leaseDuration * 1000,
                grace: options.resumeWithin * 1000)
            return (issuance, credential)
        }
        let agent = Agent(
            Agent.State(
                held: issuance.held, key: key, credential: credential, lineage: Lineage(root: issuance),
                term: Term(
                    source: .authority, lifetime: request.lifetime(under: issuance.profile), until: request.until)),
            clock: clock, home: Agent.Home(guardian: home, lifecycle: lifecycle))
        lifecycle.leases.keep(agent, id: issuance.agent.id, for: lifecycle)
        return agent
    }

    /// Issues a root grant and a credential: profile ceiling ∩ principal's entitlements ∩ the task's request.
    ///
    /// The key is held elsewhere, where nothing renews a lease or a grant: both run until the grant expires.
    public func issue(
        profile name: String, to holder: PublicKey, _ request: AgentRequest
    ) throws(AgentIDError) -> (chain: String, credential: String) {
        guard !request.isIsolated else { throw Agent.unisolable }
        return try lifecycle.withActiveKey { active throws(AgentIDError) in
            let issuance = try self.issuance(profile: name, to: holder, request, signedWith: active)
            let credential = try issuance.credential(to: holder, by: keys)
            try lifecycle.register(issuance, leaseUntil: issuance.grant.expires * 1000)
            return (issuance.grant.chain, credential)
        }
    }

    /// Issues a root grant without a credential, for a holder that shows none; otherwise as `issue`.
    public func issueGrant(
        profile name: String, to holder: PublicKey, _ request: AgentRequest
    ) throws(AgentIDError) -> String {
        guard !request.isIsolated else { throw Agent.unisolable }
        return try lifecycle.withActiveKey { active throws(AgentIDError) in
            let issuance = try self.issuance(profile: name, to: holder, request, signedWith: active)
            try lifecycle.register(issuance, leaseUntil: issuance.grant.expires * 1000)
            return issuance.grant.chain
        }
    }

    private func issuance(
        profile name: String, to holder: PublicKey, _ request: AgentRequest, signedWith active: PublicKey
    ) throws(AgentIDError) -> Issuance {
        try keys.checkOpen()
        try lifecycle.checkWhole()
        let profile = try registry.read { registry in
            let profile = try Issuance.profile(named: name, in: registry)
            try Issuance.refuseRevoked(profile, principal: request.principal, in: registry)
            return profile
        }
        return try Issuance(
            under: profile, of: trustDomain, to: holder, request, by: keys.signer(for: active), clock: clock)
    }

    /// Revokes for good.
    ///
    /// - Returns: Whether this authority's registry has the named object. With `false` it is revoked all the same,
    ///   since it may belong to another authority, or have been handed on elsewhere; or the name is mistyped. `nil` if
    ///   the registry could not be asked.
    @discardableResult
    public func revoke(_ revocation: Revocation, reason: String? = nil) throws(AgentIDError) -> Bool? {
        try keys.checkOpen()
        guard revocation.kind != .agent || !revocation.value.isSame(as: "\(trustDomain.issuer)/agent") else {
            throw AgentIDError(
                .argument, name: "revocation",
                message: "this names every agent that there is and will be: name one, a profile or a signing key",
                at: "value")
        }
        return try lifecycle.revoke([revocation], reason: reason)
    }

    /// All revocations, oldest first.
    public func revocations() throws(AgentIDError) -> [Revocation] {
        try keys.checkOpen()
        return try registry.readAside { try $0.revocations(after: 0, limit: .max) }.map(\.revocation)
    }

    /// A guard that follows this authority: changes to its bundle and its revocations reach the guard. Without a clock of
    /// its own it goes by the authority's.
    public func guarding(_ options: Guard.Options) throws(AgentIDError) -> Guard {
        try keys.checkOpen()
        var options = options
        if options.clock is SystemClock { options.clock = clock }
        return try Guard(
            options, view: view, trail: trail, stopping: stopping, onDenial: lifecycle.denials.add,
            onAsked: lifecycle.hooks.wake)
    }
}
