public import StrictJSON
internal import Synchronization

// An authority's calls on agents after their start. The work is done in Lifecycle.
extension Authority {
    /// The agents this authority knows, ended ones included, by ID.
    public func agents(_ selection: AgentSelection = AgentSelection()) throws(AgentIDError) -> [AgentDescription] {
        try keys.checkOpen()
        return try lifecycle.agents(selection)
    }

    /// Suspends an agent: its calls, and those of all below it, are denied until it is resumed. Takes effect before the
    /// call returns.
    public func suspend(agent: String, reason: String = "") throws(AgentIDError) {
        try keys.checkOpen()
        try lifecycle.suspend(agent, reason: reason)
    }

    /// Resumes a suspended agent.
    public func resume(agent: String) throws(AgentIDError) {
        try keys.checkOpen()
        try stopping.resume(agent) { () throws(AgentIDError) in try lifecycle.resume(agent) }
    }

    /// Unparks an agent, in any process: with the same ID, scope, labels and `until`, and with a new grant,
    /// credential and lease, under its profile as it is now. If several callers try at once, one gets it.
    ///
    /// Those that were parked with it are unparked in the same transaction; ``Agent/takeUnparked()`` has them. One that
    /// cannot go on ends, with all below it: something that it depends on was revoked, or nothing of its scope is left.
    ///
    /// - Throws: `not_parked` if it is not parked, or no longer; `parking_over` if its time is over; `sub_agent` if it was
    ///   parked with an agent above it; an error if it has ended, is suspended, or depends on something that was revoked.
    ///   All then stay as they are.
    public func unpark(agent: String) throws(AgentIDError) -> Agent {
        try keys.checkOpen()
        try lifecycle.checkWhole()
        try lifecycle.leases.begin(for: lifecycle)
        let taken = try lifecycle.unpark(agent)
        var held: [ExactText: Agent] = [:]
        let root = try take(taken[0], under: nil)
        root.parkedUntil.store(taken[0].parkedUntil, ordering: .releasing)
        held[agent.exact] = root
        for one in taken.dropFirst() {
            // An ID is its parent's, a name and an instance.
            guard let above = SPIFFEID.ancestry(of: one.id).dropFirst().lazy.compactMap({ held[$0.exact] }).first
            else { continue }
            held[one.id.exact] = try take(one, under: above)
        }
        return root
    }

    private func take(_ one: Lifecycle.Unparked, under parent: Agent?) throws(AgentIDError) -> Agent {
        guard var state = one.state else { throw ParkedKey.damaged }
        if let parent, let request = one.request {
            state.term = Term(
                source: .keeper(Term.Keeper(agent: parent), request), lifetime: request.lifetime, until: request.until)
        }
        let held = Agent(state, clock: clock, home: Agent.Home(guardian: home, lifecycle: lifecycle))
        try held.note(one.parked.labels)
        parent?.keep(unparked: held)
        lifecycle.leases.keep(held, id: one.id, for: lifecycle)
        return held
    }

    /// Ends an agent and all below it, for good. Nothing is permitted to them after the call returned.
    ///
    /// - Returns: Its tombstone; `nil` if it could not be signed now: `reap()` signs it later.
    public func deprovision(agent: String, reason: String = "") throws(AgentIDError) -> String? {
        try keys.checkOpen()
        return try lifecycle.deprovision(agent, reason: reason)
    }

    /// Removes a principal who leaves: revokes them and ends every agent that acts for them or is owned by them.
    ///
    /// - Parameters:
    ///   - principal: The principal's URI.
    ///   - reason: The reason, for tombstones and the audit log.
    ///   - report: Told, in steps, the number of further agents that were ended or given their tombstone.
    /// - Returns: The number of agents ended.
    public func deprovision(
        principal: String, reason: String = "", report: (Int) -> Void = { _ in }
    ) throws(AgentIDError) -> Int {
        try keys.checkOpen()
        return try lifecycle.deprovision(principal: principal, reason: reason, report: report)
    }

    /// Withdraws a profile: revokes it and ends its agents.
    ///
    /// - Parameters:
    ///   - profile: The profile's name.
    ///   - reason: The reason, for tombstones and the audit log.
    ///   - report: Told, in steps, the number of further agents that were ended or given their tombstone.
    /// - Returns: The number of agents ended.
    public func withdraw(
        profile: String, reason: String = "", report: (Int) -> Void = { _ in }
    ) throws(AgentIDError) -> Int {
        try keys.checkOpen()
        return try lifecycle.withdraw(profile: profile, reason: reason, report: report)
    }

    /// Certifies a profile: someone has reviewed it, and it may start agents until the next review.
    ///
    /// - Parameters:
    ///   - name: The profile's name.
    ///   - reviewBy: The next review, in seconds since 1970; `nil` for no review.
    public func certify(profile name: String, reviewBy: Int64?) throws(AgentIDError) {
        try keys.checkOpen()
        let now = try clock.now() / 1000
        guard reviewBy.map({ $0 > now }) ?? true else {
            throw AgentIDError(
                .argument, name: "review_by", message: "the next review is in the past", at: "review_by")
        }
        try registry.write { registry in
            let old = try Issuance.profile(named: name, in: registry)
            guard try registry.firstRevoked(of: [Revocation(unchecked: .profile, name)]) == nil else {
                throw AgentIDError(
                    .state, name: "profile_revoked", message: "the profile was withdrawn, for good: put another",
                    at: "name")
            }
            let certified = try Profile(
                name: old.name, owner: old.owner, ceiling: old.ceiling, maxLifetime: old.maxLifetime,
                maxDepth: old.maxDepth, reviewBy: reviewBy)
            try registry.put(ProfileRecord(profile: certified, certifiedAt: now))
        }
    }

    /// Ends the agents whose lease has lapsed, and finishes the work of processes that died.
    ///
    /// - Parameter report: Told, in steps, the number of further agents that were ended or given their tombstone.
    /// - Returns: The number of agents ended.
    public func reap(report: (Int) -> Void = { _ in }) throws(AgentIDError) -> Int {
        try keys.checkOpen()
        return try lifecycle.reap(report: report)
    }

    /// Forgets agents that ended before a time, except for their tombstones. Their entries stay in the audit log.
    ///
    /// Keeps agents that have no tombstone, a grant that expired less than an hour ago, agents below them that are
    /// kept, a secret that was not returned, or a hook's delivery that waits or is dead.
    ///
    /// - Parameters:
    ///   - time: In seconds since 1970, not in the future.
    ///   - report: Told, in steps, the number of further agents that were forgotten.
    /// - Returns: The number of agents forgotten.
    public func prune(endedBefore time: Int64, report: (Int) -> Void = { _ in }) throws(AgentIDError) -> Int {
        try keys.checkOpen()
        return try lifecycle.prune(endedBefore: time, report: report)
    }

    /// Presents to a guard every grant that an agent and all below it ever held, and looks for anything left of them.
    ///
    /// - Parameters:
    ///   - agent: The agent's ID.
    ///   - report: Told, after each chain, the number presented and the number there are.
    public func verifyGone(
        agent: String, report: (_ presented: Int, _ all: Int) -> Void = { _, _ in }
    ) throws(AgentIDError) -> Gone {
        try keys.checkOpen()
        var options = Guard.Options()
        options.acceptsProofsWithoutAudience = true
        // A chain for some guards only is gone when those would deny it.
        options.judgesChainAudience = false
        options.clock = clock
        options.sharesReplayMemory = false
        // Nobody calls anything: this guard's answers are not entries of the log.
        return try lifecycle.verifyGone(agent, by: Guard(options, view: view, trail: nil), report: report)
    }

    /// Adds a hook, or after a restart continues the one with this name.
    ///
    /// The name is registered for good: its events are kept while no process that runs it is alive.
    public func add(_ hook: Hook) throws(AgentIDError) {
        try keys.checkOpen()
        try lifecycle.hooks.add(hook)
    }

    /// Removes a hook with all deliveries that still wait for it.
    public func removeHook(named name: String) throws(AgentIDError) {
        try keys.checkOpen()
        try lifecycle.hooks.remove(name)
    }

    /// All hooks, by name, with the number of waiting and dead deliveries of each.
    public func hooks() throws(AgentIDError) -> [JSONTree] {
        try keys.checkOpen()
        return try registry.read { registry in
            try registry.hooks().map { hook in
                let (pending, dead) = try registry.deliveryCounts(of: hook.name)
                return [
                    "name": .string(hook.name), "kind": .string(hook.kind.rawValue),
                    "events": .array(hook.events.map { .string($0) }),
                    "command": .array(hook.command.map { .string($0) }), "deadline": .int(Int(hook.deadline)),
                    "max_attempts": .int(Int(hook.maxAttempts)), "pending": .int(pending), "dead": .int(dead),
                ]
            }
        }
    }

    /// All deliveries that wait, or all that are dead; oldest first.
    public func deliveries(dead: Bool) throws(AgentIDError) -> [JSONTree] {
        try keys.checkOpen()
        return try registry.read { try $0.deliveries(dead ? .dead : .pending, hook: nil, limit: .max) }.map {
            delivery in
            [
                "id": .int(Int(delivery.id)), "hook": .string(delivery.hook), "agent": .string(delivery.agent),
                "event": .string(delivery.event), "attempts": .int(Int(delivery.attempts)),
                "next_at": .int(Int(delivery.nextAt / 1000)), "error": delivery.error.map { .string($0) } ?? .null,
            ]
        }
    }

    /// Gives a dead delivery another round of attempts.
    public func retry(delivery: Int64) throws(AgentIDError) {
        try keys.checkOpen()
        let now = clock.milliseconds
        guard try registry.write({ try $0.retry(delivery, at: now) }) else {
            throw AgentIDError.unknown(
                "delivery", "\(delivery)", " that is dead: agentidctl hooks dead lists their numbers", at: "delivery")
        }
        lifecycle.hooks.wake()
    }

    /// Waits until no delivery is due that a hook in this process, or a command, can make. Returns whether none is.
    public func settle(milliseconds: Int64) throws(AgentIDError) -> Bool {
        try keys.checkOpen()
        lifecycle.denials.flush()
        return try lifecycle.hooks.settle(milliseconds: milliseconds)
    }

    /// Integrates into the audit log everything that all processes have recorded until now.
    public func integrate() throws(AgentIDError) {
        try keys.checkOpen()
        guard let log = trail?.log else {
            throw AgentIDError(.state, name: "no_audit_log", message: "this authority has no audit log")
        }
        try log.integrate()
    }
}
