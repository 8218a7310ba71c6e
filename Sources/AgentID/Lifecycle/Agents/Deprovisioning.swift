internal import StrictJSON

/// The end of agents: revoked in one transaction with all below them, then everything of them removed.
///
/// The transaction stops an agent. The rest - secrets returned, keys wiped, the tombstone - is done later by
/// ``reap()``, in any process, if this one dies or fails on the way.
extension Lifecycle {
    /// Ends an agent and all below it; harmless if it has ended. Returns its tombstone, if it could be signed.
    func deprovision(_ id: String, reason: String) throws(AgentIDError) -> String? {
        try AuditBounds.check(reason: reason)
        let known: AgentRecord?
        do throws(AgentIDError) { known = try registry.read { registry in try registry.agent(id) } } catch {
            // Whoever cannot be looked up now ends all the same.
            try stop(try oneAgent(id), reason: reason)
            unfinished.retry(for: self, buries: true)
            throw error.pending(Self.endsLater)
        }
        guard let known else {
            // A pruned agent has only its tombstone left.
            if let tombstone = try registry.read({ try $0.prunedTombstone(of: id) }) { return tombstone }
            throw Self.unknown(id)
        }
        if known.state != .deprovisioned, let tombstone = try endNow(known, reason: reason) {
            try checkWholeAfterwards()
            return tombstone
        }
        do throws(AgentIDError) {
            // Nobody waits for other agents' secrets, nor long for a provider that hangs.
            try broker.release(below: id, within: 5000)
            try buryAll()
        } catch {
            throw error.pending(
                "the agent has ended, but a secret to return or a tombstone to sign is left: call again, or reap")
        }
        try checkWholeAfterwards()
        // Another process may have pruned it since.
        return try registry.read { try $0.agent(id)?.tombstone ?? $0.prunedTombstone(of: id) }
    }

    /// Denies it everywhere first, whoever has the registry's lock. Then ends it in the registry, or throws an error
    /// that says it did not.
    ///
    /// - Returns: Its tombstone, if nothing is left to be done.
    private func endNow(_ agent: AgentRecord, reason: String) throws(AgentIDError) -> String? {
        let time = try stop(Revocation(unchecked: .agent, agent.id), reason: reason)
        let burial = burialAhead(of: agent, reason: reason, at: time)
        var tombstone: String?
        do throws(AgentIDError) {
            try write { registry in tombstone = try burial.flatMap { try bury($0, in: registry) } }
        } catch {
            unfinished.retry(for: self, buries: true)
            throw error.pending(Self.endsLater)
        }
        if tombstone != nil { hooks.wake() }
        return tombstone
    }

    /// An agent that cannot be looked up now. Never what all of a profile or of the domain have in common: its end would be
    /// that of all who will ever be.
    func oneAgent(_ id: String) throws(AgentIDError) -> Revocation {
        let agent = try Revocation(.agent, id)
        let slash = UInt8(ascii: "/")
        // spiffe://DOMAIN/agent/PROFILE/INSTANCE
        guard SPIFFEID.isUnder(id, "\(trustDomain.issuer)/agent"), id.utf8.count(where: { $0 == slash }) >= 5 else {
            throw Self.unknown(id)
        }
        return agent
    }

    private static var endsLater: String {
        "the agent is denied everywhere from now on, but its end is not in the registry yet and is tried again"
    }

    /// Denies an agent that ends: here at once, and everywhere when this returns. Returns the time that its end bears.
    @discardableResult
    private func stop(_ agent: Revocation, reason: String) throws(AgentIDError) -> Int64 {
        view.revocations.add([agent])
        do throws(AgentIDError) { return try enforce([.end(agent: agent.value)], reason: reason) } catch {
            unfinished.retry(for: self, buries: true)
            throw error
        }
    }

    /// Ends lapsed agents and finishes undone work. Returns the number of agents ended.
    func reap(report: (Int) -> Void) throws(AgentIDError) -> Int {
        try checkWhole()
        try removeLapsedApprovals(now: try clock.now(), opening: true)
        var count = 0
        var last: LeaseRecord?
        while true {
            // A clock that fails ends nobody, and one that is ahead ends nobody whose lease runs by the steady clock.
            let time = LeaseTime(wall: try clock.now(), steady: steady.now, leaseDuration: leaseDuration)
            let lapsed = try registry.read { registry in
                try registry.leases(overBy: time, after: last, limit: Self.batch)
            }
            let ended = try end(lapsed.map(\.agent), reason: "its lease lapsed", overBy: time)
            count += ended
            report(ended)
            // Continues after these, whatever became of them: an agent that cannot be ended does not block others.
            last = lapsed.last
            if lapsed.count < Self.batch { break }
        }
        count += try endDeparted(report: report)
        try finish(report: report)
        try hooks.adoptCommands()
        hooks.wake()
        return count
    }

    /// The number of agents, besides those below them, that are ended in one transaction.
    static var batch: Int { 128 }

    /// The transaction: states, revocations, leases, secrets to be returned, events. Returns the number of agents
    /// ended.
    ///
    /// - Parameter time: Ends only agents whose lease is still over by then.
    func end(_ roots: [String], reason: String, overBy time: LeaseTime? = nil) throws(AgentIDError) -> Int {
        guard !roots.isEmpty else { return 0 }
        // In this process at once, even if the registry then fails; a lapsed agent is denied anyway.
        if time == nil { view.revocations.add(roots.map { Revocation(unchecked: .agent, $0) }) }
        let now = clock.milliseconds
        let ended = try write { registry in
            var ended: [AgentRecord] = []
            for root in roots {
                var reason = reason
                if let time {
                    guard let lease = try registry.lease(of: root), time.isOver(lease) else { continue }
                    if lease.isTakenBack { reason = "its directory was restored from a backup" }
                }
                ended += try end(root, reason: reason, isLapsed: time != nil, now: now, in: registry)
            }
            return ended
        }
        settle(ended: ended)
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
        try registry.removeApprovals(of: agent.id)
        let grants = try registry.grants(of: agent.id).map(\.id)
        for name in isLapsed ? [LifecycleEvent.Name.lapsed, .deprovisioning] : [.deprovisioning] {
            try recorder.record(
                LifecycleEvent(name, of: agent, at: now, chain: grants, reason: reason), in: registry)
        }
        return agent
    }

    /// The work after the transaction, left by any process: secrets returned, tombstones signed.
    func finish(report: (Int) -> Void) throws(AgentIDError) {
        try broker.releaseDue()
        try buryAll(report: report)
    }

    static func unknown(_ agent: String) -> AgentIDError {
        .unknown("agent", agent, " in the registry: give the ID of one", at: "agent")
    }
}
