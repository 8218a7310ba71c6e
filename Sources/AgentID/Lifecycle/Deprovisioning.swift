internal import JOSE

/// The end of agents: revoked in one transaction with all below them, then nothing left behind.
///
/// What stops an agent is the transaction. What follows it - secrets returned, keys wiped, the tombstone - is made up for by
/// ``reap()``, in any process, where this one dies or fails on the way.
extension Lifecycle {
    /// Ends an agent and all below it. Harmless where it has ended. Returns its tombstone, where it could be signed.
    func deprovision(_ id: String, reason: String) throws(AgentIDError) -> String? {
        try AuditBounds.check(reason: reason)
        let known = try registry.read { registry in try registry.agent(id) }
        guard let known else { throw Self.unknown(id) }
        if known.state != .deprovisioned { try endNow(id, reason: reason) }
        // Nobody waits for what others held, nor long for a provider that hangs.
        try broker.release(below: id, within: 5000)
        try buryAll()
        return try registry.read { registry in try registry.agent(id)?.tombstone }
    }

    /// Denied everywhere first, whoever has the registry's lock; then ended, in the registry, or the error says that it is not.
    private func endNow(_ id: String, reason: String) throws(AgentIDError) {
        view.revocations.add([Revocation(unchecked: .agent, id)])
        try enforce([.end(agent: id)], reason: reason)
        do throws(AgentIDError) { try write { _ in } } catch {
            folder.keep([], for: self)
            throw AgentIDError(
                error.code, name: error.name,
                message:
                    "the agent is denied everywhere from now on, but its end is not in the registry yet and is tried "
                    + "again: \(error.message)", at: error.place)
        }
    }

    /// Ends every agent that acts for a principal, or is owned by them, and lets no new one be started.
    func deprovision(
        principal: String, reason: String, report: (Int) -> Void
    ) throws(AgentIDError) -> Int {
        try revoke([Revocation(.principal, principal)], reason: reason)
        var (acting, owned) = (AgentFilter(), AgentFilter())
        (acting.principal, owned.owner) = (principal, principal)
        return try endAll(acting, reason: reason, report: report) + endAll(owned, reason: reason, report: report)
    }

    /// Ends every agent of a profile, and lets no new one be started.
    func withdraw(profile: String, reason: String, report: (Int) -> Void) throws(AgentIDError) -> Int {
        try AuditBounds.check(reason: reason)
        let isKnown = try registry.read { registry in
            try registry.profiles().contains { $0.profile.name.isSame(as: profile) }
                || registry.damagedProfiles().contains { $0.name.isSame(as: profile) }
        }
        guard isKnown else {
            throw AgentIDError(.notFound, name: "profile", message: "there is no profile of this name", at: "name")
        }
        try revoke([Revocation(.profile, profile)], reason: reason)
        var filter = AgentFilter()
        filter.profile = profile
        return try endAll(filter, reason: reason, report: report)
    }

    /// Ends what has lapsed and finishes what was left undone. How many agents ended.
    func reap(report: (Int) -> Void) throws(AgentIDError) -> Int {
        var count = 0
        while true {
            // A clock that fails ends nobody.
            let now = try clock.now()
            let lapsed = try registry.read { registry in
                try registry.leases(lapsedBy: now, limit: Self.batch)
            }
            // A clock that is ahead for a moment ends none that is held here.
            let gone = lapsed.map(\.agent).filter { !leases.isRunning($0, leaseDuration: leaseDuration) }
            let ended = try end(gone, reason: "its lease lapsed", lapsedBy: now)
            count += ended
            report(ended)
            if lapsed.count < Self.batch || ended == 0 { break }
        }
        try finish(report: report)
        try hooks.adoptCommands()
        hooks.wake()
        return count
    }

    /// How many agents, beside those below them, are ended in one transaction.
    private static var batch: Int { 128 }

    private func endAll(
        _ filter: AgentFilter, reason: String, report: (Int) -> Void
    ) throws(AgentIDError) -> Int {
        var count = 0
        // Ended agents match no more: each round finds others.
        for state in [AgentRecord.State.active, .suspended] {
            var filter = filter
            (filter.state, filter.limit) = (state, Self.batch)
            while true {
                let found = try registry.read { registry in try registry.agents(filter) }
                guard !found.isEmpty else { break }
                let ended = try end(found.map(\.id), reason: reason)
                count += ended
                report(ended)
            }
        }
        try finish(report: report)
        return count
    }

    /// The transaction: states, revocations, leases, secrets to be returned, events. How many agents ended.
    ///
    /// - Parameter lapsedBy: ends only those whose lease has still lapsed then, in milliseconds.
    @discardableResult
    private func end(_ roots: [String], reason: String, lapsedBy: Int64? = nil) throws(AgentIDError) -> Int {
        guard !roots.isEmpty else { return 0 }
        // Here at once, even where the registry then fails; a lapsed agent is denied as it is.
        if lapsedBy == nil { view.revocations.add(roots.map { Revocation(unchecked: .agent, $0) }) }
        let now = clock.milliseconds
        let ended = try write { registry in
            var ended: [AgentRecord] = []
            for root in roots {
                if let lapsedBy {
                    guard let lease = try registry.lease(of: root), lease.expires <= lapsedBy else { continue }
                }
                ended += try end(root, reason: reason, isLapsed: lapsedBy != nil, now: now, in: registry)
            }
            return ended
        }
        view.revocations.add(ended.map { Revocation(unchecked: .agent, $0.id) })
        for agent in ended { leases.take(agent.id)?.markEnded() }
        hooks.wake()
        return ended.count
    }

    /// The transaction's part of an end, for an agent and all below it.
    func end(
        _ root: String, reason: String, isLapsed: Bool, now: Int64, in registry: any RegistryWriter
    ) throws(AgentIDError) -> [AgentRecord] {
        var ended: [AgentRecord] = []
        for agent in try registry.subtree(of: root) where agent.state != .deprovisioned {
            let isRoot = agent.id.isSame(as: root)
            let why = isRoot ? reason : "\(root) ended" + (reason.isEmpty ? "" : ": \(reason)")
            ended.append(try end(agent, reason: why, isLapsed: isLapsed && isRoot, now: now, in: registry))
        }
        try registry.announce()
        return ended
    }

    private func end(
        _ agent: AgentRecord, reason: String, isLapsed: Bool, now: Int64, in registry: any RegistryWriter
    ) throws(AgentIDError) -> AgentRecord {
        var agent = agent
        (agent.state, agent.ended, agent.endReason) = (.deprovisioned, now / 1000, reason)
        try registry.update(agent)
        _ = try registry.add([Revocation(unchecked: .agent, agent.id)], at: now / 1000, reason: reason)
        try registry.removeLease(of: agent.id)
        try registry.releaseBrokerLeases(of: agent.id, at: now)
        let grants = try registry.grants(of: agent.id).map(\.id)
        for name in isLapsed ? [LifecycleEvent.Name.lapsed, .deprovisioning] : [.deprovisioning] {
            try recorder.record(
                LifecycleEvent(name, of: agent, at: now, chain: grants, reason: reason), in: registry)
        }
        return agent
    }

    /// What follows the transaction, for whoever it was left undone by: secrets returned, tombstones signed.
    private func finish(report: (Int) -> Void) throws(AgentIDError) {
        try broker.releaseDue()
        try buryAll(report: report)
    }

    private func buryAll(report: (Int) -> Void = { _ in }) throws(AgentIDError) {
        while true {
            let unburied = try registry.read { registry in
                try registry.agentsWithoutTombstone(limit: Self.batch).map { agent in
                    Unburied(
                        agent: agent, grants: try registry.grants(of: agent.id),
                        below: try registry.subtree(of: agent.id).count - 1)
                }
            }
            guard !unburied.isEmpty, try bury(unburied) else { return }
            report(unburied.count)
            hooks.wake()
        }
    }

    private struct Unburied {
        let agent: AgentRecord
        let grants: [GrantRecord]
        let below: Int
    }

    /// Signs the tombstones of agents and stores them. `false` without a key, or with a signer that fails: the agents are
    /// gone all the same, and whoever reaps later signs.
    private func bury(_ unburied: [Unburied]) throws(AgentIDError) -> Bool {
        var isSigned = false
        do throws(AgentIDError) {
            try withActiveKey { active throws(AgentIDError) in
                isSigned = false
                let signer = try keys.signer(for: active)
                // Signed before the transaction: a signer may be far away, and nobody waits for it with the lock.
                let now = clock.milliseconds
                var signed: [(agent: String, tombstone: String)] = []
                for one in unburied {
                    let tombstone = try Tombstone.issue(
                        for: one.agent, grants: one.grants, below: one.below, trustDomain: trustDomain, by: signer,
                        milliseconds: now)
                    signed.append((one.agent.id, tombstone))
                }
                isSigned = true
                try registry.write { registry in
                    // Another process rotated meanwhile: what the old key signs now, nobody believes.
                    guard try registry.isActive(active) else { throw Issuance.keyRotated }
                    for (agent, tombstone) in signed { try bury(agent, under: tombstone, at: now, in: registry) }
                }
            }
            return true
        } catch {
            guard !isSigned else { throw error }
            return false
        }
    }

    private func bury(
        _ id: String, under tombstone: String, at now: Int64, in registry: any RegistryWriter
    ) throws(AgentIDError) {
        // Another process may have been faster.
        guard var agent = try registry.agent(id), agent.tombstone == nil else { return }
        agent.tombstone = tombstone
        try registry.update(agent)
        var event = LifecycleEvent(.deprovisioned, of: agent, at: now, reason: agent.endReason)
        event.tombstone = tombstone
        try recorder.record(event, in: registry)
    }

    static func unknown(_ agent: String) -> AgentIDError {
        AgentIDError(.notFound, name: "agent", message: "the registry has no such agent", at: "agent")
    }
}
