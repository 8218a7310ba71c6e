internal import JOSE
internal import StrictJSON
internal import Synchronization

/// Changes an authority's agents: registers, rotates, revokes. Each change is one transaction with its event.
///
/// Outlives the authority as long as an agent does: an agent can still end itself when the keys are gone.
final class Lifecycle: Sendable {
    let registry: any Registry
    let view: RegistryView
    let keys: SigningKeys
    let clock: CheckedClock
    let steady: SteadyClock
    /// The length of a lease, in seconds.
    let leaseDuration: Int64
    /// The time after lapsing in which a lease may still be renewed, in seconds.
    let resumeWithin: Int64
    let recorder: EventRecorder
    let leases: LeaseKeeper
    let hooks: HookRunner
    let broker: Broker
    let denials: DenialNotifier
    /// `nil` where the registry is in memory, and nobody else can have its lock.
    let journal: Journal?
    let folder = Folder()
    /// Of the authority's own guard, a ``MetersOpening``.
    let meters = LatestPlace()
    /// The number of callers that are ending all agents of a departing principal or profile.
    let callersEndingAll = Atomic<Int>(0)
    /// Bounds the calls to a caller's signer.
    let signing = BoundedCall()
    /// Why nothing that has to be written down can be; `nil` where it can, or need not be.
    private let logBreach: @Sendable () -> AgentIDError?

    init(
        registry: any Registry, view: RegistryView, keys: SigningKeys, clock: CheckedClock, steady: SteadyClock,
        leaseDuration: Int64, resumeWithin: Int64, isLogging: Bool, directory: AuthorityDirectory?,
        logBreach: @escaping @Sendable () -> AgentIDError? = { nil }
    ) {
        self.logBreach = logBreach
        (self.registry, self.view, self.keys, self.clock, self.steady) = (registry, view, keys, clock, steady)
        journal = directory.map { Journal(path: $0.journalPath, lock: $0.lockPath) }
        (self.leaseDuration, self.resumeWithin) = (leaseDuration, resumeWithin)
        recorder = EventRecorder(isLogging: isLogging)
        leases = LeaseKeeper()
        let hooks = HookRunner(registry: registry, clock: clock)
        self.hooks = hooks
        denials = DenialNotifier(registry: registry) { hooks.wake() }
        broker = Broker(registry: registry, view: view, clock: clock, steady: steady)
    }

    var trustDomain: TrustDomain { view.trustDomain }

    /// Renews and runs nothing any more.
    func stop() {
        leases.stop()
        folder.stop(self)
        denials.stop()
        hooks.stop()
        broker.stop()
    }

    /// Takes note of agents that ended, once that is committed.
    func settle(ended: [AgentRecord]) {
        guard !ended.isEmpty else { return }
        view.revocations.add(ended.map { Revocation(unchecked: .agent, $0.id) })
        for agent in ended { leases.take(agent.id)?.markEnded() }
        // Nobody's end waits for a file: those that are buried are looked at again.
        release(ended, opens: false)
    }

    /// Lets the labels of ended agents go.
    ///
    /// - Parameter opens: whether to open the file of meters for that.
    func release(_ ended: [AgentRecord], opens: Bool) {
        meters.found(MetersOpening.self)?.release(ended: ended.map(\.id), now: clock.milliseconds, opens: opens)
    }

    /// Refuses, by the same name, while guards of this directory deny everything: what it is, or its log, is not what was
    /// opened.
    func checkWhole() throws(AgentIDError) {
        // What cannot be read for another reason shows where it is read.
        do throws(AgentIDError) { try view.refresh() } catch { if view.isBroken { throw error } }
        if let breach = logBreach() { throw breach }
    }

    /// As ``checkWhole()``, after something was taken away that stays so.
    func checkWholeAfterwards() throws(AgentIDError) {
        do throws(AgentIDError) { try checkWhole() } catch {
            throw error.pending("it is in the registry, and everything is denied until this is mended")
        }
    }

    /// Registers a new agent under a root grant; `leaseUntil` and `grace` in milliseconds.
    func register(_ issuance: Issuance, leaseUntil: Int64, grace: Int64 = 0) throws(AgentIDError) {
        let now = try clock.now()
        let runsUntil = steady.now.later(by: leaseUntil - now)
        try write { registry in
            try issuance.checkStillDue(in: registry)
            try insert(
                issuance.agent, issuance.grant, leaseUntil: leaseUntil, runsUntil: runsUntil, grace: grace, now: now,
                in: registry)
            for name in [LifecycleEvent.Name.created, .granted] {
                try recorder.record(
                    LifecycleEvent(name, of: issuance.agent, at: now, chain: [issuance.grant.id]), in: registry)
            }
        }
    }

    /// Registers a sub-agent that `parent` started.
    func register(_ child: String, under parent: String, held: HeldGrant, lineage: Lineage) throws(AgentIDError) {
        try checkWhole()
        let now = try clock.now()
        let runsUntil = steady.now.later(by: leaseDuration * 1000)
        try write { registry in
            let above = try active(parent, in: registry)
            try checkHandsOn(parent, lineage, at: now, in: registry)
            let agent = AgentRecord(
                id: child, parent: parent, profile: above.profile, owner: above.owner, principal: above.principal,
                task: above.task, intent: above.intent, key: held.grant.holder.thumbprint, created: now / 1000)
            try insert(
                agent, GrantRecord(held, of: child), leaseUntil: now + leaseDuration * 1000, runsUntil: runsUntil,
                grace: resumeWithin * 1000, now: now, in: registry)
            try recorder.record(LifecycleEvent(.created, of: agent, at: now, chain: lineage.grants), in: registry)
            try recorder.record(LifecycleEvent(.delegated, of: above, at: now, chain: lineage.grants), in: registry)
        }
    }

    /// Records a delegation to a key that is held elsewhere.
    func recordDelegation(
        by agent: String, _ lineage: Lineage, grant: String, to holder: PublicKey
    ) throws(AgentIDError) {
        let now = try clock.now()
        try write { registry in
            let above = try active(agent, in: registry)
            try checkHandsOn(agent, lineage, at: now, in: registry)
            try Issuance.refuseRevoked(key: holder.thumbprint, in: registry)
            var event = LifecycleEvent(.delegated, of: above, at: now, chain: lineage.grants + [grant])
            event.key = holder.thumbprint
            try recorder.record(event, in: registry)
        }
    }

    /// Records an agent's new key and the grant to it; issues its new credential, where it has one.
    func rotate(
        _ agent: String, to key: PublicKey, held: HeldGrant, lineage: Lineage, isCredentialed: Bool
    ) throws(AgentIDError) -> HeldCredential? {
        guard isCredentialed else {
            try rotate(agent, held: held, lineage: lineage, signer: nil)
            return nil
        }
        return try withActiveKey { _ throws(AgentIDError) in
            let credential = try self.credential(for: key, id: agent, until: held.grant.expires)
            try rotate(agent, held: held, lineage: lineage, signer: credential.signer)
            return credential
        }
    }

    /// - Parameter signer: of its new credential: refused where that was retired meanwhile.
    @inline(never)  // Swift 6.3.1 cannot compile it inlined into the closure above.
    private func rotate(
        _ agent: String, held: HeldGrant, lineage: Lineage, signer: PublicKey?
    ) throws(AgentIDError) {
        let now = try clock.now()
        leases.dates(now - steady.now.milliseconds)
        try write { registry in
            if let signer, try !registry.isActive(signer) { throw Issuance.keyRotated }
            var record = try active(agent, in: registry)
            try checkHandsOn(agent, lineage, at: now, in: registry)
            record.key = held.grant.holder.thumbprint
            try registry.update(record)
            try registry.insert(GrantRecord(held, of: agent))
            try recorder.record(LifecycleEvent(.rotated, of: record, at: now, chain: lineage.grants), in: registry)
        }
    }

    /// Revokes: here at once, even where nothing can be written; for all others when this returns.
    ///
    /// - Returns: whether the registry has all that is named; `nil` where it could not be asked.
    @discardableResult
    func revoke(_ revocations: [Revocation], reason: String? = nil) throws(AgentIDError) -> Bool? {
        try AuditBounds.check(reason: reason)
        view.revocations.add(revocations)
        try enforce(revocations.map { .revoke($0) }, reason: reason ?? "")
        // Afterwards: nothing waits for the registry. What cannot be looked up now is found when it is folded in.
        let renewals =
            (try? registry.read { registry in try revocations.flatMap { try registry.renewals(of: $0) } }) ?? []
        if !renewals.isEmpty {
            view.revocations.add(renewals)
            try enforce(renewals.map { .revoke($0) }, reason: reason ?? "")
        }
        let isKnown = try? registry.read { registry in try revocations.allSatisfy { try registry.knows($0) } }
        foldSoon()
        try checkWholeAfterwards()
        return isKnown
    }

    /// Revokes in a transaction, with the events of it and the return of secrets; `now` in milliseconds.
    func addRevocations(
        _ revocations: [Revocation], at now: Int64, reason: String?, in registry: any RegistryWriter
    ) throws(AgentIDError) {
        let added = try registry.add(revocations, at: now / 1000, reason: reason)
        for revocation in added {
            try recorder.record(try LifecycleEvent(of: revocation, at: now, reason: reason, in: registry), in: registry)
        }
        try registry.returnSecrets(of: added, at: now)
    }

    private func insert(
        _ agent: AgentRecord, _ grant: GrantRecord, leaseUntil: Int64, runsUntil: SteadyTime, grace: Int64,
        now: Int64, in registry: any RegistryWriter
    ) throws(AgentIDError) {
        try registry.insert(agent)
        try registry.insert(grant)
        try registry.put(
            LeaseRecord(
                agent: agent.id, expires: leaseUntil, renewed: now, holder: leases.holder,
                runsUntil: runsUntil, grace: grace))
    }

    /// Refuses what an agent signs for another key, where every guard of the directory would deny it.
    @inline(never)  // Once, and not in each transaction.
    private func checkHandsOn(
        _ id: String, _ lineage: Lineage, at now: Int64, in registry: any RegistryReader
    ) throws(AgentIDError) {
        try refuseRevoked(lineage.revocable, in: registry)
        for id in SPIFFEID.ancestry(of: id) {
            for standing in try registry.standing(of: [id]) { try checkRenewable(standing, at: now) }
        }
    }

    /// The record of an agent that may go on.
    ///
    /// - Parameter suspended: whether one that is suspended will do as well.
    func active(
        _ id: String, orSuspended suspended: Bool = false, in registry: any RegistryReader
    ) throws(AgentIDError) -> AgentRecord {
        guard let agent = try registry.agent(id) else {
            throw Self.unknown(id)
        }
        guard agent.state == .active || suspended && agent.state == .suspended else {
            throw AgentIDError(
                .state, name: "agent_\(agent.state.rawValue)", message: "the agent is \(agent.state.rawValue)",
                at: "agent")
        }
        return agent
    }
}

extension RegistryReader {
    /// The other grants of an agent of which one is to be revoked: they renew it, or are renewed by it.
    ///
    /// None where that one is revoked already, as one whose key was replaced is.
    func renewals(of revocation: Revocation) throws(AgentIDError) -> [Revocation] {
        guard revocation.kind == .grant, try firstRevoked(of: [revocation]) == nil,
            let grant = try grant(revocation.value)
        else { return [] }
        return try grants(of: grant.agent).map(\.id).filter { !$0.isSame(as: grant.id) }.map {
            Revocation(unchecked: .grant, $0)
        }
    }
}

extension GrantRecord {
    init(_ signed: SignedGrant, of agent: String) {
        self.init(
            id: signed.grant.id, agent: agent, chain: String(decoding: signed.chain, as: UTF8.self),
            issued: signed.grant.issuedAt, expires: signed.grant.expires)
    }

    init(_ held: HeldGrant, of agent: String) {
        self.init(
            id: held.grant.id, agent: agent, chain: String(decoding: held.chain, as: UTF8.self),
            issued: held.grant.issuedAt, expires: held.grant.expires)
    }
}

extension LifecycleEvent {
    /// Of a revocation.
    init(
        of revocation: Revocation, at now: Int64, reason: String?, in registry: any RegistryReader
    ) throws(AgentIDError) {
        self.init(.revoked, at: now)
        switch revocation.kind {
        case .agent:
            if let agent = try registry.agent(revocation.value) { self.init(.revoked, of: agent, at: now) }
            agent = revocation.value
        case .grant: chain = [revocation.value]
        case .key, .issuer: key = revocation.value
        case .profile: profile = revocation.value
        case .principal: principal = revocation.value
        }
        (self.revoked, self.reason) = (revocation.kind, reason ?? revocation.kind.name)
    }
}
