internal import JOSE
internal import StrictJSON

/// A parked agent is unparked, with all that were parked with it: `parked -> active`.
extension Lifecycle {
    /// An agent as it was unparked.
    final class Unparked: Sendable {
        let id: String
        /// Its sealed part.
        let parked: ParkedKey
        /// `nil` if it cannot go on.
        let state: Agent.State?
        /// The request for its grant; `nil` for the agent at the top.
        let request: DelegationRequest?
        /// Everything whose revocation keeps it from going on.
        let revocable: [Revocation]
        /// Why it cannot go on: it ends.
        let failure: String?
        /// The end of the parking of the agent at the top, in milliseconds since 1970.
        let parkedUntil: Int64

        init(
            _ id: String, _ parked: ParkedKey, _ state: Agent.State?, _ request: DelegationRequest? = nil,
            revocable: [Revocation] = [], failure: String? = nil, parkedUntil: Int64 = 0
        ) {
            self.parkedUntil = parkedUntil
            (self.id, self.parked, self.state, self.request) = (id, parked, state, request)
            (self.revocable, self.failure) = (revocable, failure)
        }
    }

    /// Unparks an agent, as a renewal would go on with it, and those parked with it, parents before their children.
    func unpark(_ id: String) throws(AgentIDError) -> [Unparked] {
        let sealing = try keys.sealingKey(mayBeNew: false)
        let taken = try withActiveKey { active throws(AgentIDError) in
            let now = try clock.now()
            let (agent, sealed, parkedUntil, profile) = try registry.read { registry in
                let (agent, sealed, until) = try self.parked(id, at: now, in: registry)
                return (agent, sealed, until, try Issuance.profile(named: agent.profile, in: registry))
            }
            try Issuance.checkReview(of: profile, now: now / 1000)
            guard let sealing else { throw ParkedKey.lost }
            let boxed = try ParkedKey.open(sealed, with: sealing)
            let parked = boxed[0]
            guard agent.key.isSame(as: parked.key.thumbprint) else { throw ParkedKey.damaged }
            let (grant, before) = try grantHeld(by: parked, id)
            let term = Term(source: .authority, lifetime: parked.lifetime, until: parked.until)
            let issuance = try Issuance(
                renewing: agent, from: before, under: profile, of: trustDomain, to: parked.key.publicKey,
                until: term.end(of: profile.maxLifetime, now: now / 1000),
                labels: labelsLeft(of: before, id: id), by: keys.signer(for: active), at: now)
            let state = Agent.State(
                held: issuance.held, key: parked.key,
                credential: try credential(
                    for: parked.key.publicKey, id: id,
                    lifetime: min(leaseDuration, issuance.grant.expires - now / 1000), by: keys.signer(for: active),
                    at: now),
                lineage: Lineage(root: issuance), term: term)
            let revocable = grant.links + state.lineage.revocable
            var tree = [Unparked(id, parked, state, revocable: revocable, parkedUntil: parkedUntil)]
            for one in boxed.dropFirst() { try tree.append(derived(one, in: tree)) }
            return try register(tree, issuance, of: sealed)
        }
        try? view.refresh()
        hooks.wake()
        return taken
    }

    /// The grant that a parked agent held, as the registry has it.
    private func grantHeld(
        by parked: ParkedKey, _ id: String
    ) throws(AgentIDError) -> (grant: GrantRecord, held: HeldGrant) {
        guard let grant = try registry.read({ try $0.grant(parked.grant) }), grant.agent.isSame(as: id) else {
            throw ParkedKey.damaged
        }
        let held = try HeldGrant(reading: Array(grant.chain.utf8))
        guard held.grant.holder == parked.key.publicKey else { throw ParkedKey.damaged }
        return (grant, held)
    }

    /// The agent below others, with a grant that its parent signs now. One that has ended meanwhile, or cannot go on, has a
    /// failure.
    private func derived(_ parked: ParkedKey, in tree: [Unparked]) throws(AgentIDError) -> Unparked {
        guard let place = parked.place, SPIFFEID.isUnder(place.id, tree[place.parent].id) else {
            throw ParkedKey.damaged
        }
        let (id, parent) = (place.id, tree[place.parent])
        guard let above = parent.state else {
            return Unparked(id, parked, nil, failure: "an agent above it could not be unparked")
        }
        let record = try registry.read { try $0.agent(id) }
        guard let record, record.state != .deprovisioned else {
            return Unparked(id, parked, nil, failure: "it has ended")
        }
        let (grant, before) = try grantHeld(by: parked, id)
        var request = DelegationRequest.sameScope(
            lifetime: parked.lifetime, until: parked.until, maxDepth: place.maxDepth,
            labels: try labelsLeft(of: before, id: id), audiences: before.grant.audiences ?? [],
            isolated: before.grant.claim?.isIsolated ?? false, limits: before.grant.claim?.limits)
        do throws(AgentIDError) {
            if place.isScoped {
                do throws(ScopeError) { request.scope = try before.scope.cut(by: above.held.scope) } catch {
                    throw AgentIDError(error, at: "scope")
                }
            }
            let key = parked.key
            let held = try above.held.derive(to: key.publicKey, agent: id, request, by: above.key, clock: clock).held
            let lineage = above.lineage.adding(grant: held.grant.id, key: key.thumbprint, agent: id)
            return Unparked(
                id, parked, Agent.State(held: held, key: key, lineage: lineage), request,
                revocable: grant.links + lineage.revocable)
        } catch { return Unparked(id, parked, nil, failure: error.message) }
    }

    /// The transaction: who else opened the same box finds it gone. Returns those that go on, parents first.
    private func register(
        _ tree: [Unparked], _ issuance: Issuance, of sealed: [UInt8]
    ) throws(AgentIDError) -> [Unparked] {
        let now = try clock.now()
        let top = tree[0]
        let runsUntil = steady.now.later(by: leaseDuration * 1000)
        let (taken, ended) = try write { registry in
            guard try parked(top.id, at: now, in: registry).sealed == sealed else { throw Self.notParked }
            try refuseRevoked(top.revocable, in: registry)
            try issuance.checkStillDue(in: registry)
            var (ended, gone): ([AgentRecord], Set<Int>) = ([], [])
            for (i, one) in tree.enumerated() {
                if i > 0 {
                    // One whose own time is over stays for whoever reaps.
                    guard !gone.contains(one.parked.place?.parent ?? 0),
                        let lease = try registry.lease(of: one.id), lease.sealed == Self.mark(of: top.id),
                        lease.parkedUntil(at: now, steady.now) != nil
                    else {
                        gone.insert(i)
                        continue
                    }
                    let revoked = try registry.firstRevoked(of: one.revocable)
                    if let failure = revoked.map({ "revoked: \($0.kind.name) \($0.value)" }) ?? one.failure {
                        // What ends does not come back: not for a clock that may be ahead.
                        guard revoked != nil || lease.expires > now else { throw Self.clockSet(one.id) }
                        gone.insert(i)
                        ended += try end(
                            one.id, reason: "it could not be unparked: \(failure)", isLapsed: false, now: now,
                            in: registry)
                        continue
                    }
                }
                guard let state = one.state, let record = try registry.agent(one.id), record.state != .deprovisioned,
                    record.key.isSame(as: state.key.thumbprint)
                else { throw ParkedKey.damaged }
                try registry.put(
                    LeaseRecord(
                        agent: one.id, expires: now + leaseDuration * 1000, renewed: now, holder: leases.holder,
                        runsUntil: runsUntil, grace: resumeWithin * 1000))
                try registry.insert(i == 0 ? issuance.grant : GrantRecord(state.held, of: one.id))
                try recorder.record(
                    LifecycleEvent(
                        .unparked, of: i == 0 ? issuance.agent : record, at: now, chain: state.lineage.grants),
                    in: registry)
            }
            try registry.announce()
            return (tree.indices.filter { !gone.contains($0) }.map { tree[$0] }, ended)
        }
        settle(ended: ended)
        return taken
    }

    /// An agent that can be unparked, and what was sealed of it.
    private func parked(
        _ id: String, at now: Int64, in registry: any RegistryReader
    ) throws(AgentIDError) -> (agent: AgentRecord, sealed: [UInt8], until: Int64) {
        guard let agent = try registry.agent(id) else { throw Self.unknown(id) }
        guard agent.state == .parked, let lease = try registry.lease(of: id), let sealed = lease.sealed else {
            _ = try active(id, in: registry)
            throw Self.notParked
        }
        guard agent.parent == nil else {
            throw AgentIDError(
                .state, name: "sub_agent",
                message: "it was parked with an agent above it: unpark \(String(decoding: sealed, as: UTF8.self))",
                at: "agent")
        }
        guard let until = lease.parkedUntil(at: now, steady.now) else {
            throw AgentIDError(
                .state, name: "parking_over",
                message: "the time that the agent was parked for is over: it is ended by whoever reaps", at: "agent")
        }
        return (agent, sealed, until)
    }

    private static func clockSet(_ id: String) -> AgentIDError {
        AgentIDError(
            .state, name: "clock_set",
            message: "the time of \(id), which was parked with it, is over by a clock that was set since: "
                + "set it right, or end that agent first",
            at: "clock")
    }

    private static let notParked = AgentIDError(
        .state, name: "not_parked", message: "the agent is not parked, or was unparked meanwhile", at: "agent")
}

extension LeaseRecord {
    /// The end of an agent's parking, in milliseconds since 1970; `nil` where it is over. A clock that was behind dated it
    /// where the steady one says that it goes on.
    fileprivate func parkedUntil(at now: Int64, _ steady: SteadyTime) -> Int64? {
        if expires > now { return expires }
        guard runs(at: steady) == true else { return nil }
        return now + min(runsUntil.milliseconds - steady.milliseconds, Limits.longestParking * 1000)
    }
}
