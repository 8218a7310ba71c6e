/// An authority's durable state behind one interface: SQLite here, other engines beside it.
///
/// Safe to use from any thread; several processes may have the same registry open. Not reentrant: `body` must not come
/// back to the registry it was called by.
package protocol Registry: Sendable {
    /// Runs `body` on one consistent snapshot.
    func read<Result>(_ body: (any RegistryReader) throws -> Result) throws(AgentIDError) -> Result

    /// Runs `body` as one transaction: all of it is kept, or nothing where it throws.
    ///
    /// Fails with `registry_busy` where another thread or process has the lock for so many milliseconds.
    func write<Result>(
        within milliseconds: Int, _ body: (any RegistryWriter) throws -> Result
    ) throws(AgentIDError) -> Result

    /// As ``read(_:)``, after a look whether this is still the registry that was opened, and no older than it was.
    func readAnew<Result>(_ body: (any RegistryReader) throws -> Result) throws(AgentIDError) -> Result

    /// As ``read(_:)``, for what reads thousands of rows: decisions do not wait for it.
    func readAside<Result>(_ body: (any RegistryReader) throws -> Result) throws(AgentIDError) -> Result

    /// Whether it was found replaced or rolled back, and not mended since: nothing that it says can be relied on.
    var isBroken: Bool { get }

    /// How far something is known to have got, in any process.
    func reached(_ mark: RegistryMark) -> UInt64
    /// Makes that known to every process.
    func reach(_ mark: RegistryMark, _ value: UInt64)

    /// Moves ``changes``: guards must see something that is not in the registry.
    func announceElsewhere()

    /// Moves with every change that guards must see, whichever process made it. Asked at every call of a guard.
    var changes: UInt64 { get }
}

extension Registry {
    // Of an engine that nobody can replace beneath its users.
    package func readAnew<Result>(_ body: (any RegistryReader) throws -> Result) throws(AgentIDError) -> Result {
        try read(body)
    }
    package func readAside<Result>(_ body: (any RegistryReader) throws -> Result) throws(AgentIDError) -> Result {
        try read(body)
    }
    package var isBroken: Bool { false }
    package func reached(_ mark: RegistryMark) -> UInt64 { 0 }
    package func reach(_ mark: RegistryMark, _ value: UInt64) {}

    /// As ``write(within:_:)``, for who can wait: 10 s.
    package func write<Result>(_ body: (any RegistryWriter) throws -> Result) throws(AgentIDError) -> Result {
        try write(within: 10_000, body)
    }
}

/// The reads of a transaction.
package protocol RegistryReader {
    func meta() throws(AgentIDError) -> RegistryMeta
    func keys() throws(AgentIDError) -> [KeyRecord]

    /// Those that can be read, by name.
    func profiles() throws(AgentIDError) -> [ProfileRecord]
    /// Those that cannot, by name.
    func damagedProfiles() throws(AgentIDError) -> [DamagedProfile]
    /// Throws `profile_damaged` where it cannot be read.
    func profile(named name: String) throws(AgentIDError) -> ProfileRecord?

    func agent(_ id: String) throws(AgentIDError) -> AgentRecord?
    /// The number of all, by their standing; `now` in milliseconds since 1970.
    func agentCounts(at now: Int64) throws(AgentIDError) -> AgentCounts
    /// By ID, after `filter.after`, and from `filter.offset` on.
    func agents(_ filter: AgentFilter) throws(AgentIDError) -> [AgentRecord]
    /// The agent and all that descend from it, by parent or by ID, parents first.
    func subtree(of agent: String) throws(AgentIDError) -> [AgentRecord]
    /// Agents that ended and have no tombstone yet, those that ended first before others.
    func agentsWithoutTombstone(limit: Int) throws(AgentIDError) -> [AgentRecord]
    /// The tombstone of an agent that was pruned.
    func prunedTombstone(of agent: String) throws(AgentIDError) -> String?
    /// The agents that were pruned and had ended after a time, in seconds since 1970, those that ended last before others.
    func prunedAgents(endedAfter time: Int64, limit: Int) throws(AgentIDError) -> [String]
    /// How those of `agents` that are known stand, in the order asked.
    func standing(of agents: [String]) throws(AgentIDError) -> [AgentStanding]
    /// How the agents stand whose key one of this thumbprint is, or was before it was replaced: those that ended or are
    /// suspended first, at most `limit` of each state.
    func holders(of key: String, limit: Int) throws(AgentIDError) -> [AgentStanding]
    /// Whether a key was an agent's before it was replaced.
    func isFormerKey(_ key: String, of agent: String) throws(AgentIDError) -> Bool
    /// The thumbprints of the keys that an agent had before its present one.
    func formerKeys(of agent: String) throws(AgentIDError) -> [String]
    /// Oldest first.
    func grants(of agent: String) throws(AgentIDError) -> [GrantRecord]
    /// The grant that came last to each of `agents`, whatever its time, in the order asked; `nil` if there is none.
    func lastGrants(of agents: [String]) throws(AgentIDError) -> [GrantRecord?]
    /// The grant of a `jti`.
    func grant(_ id: String) throws(AgentIDError) -> GrantRecord?
    /// When the last of all grants expires, in seconds since 1970; `nil` where there is none.
    func lastGrantExpiry() throws(AgentIDError) -> Int64?
    /// When the latest of the grants was issued that are dated after a time; `nil` where none is. In seconds since 1970.
    func lastGrantIssue(after time: Int64) throws(AgentIDError) -> Int64?
    /// When something was revoked, in seconds since 1970; `nil` where it was not.
    func revocationTime(of revocation: Revocation) throws(AgentIDError) -> Int64?
    func lease(of agent: String) throws(AgentIDError) -> LeaseRecord?
    /// Of agents that have not ended, longest lapsed first; `time` in milliseconds.
    func leases(lapsedBy time: Int64, limit: Int) throws(AgentIDError) -> [LeaseRecord]
    /// As ``leases(lapsedBy:limit:)``, of those only that are over by the steady clock too, from one on that was seen.
    func leases(
        overBy time: LeaseTime, after last: LeaseRecord?, limit: Int
    ) throws(AgentIDError) -> [LeaseRecord]

    /// Oldest first.
    func revocations(after sequence: Int64, limit: Int) throws(AgentIDError) -> [RevocationRecord]
    func revocationCount() throws(AgentIDError) -> Int64
    /// Those of whom agents are still to end.
    func departures() throws(AgentIDError) -> [Departure]
    func firstRevoked(of candidates: [Revocation]) throws(AgentIDError) -> Revocation?
    /// Whether there is, or was, what a revocation names; of an agent's ID, it or any below it.
    func knows(_ revocation: Revocation) throws(AgentIDError) -> Bool

    func hooks() throws(AgentIDError) -> [HookRecord]
    /// Oldest first; of one hook, or of all.
    func deliveries(_ state: DeliveryRecord.State, hook: String?, limit: Int) throws(AgentIDError) -> [DeliveryRecord]
    /// The number of a hook's waiting deliveries, and of its dead ones.
    func deliveryCounts(of hook: String) throws(AgentIDError) -> (pending: Int, dead: Int)
    /// The number of a hook's deliveries, waiting or dead, and their bytes: by source, for those that have one.
    func deliveryLoads(of hook: String) throws(AgentIDError) -> [DeliveryLoad]
    /// The number of waiting deliveries about an agent.
    func deliveryCount(about agent: String) throws(AgentIDError) -> Int
    /// Whether a delivery of a hook can be claimed at a time, in milliseconds.
    func hasDelivery(of hook: String, dueBy time: Int64) throws(AgentIDError) -> Bool

    /// The oldest lines that wait for the audit log.
    func events(limit: Int) throws(AgentIDError) -> [EventRecord]
    func counter(_ name: String) throws(AgentIDError) -> Int64
    /// The names of the counters that nobody needs once an agent has ended.
    func counters(of agent: String) throws(AgentIDError) -> [String]

    /// The policy of a version, as far back as they are kept; ``RegistryMeta/policyVersion`` is in force.
    func policy(_ version: Int64) throws(AgentIDError) -> PolicyRecord?

    /// A request for approval, whether or not it has lapsed.
    func approval(_ id: String) throws(AgentIDError) -> ApprovalRecord?
    /// The request of a call, by its digest: there is one at most.
    func approval(ofCall call: String) throws(AgentIDError) -> ApprovalRecord?
    /// Oldest first.
    func approvals(limit: Int) throws(AgentIDError) -> [ApprovalRecord]
    /// The number of a task's requests that have not lapsed by a time, and of all.
    func approvalCounts(of task: String, at time: Int64) throws(AgentIDError) -> (ofTask: Int, inAll: Int)
    /// The number of requests, that have not lapsed by a time, of all agents of this authority that act for a principal.
    func approvalCount(ofPrincipal principal: String, at time: Int64) throws(AgentIDError) -> Int
    func hasApproval(lapsedBy time: Int64) throws(AgentIDError) -> Bool

    func brokerLease(_ id: String) throws(AgentIDError) -> BrokerLeaseRecord?
    /// Oldest first; of one agent, or of all.
    func brokerLeases(of agent: String?, limit: Int) throws(AgentIDError) -> [BrokerLeaseRecord]
    /// Those whose release is due; `time` in milliseconds.
    func brokerLeases(dueBy time: Int64, _ steady: SteadyTime, limit: Int) throws(AgentIDError) -> [BrokerLeaseRecord]
    /// The agents that brokers hold secrets for, but for those whose return is due already.
    func secretHolders() throws(AgentIDError) -> [String]
}

/// The changes of a transaction.
package protocol RegistryWriter: RegistryReader {
    /// Guards must see what this transaction does: counts the registry's sequence up and returns it.
    @discardableResult func announce() throws(AgentIDError) -> Int64
    /// Replaces the keys; announces.
    func replaceKeys(_ keys: [KeyRecord]) throws(AgentIDError)

    func put(_ profile: ProfileRecord) throws(AgentIDError)

    func insert(_ agent: AgentRecord) throws(AgentIDError)
    /// Writes what may change of an agent: key, state, end, tombstone. The key that another one replaces is kept as one it
    /// had. Whether there is such an agent.
    @discardableResult func update(_ agent: AgentRecord) throws(AgentIDError) -> Bool
    func insert(_ grant: GrantRecord) throws(AgentIDError)
    /// Removes an agent's grants that expired before a time, in seconds since 1970, but for its first: usage is told by that.
    func removeGrants(of agent: String, expiredBefore time: Int64) throws(AgentIDError)
    /// Forgets agents, but for their tombstones: some that ended before a time and whose last grant was over before another,
    /// in seconds since 1970. How many; 0 where none is left.
    func prune(endedBefore ended: Int64, expiredBefore expired: Int64, limit: Int) throws(AgentIDError) -> Int
    func put(_ lease: LeaseRecord) throws(AgentIDError)
    /// Renews the leases of those agents that have not ended, are not parked, and whose lease has not lapsed, or not for
    /// longer than its grace; returns these. `steady`: a moment of the boot of `runsUntil`; a lease that runs then has not
    /// lapsed, whatever the wall clock says, and one that ends more than a minute after `expires` was dated by a clock that was
    /// ahead: it ends then, too. `.max`: the wall clock decides, and no lease ends sooner.
    func renewLeases(
        of agents: [String], at now: Int64, until expires: Int64, runsUntil: SteadyTime, orRunningAt steady: Int64
    ) throws(AgentIDError) -> [String]
    func removeLease(of agent: String) throws(AgentIDError)

    /// Adds those that are not there yet and returns them; announces where there are any.
    func add(_ revocations: [Revocation], at time: Int64, reason: String?) throws(AgentIDError) -> [Revocation]

    /// Keeps that all agents of a principal or profile are to end.
    func put(_ departure: Departure) throws(AgentIDError)
    /// All of them have.
    func remove(_ departure: Departure) throws(AgentIDError)

    func put(_ hook: HookRecord) throws(AgentIDError)
    /// Removes a hook and its deliveries. Whether there was one.
    func removeHook(named name: String) throws(AgentIDError) -> Bool
    /// `source` is what many of them may be caused by, empty where that is nothing in particular.
    func enqueue(
        hook: String, agent: String, event: String, payload: String, source: String, at time: Int64
    ) throws(AgentIDError)
    /// Gives up deliveries of a hook whose last attempt, the one of this number or a later one, was begun and never ended: the
    /// process that made it died. Returns how many they were.
    func giveUpDeliveries(
        of hook: String, afterAttempts most: Int64, at now: Int64, error: String
    ) throws(AgentIDError) -> Int
    /// Takes the next due deliveries of a hook for `claimant` alone, until `deadline`; counts as an attempt at each.
    ///
    /// In order for each agent: none is due while an earlier one of the same agent is pending that is not taken with it.
    func claimDeliveries(of hook: String, by claimant: String, at now: Int64, until deadline: Int64, limit: Int)
        throws(AgentIDError) -> [DeliveryRecord]
    /// Gives a delivery back that no attempt was made at. Whether it was still the claimant's.
    @discardableResult func release(_ delivery: Int64, by claimant: String) throws(AgentIDError) -> Bool
    /// Removes a delivery that was made. Returns whether it was still the claimant's.
    @discardableResult func complete(_ delivery: Int64, by claimant: String) throws(AgentIDError) -> Bool
    /// Gives a delivery back, to be tried again at a time, or never (`nil`: dead). Returns whether it was the
    /// claimant's.
    @discardableResult func fail(_ delivery: Int64, by claimant: String, error: String, retryAt time: Int64?)
        throws(AgentIDError) -> Bool
    /// Makes a dead delivery pending again, its attempts forgotten. Returns whether there is one.
    func retry(_ delivery: Int64, at time: Int64) throws(AgentIDError) -> Bool

    /// Makes a registry that was restored begin anew: another epoch, counts beyond all that were known, every lease
    /// lapsed. Returns the number of leases.
    func begin(_ beginning: RegistryBeginning) throws(AgentIDError) -> Int

    /// Puts a policy in force; announces. Its version is newer than that of the one before.
    func put(_ policy: PolicyRecord) throws(AgentIDError)

    /// Inserts or replaces; in place of another request of the same call.
    func put(_ approval: ApprovalRecord) throws(AgentIDError)
    /// Removes a request. Returns whether there was one: of two that take it, one does.
    func removeApproval(_ id: String) throws(AgentIDError) -> Bool
    /// Removes the requests of an agent and of all below it.
    func removeApprovals(of agent: String) throws(AgentIDError)
    func removeApprovals(lapsedBy time: Int64) throws(AgentIDError)

    /// Keeps which audit log belongs to the registry, and how far it is known to have got.
    func setLog(_ mark: LogMark) throws(AgentIDError)

    /// Keeps how far the journal was folded in.
    func setFolded(_ mark: JournalMark) throws(AgentIDError)

    func append(event line: [UInt8]) throws(AgentIDError)
    func removeEvents(through sequence: Int64) throws(AgentIDError)
    /// Adds to a counter, which starts at 0, and returns its new value.
    ///
    /// - Parameters:
    ///   - agent: whose end makes the counter needless; `nil` where that of no agent does. It goes when the agent is pruned.
    ///   - until: when it is needless in any case, in milliseconds since 1970.
    @discardableResult func add(
        _ amount: Int64, to counter: String, of agent: String?, until: Int64
    ) throws(AgentIDError) -> Int64
    /// Removes some counters that were needless before a time, in seconds since 1970. How many; 0 where none is left.
    func pruneCounters(endedBefore ended: Int64, limit: Int) throws(AgentIDError) -> Int

    /// Inserts or replaces.
    func put(_ lease: BrokerLeaseRecord) throws(AgentIDError)
    /// Makes the release of what is held for an agent due. Returns the number of leases.
    @discardableResult func releaseBrokerLeases(of agent: String, at time: Int64) throws(AgentIDError) -> Int
    func removeBrokerLease(_ id: String) throws(AgentIDError)
}

extension RegistryWriter {
    /// Adds to a counter that is kept for ever.
    @discardableResult func add(_ amount: Int64, to counter: String) throws(AgentIDError) -> Int64 {
        try add(amount, to: counter, of: nil, until: .max)
    }
}

// What every engine refuses alike.
extension AgentIDError {
    static let tooManyProfiles = AgentIDError(
        .limit, name: "profiles", message: "an authority has at most 10000 profiles")

    static func counterOverflow(_ counter: String) -> AgentIDError {
        AgentIDError(.limit, name: "counter", message: "a counter is beyond 64 bits", at: counter)
    }

    /// Another thread had the registry for too long.
    static func registryBusy(at place: String) -> AgentIDError {
        AgentIDError(
            .io, name: "registry_busy",
            message: "another thread has the registry's write lock for too long: try again", at: place)
    }
}
