internal import JOSE
internal import StrictJSON
internal import Synchronization

/// A guard's copy of a registry's revocations and bundle, brought up to date before every decision.
///
/// One word tells at every call whether there is news. If a writer died between its commit and moving the word, the
/// look every 50 ms finds its change.
final class RegistryView: Sendable {
    private struct Position {
        var revocation: Int64 = 0
        var failure: AgentIDError?
        var bundle: TrustBundle
        var journal: JournalReader?
        var policy: ActivePolicy?
        /// Why the policy in force cannot be enforced.
        var unreadable: AgentIDError?
        /// The time from which it is read again, as the reason may pass, in milliseconds of a clock that nobody sets.
        var readAgainAt: Int64 = 0
        var isPolicyDue: Bool { unreadable != nil && MonotonicClock.milliseconds >= readAgainAt }
        /// Agents that a rule suspended, until everybody can see it.
        var held: [ExactText] = []
        /// The fault, if registry and files no longer belong together: no age of the view makes up for that.
        var apart: AgentIDError?
    }

    let trustDomain: TrustDomain
    /// The memory of proofs that guards of one directory share; `nil` if there is no directory.
    let replayPath: String?
    /// The rates and labels that guards of one directory share; `nil` as above.
    let metersPath: String?
    /// The same where there is no directory: of all guards that follow this view.
    private let ownMeters = Locked<MetersOpening?>(nil)
    /// The authority's; `nil` as above.
    let directory: String?
    /// Whether the registry is open for reading only, as for guards in other processes than the authority's.
    let isReadOnly: Bool
    /// Whether permits are used to get secrets in this process: then they keep their calls.
    let givesSecrets = Atomic<Bool>(false)
    /// Which registry it is.
    let epoch: SIMD2<UInt64>
    let revocations = RevocationList()
    let registry: any Registry
    private let position: Locked<Position>
    /// The word before the last look.
    private let word: Atomic<UInt64>
    /// The time of the last look, in milliseconds of a clock that nobody sets.
    private let lookedAt = Atomic<Int64>(0)
    private let hasFailed = Atomic<Bool>(false)
    private let isApart = Atomic<Bool>(false)
    private let seen = Atomic<Int64>(0)
    private let standingVersion = Atomic<Int64>(0)
    private let keysSeen = Atomic<Int64>(0)
    private let policySeen = Atomic<Int64>(0)

    /// The clock that nobody sets, which meters go by.
    let steady: SteadyClock

    init(
        of registry: any Registry, in directory: AuthorityDirectory?, isReadOnly: Bool = false,
        steady: SteadyClock = .machine
    ) throws(AgentIDError) {
        (self.registry, self.isReadOnly, self.steady) = (registry, isReadOnly, steady)
        (replayPath, metersPath, self.directory) = (directory?.replayPath, directory?.metersPath, directory?.path)
        let announced = registry.changes
        let (meta, bundle) = try registry.read { registry in (try registry.meta(), try TrustBundle(of: registry)) }
        trustDomain = try TrustDomain(meta.trustDomain)
        epoch = RegistryEpoch.words(meta.epoch)
        word = Atomic(announced)
        position = Locked(
            Position(
                bundle: bundle,
                // By its path: what has the directory's name by now is looked at, and found to be another.
                journal: directory.map { JournalReader(Journal(path: $0.journalPath, lock: $0.lockPath)) }))
        try position.withLock { position throws(AgentIDError) in try look(&position) }
    }

    /// The meters of a guard that follows this: the directory's, or where there is none, those of all guards of this view.
    func meters(isMachine: Bool, isDurable: Bool, isCopy: Bool) -> MetersOpening {
        ownMeters.withLock { own in
            if let own { return own }
            let made = MetersOpening(
                path: metersPath, epoch: epoch, registry: registry, isMachine: isMachine, isDurable: isDurable,
                isCopy: isCopy, steady: steady)
            if metersPath == nil { own = made }
            return made
        }
    }

    /// Whether the registry was replaced or rolled back: nothing is permitted by it, however new the view is.
    var isBroken: Bool { isApart.load(ordering: .acquiring) || registry.isBroken }

    /// The denial while the registry, or a file next to it, cannot be read.
    func denial(_ error: AgentIDError, _ what: String) -> Denial {
        isBroken && Reason(error.name).category == .undecided
            ? Denial(error.name, error.message) : Denial("revocation_view_stale", "\(what) cannot be read: \(error)")
    }

    /// The registry's sequence at the last reading.
    var sequence: Int64 { seen.load(ordering: .acquiring) }
    /// The sequence of ``bundle``.
    var keysSequence: Int64 { keysSeen.load(ordering: .acquiring) }
    var bundle: TrustBundle { position.withLock { $0.bundle } }
    /// The version of the policy in force; 0: there is none.
    var policyVersion: Int64 { policySeen.load(ordering: .acquiring) }

    /// The policy in force, whose version may be newer than was asked for; throws where it cannot be enforced.
    func policy() throws(AgentIDError) -> ActivePolicy? {
        let (policy, unreadable) = position.withLock { ($0.policy, $0.unreadable) }
        if let unreadable { throw unreadable }
        return policy
    }

    /// The time after which a policy that could not be read is read again, in milliseconds.
    static var policyPause: Int64 { 1000 }

    /// Reads news. Throws if the registry cannot be read, and again until it can.
    func refresh() throws(AgentIDError) {
        guard isDue else {
            if hasFailed.load(ordering: .acquiring), let failure = position.withLock({ $0.failure }) { throw failure }
            return
        }
        try position.withLock { position throws(AgentIDError) in
            if isDue {
                try look(&position)
            } else if let failure = position.failure {
                throw failure
            }
        }
    }

    /// Whether the word has moved since the last look.
    var hasMoved: Bool { registry.changes != word.load(ordering: .acquiring) }

    /// Moves when agents' standing may have changed.
    var standings: Int64 { standingVersion.load(ordering: .acquiring) }

    /// The agents' present standing: in the registry, and by the journal next to it.
    func standing(of agents: [String]) throws(AgentIDError) -> [AgentStanding] {
        let suspended = suspended
        return Self.suspending(suspended, in: try registry.read { try $0.standing(of: agents) })
    }

    private var suspended: [ExactText] {
        position.withLock { $0.held + ($0.journal?.suspended.map(\.agent) ?? []) }
    }

    /// Suspends an agent for the guards of this view, at once, until ``release(_:)``.
    func hold(_ agent: ExactText) {
        position.withLock { if !$0.held.contains(agent) { $0.held.append(agent) } }
        standingVersion.add(1, ordering: .releasing)
    }

    /// Ends what ``hold(_:)`` began: the registry or its journal says it by now, or an operator resumes the agent.
    func release(_ agent: ExactText) {
        position.withLock { $0.held.removeAll { $0 == agent } }
        standingVersion.add(1, ordering: .releasing)
    }

    /// Whether an agent is suspended by what the registry does not have yet.
    func isHeld(_ agent: ExactText) -> Bool { suspended.contains(agent) }

    private static func suspending(_ suspended: [ExactText], in standing: [AgentStanding]) -> [AgentStanding] {
        suspended.isEmpty ? standing : standing.map { suspending(suspended, $0) }
    }

    private static func suspending(_ suspended: [ExactText], _ agent: AgentStanding) -> AgentStanding {
        var agent = agent
        if agent.state != .deprovisioned, suspended.contains(agent.agent.exact) { agent.state = .suspended }
        return agent
    }

    /// The present standing of the agents that a chain depends on.
    func standing(of chain: VerifiedChain) throws(AgentIDError) -> [LinkStanding] {
        let suspended = suspended
        return Self.suspending(suspended, in: try registry.read { try $0.standings(of: chain) })
    }

    private static func suspending(_ suspended: [ExactText], in standings: [LinkStanding]) -> [LinkStanding] {
        guard !suspended.isEmpty else { return standings }
        return standings.map { standing in
            var standing = standing
            standing.agent = suspending(suspended, standing.agent)
            return standing
        }
    }

    /// The registry's reason to disown a chain, and its agents' standing, at one moment.
    func look(at chain: VerifiedChain) throws(AgentIDError) -> (refusal: Denial?, standing: [LinkStanding]) {
        // Read before the registry: a line folded meanwhile is in one of both.
        let suspended = suspended
        return try registry.read { registry in
            (
                try registry.refusal(of: chain, in: trustDomain),
                Self.suspending(suspended, in: try registry.standings(of: chain))
            )
        }
    }

    /// Whether the last look was lately, found nothing wrong, and nothing has come since.
    var isUpToDate: Bool { !isDue && !hasFailed.load(ordering: .acquiring) }

    // The time first: after a pause the files are looked at before the page is read, which may have been cut off.
    private var isDue: Bool {
        MonotonicClock.milliseconds - lookedAt.load(ordering: .relaxed) >= 50 || hasMoved
    }

    private func look(_ position: inout Position) throws(AgentIDError) {
        // Before the files: they then hold no less.
        let known = registry.reached(.journal)
        let announced = registry.changes
        position.apart = nil
        do throws(AgentIDError) {
            // The journal first: a line folded since, and gone from it, is in the registry by then.
            let before = position.journal?.suspended.count ?? 0
            do throws(AgentIDError) { revocations.add(try position.journal?.advance() ?? []) } catch {
                // What cannot be read may be in another directory, or none, that has the name: that is said first.
                try registry.readAnew { _ in }
                throw error
            }
            if position.journal?.suspended.count ?? 0 != before { standingVersion.add(1, ordering: .releasing) }
            do throws(AgentIDError) {
                try registry.readAnew { registry in try take(from: registry, &position, known) }
            } catch  where position.journal != nil && !registry.isBroken {
                // The journal may have been made, and folded, between both looks.
                revocations.add(try position.journal?.advance() ?? [])
                try registry.readAnew { registry in try take(from: registry, &position, known) }
            }
            if let apart = position.apart { throw apart }
            position.failure = nil
        } catch { position.failure = error }
        let wasApart = isApart.exchange(position.apart != nil, ordering: .acquiringAndReleasing)
        if let apart = position.apart, !wasApart {
            ProcessLog.write(.error, .directory, apart.name, "nothing is permitted: \(apart.message)")
        }
        hasFailed.store(position.failure != nil, ordering: .releasing)
        // Also after a failure: it is asked again in 50 ms, not at each call.
        word.store(announced, ordering: .releasing)
        lookedAt.store(MonotonicClock.milliseconds, ordering: .relaxed)
        if let failure = position.failure { throw failure }
    }

    private func take(
        from registry: any RegistryReader, _ position: inout Position, _ known: UInt64
    ) throws(AgentIDError) {
        let meta = try registry.meta()
        position.apart = try position.journal?.forget(folded: meta.journal, known: known)
        if let apart = position.apart { throw apart }
        let before = seen.load(ordering: .relaxed)
        guard meta.sequence != before || position.isPolicyDue else { return }
        defer { standingVersion.add(1, ordering: .releasing) }
        while true {
            let more = try registry.revocations(after: position.revocation, limit: 10_000)
            if let last = more.last {
                revocations.add(more.map(\.revocation))
                position.revocation = last.sequence
            }
            if more.count < 10_000 { break }
        }
        if meta.keysSequence != keysSeen.load(ordering: .relaxed) {
            position.bundle = try TrustBundle(of: registry)
            keysSeen.store(meta.keysSequence, ordering: .releasing)
        }
        let isNewPolicy = meta.policyVersion != policySeen.load(ordering: .relaxed)
        if isNewPolicy || position.isPolicyDue {
            (position.policy, position.unreadable) = (nil, nil)
            do throws(AgentIDError) {
                position.policy = try ActivePolicy(of: registry, version: meta.policyVersion)
            } catch {
                position.unreadable = error
                position.readAgainAt = MonotonicClock.milliseconds + Self.policyPause
                if isNewPolicy {
                    ProcessLog.write(
                        .error, .policy, error.name, "calls that the policy could be about are denied: \(error.message)"
                    )
                }
            }
            policySeen.store(meta.policyVersion, ordering: .releasing)
        }
        seen.store(meta.sequence, ordering: .releasing)
    }
}

extension Guard {
    /// A guard that follows the authority kept in a directory, of which it reads the public state only.
    public static func open(directory path: String, _ options: Options) throws(AgentIDError) -> Guard {
        let directory = try AuthorityDirectory(reading: path)
        let registry = try directory.openRegistry(.read)
        let view = try RegistryView(of: registry, in: directory, isReadOnly: true)
        let trail = try AuditTrail.open(
            options.audit, of: view.trustDomain, in: directory, registry: registry, clock: CheckedClock(options.clock))
        let stopping = AgentStopping(view) { entries throws(AgentIDError) in try directory.enforce(entries) }
        return try Guard(options, view: view, trail: trail, stopping: stopping)
    }
}
