public import AgentID
public import StrictJSON

extension Authority {
    /// The agents this authority knows, ended ones included, by ID.
    public func agents(_ selection: AgentSelection = AgentSelection()) async throws(AgentIDError) -> [AgentDescription]
    {
        try await WaitingThreads.run { () throws(AgentIDError) in try agents(selection) }
    }

    /// Suspends an agent: its calls, and those of all below it, are denied until it is resumed.
    public func suspend(agent: String, reason: String = "") async throws(AgentIDError) {
        try await WaitingThreads.run(on: .ending) { () throws(AgentIDError) in
            try suspend(agent: agent, reason: reason)
        }
    }

    /// Resumes a suspended agent.
    public func resume(agent: String) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try resume(agent: agent) }
    }

    /// Unparks an agent, in any process; if several callers try at once, one gets it. See AgentID's own call.
    public func unpark(agent: String) async throws(AgentIDError) -> Agent {
        try await WaitingThreads.run { () throws(AgentIDError) in try unpark(agent: agent) }
    }

    /// Ends an agent and all below it, for good. Nothing is permitted to them after the call returned.
    ///
    /// - Returns: Its tombstone; `nil` if it could not be signed now: `reap` signs it later.
    public func deprovision(agent: String, reason: String = "") async throws(AgentIDError) -> String? {
        try await WaitingThreads.run(on: .ending) { () throws(AgentIDError) in
            try deprovision(agent: agent, reason: reason)
        }
    }

    /// Removes a principal who leaves: revokes them and ends every agent that acts for them or is owned by them.
    ///
    /// - Parameters:
    ///   - principal: The principal's URI.
    ///   - reason: The reason, for tombstones and the audit log.
    ///   - report: Told, in steps, the number of further agents that were ended or given their tombstone.
    /// - Returns: The number of agents ended.
    public func deprovision(
        principal: String, reason: String = "", report: @Sendable (Int) -> Void = { _ in }
    ) async throws(AgentIDError) -> Int {
        try await WaitingThreads.run(on: .ending) { () throws(AgentIDError) in
            try deprovision(principal: principal, reason: reason, report: report)
        }
    }

    /// Withdraws a profile: revokes it and ends its agents.
    ///
    /// - Parameters:
    ///   - profile: The profile's name.
    ///   - reason: The reason, for tombstones and the audit log.
    ///   - report: Told, in steps, the number of further agents that were ended or given their tombstone.
    /// - Returns: The number of agents ended.
    public func withdraw(
        profile: String, reason: String = "", report: @Sendable (Int) -> Void = { _ in }
    ) async throws(AgentIDError) -> Int {
        try await WaitingThreads.run(on: .ending) { () throws(AgentIDError) in
            try withdraw(profile: profile, reason: reason, report: report)
        }
    }

    /// Certifies a profile: someone has reviewed it, and it may start agents until the next review.
    ///
    /// - Parameters:
    ///   - name: The profile's name.
    ///   - reviewBy: The next review, in seconds since 1970; `nil` for no review.
    public func certify(profile name: String, reviewBy: Int64?) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try certify(profile: name, reviewBy: reviewBy) }
    }

    /// Ends the agents whose lease has lapsed, and finishes the work of processes that died.
    ///
    /// - Parameter report: Told, in steps, the number of further agents that were ended or given their tombstone.
    /// - Returns: The number of agents ended.
    public func reap(report: @Sendable (Int) -> Void = { _ in }) async throws(AgentIDError) -> Int {
        try await WaitingThreads.run { () throws(AgentIDError) in try reap(report: report) }
    }

    /// Forgets agents that ended before a time, except for their tombstones. Their entries stay in the audit log.
    ///
    /// - Parameters:
    ///   - time: In seconds since 1970, not in the future.
    ///   - report: Told, in steps, the number of further agents that were forgotten.
    /// - Returns: The number of agents forgotten.
    public func prune(
        endedBefore time: Int64, report: @Sendable (Int) -> Void = { _ in }
    ) async throws(AgentIDError) -> Int {
        try await WaitingThreads.run { () throws(AgentIDError) in try prune(endedBefore: time, report: report) }
    }

    /// Presents to a guard every grant that an agent and all below it ever held, and looks for anything left of them.
    ///
    /// - Parameters:
    ///   - agent: The agent's ID.
    ///   - report: Told, after each chain, the number presented and the number there are.
    public func verifyGone(
        agent: String, report: @Sendable (_ presented: Int, _ all: Int) -> Void = { _, _ in }
    ) async throws(AgentIDError) -> Gone {
        try await WaitingThreads.run { () throws(AgentIDError) in try verifyGone(agent: agent, report: report) }
    }

    /// Adds a hook, or after a restart continues the one with this name.
    public func add(_ hook: Hook) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try add(hook) }
    }

    /// Removes a hook with all deliveries that still wait for it.
    public func removeHook(named name: String) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try removeHook(named: name) }
    }

    /// All hooks, by name, with the number of waiting and dead deliveries of each.
    public func hooks() async throws(AgentIDError) -> [JSONTree] {
        try await WaitingThreads.run { () throws(AgentIDError) in try hooks() }
    }

    /// Deliveries that wait, or those that are dead; oldest first, at most 1000.
    public func deliveries(dead: Bool) async throws(AgentIDError) -> [JSONTree] {
        try await WaitingThreads.run { () throws(AgentIDError) in try deliveries(dead: dead) }
    }

    /// Gives a dead delivery another round of attempts.
    public func retry(delivery: Int64) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try retry(delivery: delivery) }
    }

    /// Waits until no delivery is due that a hook in this process, or a command, can make. Returns whether none is.
    ///
    /// No thread waits with it. A task that is cancelled waits no longer.
    public func settle(milliseconds: Int64) async throws(AgentIDError) -> Bool {
        try await Looking.for(
            milliseconds: milliseconds, { () throws(AgentIDError) in try settle(milliseconds: 0) }, until: { $0 })
    }

    /// Integrates into the audit log everything that all processes have recorded until now.
    public func integrate() async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try integrate() }
    }

    /// Compares granted authority with its use, from the whole audit log, and proposes smaller ceilings.
    ///
    /// - Parameters:
    ///   - profile: Only this one; `nil`: all.
    ///   - since: Only decisions from this time on, in milliseconds since 1970.
    ///   - progress: Told the number of entries read, and the number there are.
    public func usage(
        profile: String? = nil, since: Int64? = nil,
        progress: @Sendable (_ read: UInt64, _ all: UInt64) -> Void = { _, _ in }
    ) async throws(AgentIDError) -> Usage {
        try await WaitingThreads.run { () throws(AgentIDError) in
            try usage(profile: profile, since: since, progress: progress)
        }
    }

    /// The secrets that the broker holds, oldest first, at most 1000.
    public func brokerLeases() async throws(AgentIDError) -> [JSONTree] {
        try await WaitingThreads.run { () throws(AgentIDError) in try brokerLeases() }
    }
}
