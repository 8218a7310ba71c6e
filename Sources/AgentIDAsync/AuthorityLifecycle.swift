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
        try await WaitingThreads.run { () throws(AgentIDError) in try suspend(agent: agent, reason: reason) }
    }

    /// Resumes a suspended agent.
    public func resume(agent: String) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try resume(agent: agent) }
    }

    /// Takes up a parked agent, in whatever process it was parked; of several at once one gets it. See AgentID's own.
    public func unpark(agent: String) async throws(AgentIDError) -> Agent {
        try await WaitingThreads.run { () throws(AgentIDError) in try unpark(agent: agent) }
    }

    /// Ends an agent and all below it, for good. Nothing is permitted to them after the call returned.
    ///
    /// - Returns: its tombstone; `nil` where it could not be signed now: `reap` makes up for it.
    public func deprovision(agent: String, reason: String = "") async throws(AgentIDError) -> String? {
        try await WaitingThreads.run { () throws(AgentIDError) in try deprovision(agent: agent, reason: reason) }
    }

    /// A principal leaves: revokes them and ends every agent that acts for them or is owned by them. How many agents.
    ///
    /// - Parameters:
    ///   - principal: their URI.
    ///   - reason: why, for tombstones and the audit log.
    ///   - report: told, as it goes on, of how many agents more were ended or given their tombstone.
    public func deprovision(
        principal: String, reason: String = "", report: @Sendable (Int) -> Void = { _ in }
    ) async throws(AgentIDError) -> Int {
        try await WaitingThreads.run { () throws(AgentIDError) in
            try deprovision(principal: principal, reason: reason, report: report)
        }
    }

    /// Withdraws a profile: revokes it and ends its agents. How many agents.
    ///
    /// - Parameters:
    ///   - profile: its name.
    ///   - reason: why, for tombstones and the audit log.
    ///   - report: told, as it goes on, of how many agents more were ended or given their tombstone.
    public func withdraw(
        profile: String, reason: String = "", report: @Sendable (Int) -> Void = { _ in }
    ) async throws(AgentIDError) -> Int {
        try await WaitingThreads.run { () throws(AgentIDError) in
            try withdraw(profile: profile, reason: reason, report: report)
        }
    }

    /// Certifies a profile: someone has looked at it, and it may start agents until the next review.
    ///
    /// - Parameters:
    ///   - name: the profile's.
    ///   - reviewBy: in seconds since 1970; `nil`: no review.
    public func certify(profile name: String, reviewBy: Int64?) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try certify(profile: name, reviewBy: reviewBy) }
    }

    /// Ends the agents whose lease has lapsed and finishes what a process that died left undone. How many agents ended.
    ///
    /// - Parameter report: told, as it goes on, of how many agents more were ended or given their tombstone.
    public func reap(report: @Sendable (Int) -> Void = { _ in }) async throws(AgentIDError) -> Int {
        try await WaitingThreads.run { () throws(AgentIDError) in try reap(report: report) }
    }

    /// Forgets agents that ended before a time, but for their tombstones; what they did stays in the log. How many agents.
    ///
    /// - Parameters:
    ///   - time: in seconds since 1970, not ahead.
    ///   - report: told, as it goes on, of how many agents more were forgotten.
    public func prune(
        endedBefore time: Int64, report: @Sendable (Int) -> Void = { _ in }
    ) async throws(AgentIDError) -> Int {
        try await WaitingThreads.run { () throws(AgentIDError) in try prune(endedBefore: time, report: report) }
    }

    /// Presents to a guard everything that an agent and all below it ever held, and looks for what is left of them.
    ///
    /// - Parameters:
    ///   - agent: its ID.
    ///   - report: told after each chain of how many were presented, and how many there are.
    public func verifyGone(
        agent: String, report: @Sendable (_ presented: Int, _ all: Int) -> Void = { _, _ in }
    ) async throws(AgentIDError) -> Gone {
        try await WaitingThreads.run { () throws(AgentIDError) in try verifyGone(agent: agent, report: report) }
    }

    /// Adds a hook, or takes up the one of this name again after a restart.
    public func add(_ hook: Hook) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try add(hook) }
    }

    /// Removes a hook with what was still to be delivered to it.
    public func removeHook(named name: String) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try removeHook(named: name) }
    }

    /// All hooks, by name, and how many deliveries each has waiting and dead.
    public func hooks() async throws(AgentIDError) -> [JSONTree] {
        try await WaitingThreads.run { () throws(AgentIDError) in try hooks() }
    }

    /// Deliveries that wait, or that are dead; oldest first, at most 1000.
    public func deliveries(dead: Bool) async throws(AgentIDError) -> [JSONTree] {
        try await WaitingThreads.run { () throws(AgentIDError) in try deliveries(dead: dead) }
    }

    /// Gives a dead delivery another round of attempts.
    public func retry(delivery: Int64) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try retry(delivery: delivery) }
    }

    /// Waits until nothing is due that the hooks in this process, or commands, can deliver. Whether nothing is.
    public func settle(milliseconds: Int64) async throws(AgentIDError) -> Bool {
        try await WaitingThreads.run { () throws(AgentIDError) in try settle(milliseconds: milliseconds) }
    }

    /// Makes entries of the audit log of everything that was written down until now, by all processes.
    public func integrate() async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try integrate() }
    }

    /// Compares what was granted with what was used, from the whole audit log, and proposes smaller ceilings.
    ///
    /// - Parameters:
    ///   - profile: Only this one; `nil`: all.
    ///   - since: Only decisions from this time on, in milliseconds since 1970.
    ///   - progress: Told how many entries were read, and how many there are.
    public func usage(
        profile: String? = nil, since: Int64? = nil,
        progress: @Sendable (_ read: UInt64, _ all: UInt64) -> Void = { _, _ in }
    ) async throws(AgentIDError) -> Usage {
        try await WaitingThreads.run { () throws(AgentIDError) in
            try usage(profile: profile, since: since, progress: progress)
        }
    }

    /// What the broker holds, oldest first, at most 1000.
    public func brokerLeases() async throws(AgentIDError) -> [JSONTree] {
        try await WaitingThreads.run { () throws(AgentIDError) in try brokerLeases() }
    }
}
