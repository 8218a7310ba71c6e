internal import JOSE
internal import Scopes
internal import StrictJSON

/// Grants and credentials, made anew at half their life for agents that are held here.
///
/// Signing happens outside of locks and transactions, and a caller's signer is waited for no longer than
/// ``signerPatience``. One transaction for a batch looks again at all that may have happened meanwhile, registers what was
/// signed, and records an event of each agent.
extension Lifecycle {
    /// The statements signed for an agent and not registered yet. A class: as a struct its copies took 20 kB of code.
    private final class Renewed {
        let id: String
        let agent: Agent
        let before: Agent.State
        /// Without a new grant where only the credential is due.
        var after: Agent.State
        var issuance: Issuance?
        var credential: HeldCredential?
        /// The distance of the clock that dated it ahead of the steady one, in milliseconds.
        let ahead: Int64
        var isGranted: Bool { !after.held.grant.id.isSame(as: before.held.grant.id) }

        init(_ id: String, _ agent: Agent, _ before: Agent.State, at now: Int64) {
            (self.id, self.agent, self.before, self.after) = (id, agent, before, before)
            ahead = now - MonotonicClock.sinceBoot
        }
    }

    /// Renews what is due, parents before their children. A failure is noted, and tried again in a moment.
    ///
    /// - Parameter goesOn: asked between batches.
    /// - Returns: when to look again, in milliseconds from now.
    func renewGrants(while goesOn: (() -> Bool)? = nil) -> Int64 {
        var held: [[(id: String, agent: Agent)]] = []
        var shortest: Int64 = 300
        for (id, agent) in leases.agents() {
            guard let state = agent.snapshot, let term = state.term else { continue }
            shortest = min(shortest, max(state.held.grant.expires - state.held.grant.issuedAt, 1))
            let level = term.level
            while held.count <= level { held.append([]) }
            held[level].append((id, agent))
        }
        for level in held {
            guard let now = try? clock.now() else { return Self.pause(shortest) }
            var due = level.filter { isDue($0.agent, at: now) }[...]
            while !due.isEmpty, goesOn?() ?? true {
                let batch = Array(due.prefix(Self.batchSize))
                due = due.dropFirst(Self.batchSize)
                do throws(AgentIDError) { try renew(batch, while: goesOn) } catch {
                    for (id, _) in batch { leases.note(error.message, of: id) }
                    // Without a signer or a registry the others fail as well: soon again. What was signed for a registry
                    // that did not take it is signed anew: not so soon.
                    return error.code == .io ? min(Self.longestPause, shortest * 100) : Self.pause(shortest)
                }
            }
        }
        let now = clock.milliseconds
        let next =
            held.joined().compactMap { $0.agent.snapshot.map { min($0.renewGrantAt, $0.renewCredentialAt) } }
            .min() ?? .max
        // Never long: the clock may be set. A look at a thousand agents takes a tenth of a millisecond.
        return max(min(next == .max ? .max : next - now, shortest * 250, 60_000), Self.pause(shortest))
    }

    private static var batchSize: Int { 128 }

    /// The longest wait of a background thread for the registry, in milliseconds: who closes the authority waits for it.
    static var longestTurn: Int { 1000 }

    /// The longest wait after what failed, in milliseconds.
    static var longestPause: Int64 { 10_000 }

    /// The shortest wait, in milliseconds: a twentieth of the shortest life.
    private static func pause(_ shortest: Int64) -> Int64 { min(max(shortest * 50, 50), 5000) }

    private func isDue(_ agent: Agent, at now: Int64) -> Bool {
        guard let state = agent.snapshot else { return false }
        return state.isGrantDue(at: now) || agent.hasFewerLabels || state.renewCredentialAt <= now
    }

    private func renew(
        _ batch: [(id: String, agent: Agent)], while goesOn: (() -> Bool)?
    ) throws(AgentIDError) {
        try view.refresh()
        let now = try clock.now()
        let standings = try view.standing(of: batch.map(\.id))
        var ready: [(id: String, agent: Agent, before: Agent.State)] = []
        for (id, agent) in batch {
            guard let before = agent.snapshot, view.revocations.first(of: before.lineage.revocable) == nil,
                let standing = standings.first(where: { $0.agent.isSame(as: id) }), standing.state != .deprovisioned
            else {
                leases.forget(id, heldAs: agent)
                continue
            }
            do throws(AgentIDError) {
                try checkRenewable(standing, at: now)
                ready.append((id, agent, before))
            } catch { leases.note(error.message, of: id) }
        }
        guard !ready.isEmpty else { return }
        let renewed = try withActiveKey { active throws(AgentIDError) in
            var signed: [Renewed] = []
            // Who closes the authority waits for one signature, and not for all of a batch.
            for (id, agent, before) in ready where goesOn?() ?? true {
                do throws(AgentIDError) {
                    let one = try sign(id, agent, before, with: active)
                    if let one { signed.append(one) } else { leases.note(nil, of: id) }
                } catch {
                    guard error.code != .signer, error.code != .io else { throw error }
                    leases.note(error.message, of: id)
                }
            }
            return try signed.isEmpty ? [] : register(signed, signedWith: active)
        }
        for one in renewed {
            if one.isGranted {
                one.agent.take(one.after, insteadOf: one.before)
                one.agent.hasFewerLabels = false
            }
            if let credential = one.credential { one.agent.take(credential) }
            leases.note(nil, of: one.id)
        }
        if !renewed.isEmpty { hooks.wake() }
    }

    /// Signs what is due of an agent; `nil` where nothing that would last longer can be made.
    private func sign(
        _ id: String, _ agent: Agent, _ before: Agent.State, with active: PublicKey
    ) throws(AgentIDError) -> Renewed? {
        let now = try clock.now()
        guard let term = before.term else { return nil }
        let one = Renewed(id, agent, before, at: now)
        if before.isGrantDue(at: now) || agent.hasFewerLabels {
            switch term.source {
            case .authority: try signRoot(one, term, with: active, at: now)
            case .parent, .keeper:
                guard let (parent, request) = term.source.parent else { break }
                try derive(one, term, from: parent, request, at: now)
            }
        }
        if before.renewCredentialAt <= now {
            let lifetime = min(leaseDuration, one.after.held.grant.expires - now / 1000)
            if lifetime > 0 {
                one.credential = try credential(
                    for: before.key.publicKey, id: id, lifetime: lifetime,
                    by: boundedSigner(of: active, within: Self.signerPatience), at: now)
            }
        }
        return one.isGranted || one.credential != nil ? one : nil
    }

    private func signRoot(
        _ one: Renewed, _ term: Term, with active: PublicKey, at now: Int64
    ) throws(AgentIDError) {
        let id = one.id
        let (record, profile) = try registry.read { registry in
            let record = try self.active(id, in: registry)
            return (record, try Issuance.profile(named: record.profile, in: registry))
        }
        try Issuance.checkReview(of: profile, now: now / 1000)
        let end = term.end(of: profile.maxLifetime, now: now / 1000)
        guard one.before.held.isBettered(by: end, at: now) || one.agent.hasFewerLabels else { return }
        let issuance = try Issuance(
            renewing: record, from: one.before.held, under: profile, of: trustDomain, to: one.before.key.publicKey,
            until: end, labels: one.agent.labelsKept(in: one.before),
            by: boundedSigner(of: active, within: Self.signerPatience), at: now)
        one.issuance = issuance
        (one.after.held, one.after.lineage) = (issuance.held, Lineage(root: issuance))
    }

    private func derive(
        _ one: Renewed, _ term: Term, from parent: Agent, _ request: DelegationRequest, at now: Int64
    ) throws(AgentIDError) {
        guard let above = parent.snapshot else { return }
        let end = term.end(of: above.held.grant.expires - now / 1000, now: now / 1000)
        guard one.before.held.isBettered(by: end, at: now) || one.agent.hasFewerLabels else { return }
        var request = request
        if request.scope != nil {
            do throws(ScopeError) { request.scope = try one.before.held.scope.cut(by: above.held.scope) } catch {
                throw AgentIDError(error, at: "scope")
            }
        }
        request.labels = one.agent.labelsKept(in: one.before)
        let key = one.before.key.publicKey
        one.after.held = try above.held.derive(to: key, agent: one.id, request, by: above.key, clock: clock).held
        one.after.lineage = above.lineage.adding(
            grant: one.after.held.grant.id, key: key.thumbprint, agent: one.id)
    }

    /// The transaction. Returns those that were registered.
    private func register(_ signed: [Renewed], signedWith active: PublicKey) throws(AgentIDError) -> [Renewed] {
        let now = try clock.now()
        let (renewed, failures) = try write(within: Self.longestTurn) { registry in
            guard try registry.isActive(active) else { throw Issuance.keyRotated }
            var (renewed, failures): ([Renewed], [(id: String, message: String)]) = ([], [])
            for one in signed {
                do throws(AgentIDError) {
                    try register(one, at: now, in: registry)
                    renewed.append(one)
                } catch {
                    guard error.code != .io else { throw error }
                    failures.append((one.id, error.message))
                }
            }
            return (renewed, failures)
        }
        for (id, message) in failures { leases.note(message, of: id) }
        return renewed
    }

    private func register(_ one: Renewed, at now: Int64, in registry: any RegistryWriter) throws(AgentIDError) {
        let record = try active(one.id, in: registry)
        guard record.key.isSame(as: one.before.key.thumbprint) else {
            throw Self.keyReplaced
        }
        for standing in try registry.standing(of: [one.id]) { try checkRenewable(standing, at: now) }
        guard (now - MonotonicClock.sinceBoot - one.ahead).magnitude <= Limits.issuedAtSkew.magnitude * 1000 else {
            throw AgentIDError(.state, name: "clock_set", message: "the clock was set while it was signed")
        }
        let revocable = one.before.lineage.revocable + (one.isGranted ? one.after.lineage.revocable : [])
        try refuseRevoked(revocable, in: registry)
        try one.issuance?.checkStillDue(in: registry)
        var event = LifecycleEvent(.renewed, of: record, at: now)
        if one.isGranted {
            // Expired by every clock that a guard may have, also where this one is ahead for a moment: before the one that is
            // replaced was made. The tombstone names what was held last.
            let before = one.before.held.grant.issuedAt - Limits.issuedAtSkew
            try registry.removeGrants(
                of: one.id, expiredBefore: min(now / 1000 - Self.kept(one.after.held.grant), before))
            try registry.insert(GrantRecord(one.after.held, of: one.id))
            event.chain = one.after.lineage.grants
        }
        try recorder.record(event, in: registry)
    }

    /// Refuses to renew what does not go on. A lapsed lease is never renewed, and nothing under it.
    func checkRenewable(_ agent: AgentStanding, at now: Int64) throws(AgentIDError) {
        guard agent.state == .active else {
            throw AgentIDError(
                .state, name: "agent_\(agent.state.rawValue)", message: "the agent is \(agent.state.rawValue)")
        }
        guard let leaseExpires = agent.leaseExpires, leaseExpires > now else {
            throw AgentIDError(.state, name: "lease_lapsed", message: "the agent's lease has lapsed")
        }
    }

    static let keyReplaced = AgentIDError(
        .state, name: "key_replaced", message: "the agent's key was replaced meanwhile")

    /// The time that a live agent's expired grants stay in the registry, in seconds: some ten of them, an hour at most.
    private static func kept(_ grant: GrantTerms) -> Int64 { min(max((grant.expires - grant.issuedAt) * 10, 60), 3600) }
}

extension HeldGrant {
    /// Whether one that ends then, in seconds, is worth making: it lasts longer, or this one is not good yet.
    fileprivate func isBettered(by end: Int64, at now: Int64) -> Bool {
        end > now / 1000 && (end > grant.expires || grant.issuedAt > now / 1000)
    }
}
