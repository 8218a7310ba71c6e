internal import JOSE
internal import StrictJSON

/// The agents whose handles live in this process, and two threads that renew: one the leases, which no signer may
/// delay, the other grants and credentials.
final class LeaseKeeper: Sendable {
    /// The name of the process that renews these leases.
    let holder = ProcessLabel.make()
    private struct Kept {
        weak var agent: Agent?
        /// The time of the last renewal of the lease, by a clock that nobody sets, in milliseconds.
        var leasedAt = MonotonicClock.sinceBoot
        /// The reason why its grant was not renewed when due.
        var failure: String?
    }
    private struct State {
        var agents: [ExactText: Kept] = [:]
        var threads: [BackgroundThread] = []
        var isStopped = false
        /// The time of the next look at the grants, in milliseconds of a clock that nobody sets.
        var lookAt = Int64.max
        var pace = ClockPace()
    }
    private let state = Locked(State())

    /// Starts the threads before an agent is registered: without them it would lapse.
    func begin(for lifecycle: Lifecycle) throws(AgentIDError) {
        try state.withLock { state throws(AgentIDError) in
            if state.threads.isEmpty, !state.isStopped { try start(&state, for: lifecycle) }
        }
    }

    /// Renews an agent's lease, grant and credential from now on, as long as somebody holds the agent.
    func keep(_ agent: Agent, id: String, for lifecycle: Lifecycle) {
        let due = agent.snapshot.map { min($0.renewGrantAt, $0.renewCredentialAt) } ?? .max
        let now = lifecycle.clock.milliseconds
        let wait = due == .max ? due : due - now
        let ahead = now - lifecycle.steady.now.milliseconds
        state.withLock { state in
            state.pace.dates(ahead)
            state.agents[id.exact] = Kept(agent: agent)
            guard !state.isStopped else { return }
            if Self.isTooLate(state.lookAt, for: wait, now: MonotonicClock.milliseconds) { state.threads.last?.wake() }
        }
    }

    /// Whether the next look comes too late for what is due in so many milliseconds. One that is due or under way may have
    /// passed by what came since, and nobody knows when the next is.
    static func isTooLate(_ lookAt: Int64, for wait: Int64, now: Int64) -> Bool { lookAt <= now || wait < lookAt - now }

    /// Notes how far a clock was ahead of the steady one, in milliseconds, that dated what is held here: it is dated anew where
    /// that was wrong.
    func dates(_ ahead: Int64) { state.withLock { $0.pace.dates(ahead) } }

    private func start(_ state: inout State, for lifecycle: Lifecycle) throws(AgentIDError) {
        let leases = try startLeases(for: lifecycle)
        do throws(AgentIDError) { state.threads = [leases, try startGrants(for: lifecycle)] } catch {
            // Not waited for: it may wait for the lock that is held here.
            leases.abandon()
            throw error
        }
    }

    private func startLeases(for lifecycle: Lifecycle) throws(AgentIDError) -> BackgroundThread {
        // A third: two attempts may fail before anything lapses.
        let interval = max(Int(clamping: lifecycle.leaseDuration) * 1000 / 3, 1)
        // By the clock that goes on while the machine sleeps, as leases do. From before the first lease is dated, not from when
        // the thread first runs: the machine may sleep in between.
        let begun = MonotonicClock.sinceBoot
        return try BackgroundThread.start(name: "agentid-lease") { [weak lifecycle] thread in
            var (due, hasFailed) = (begun + Int64(interval), false)
            while thread.wait(milliseconds: min(interval, Self.glance)) {
                guard let lifecycle else { return }
                let (isWrong, isSettled) = lifecycle.glance()
                let late = MonotonicClock.sinceBoot - due
                // A clock that is wrong for a moment dates no lease, unless that goes on.
                let isOverdue = late >= 0 && (isSettled || late > Int64(interval) / 4)
                guard isOverdue || isWrong && isSettled && !hasFailed else { continue }
                (due, hasFailed) = (MonotonicClock.sinceBoot + Int64(interval), false)
                // A registry that fails now is asked again in time; leases that lapse until then are denied.
                do throws(AgentIDError) {
                    try lifecycle.renewLeases()
                    // After a sleep grants are due too: their thread's wait stood still.
                    if isWrong || late > 2 * Int64(Self.glance) { lifecycle.leases.wake() }
                } catch {
                    (due, hasFailed) = (MonotonicClock.sinceBoot + Int64(min(interval, 10_000)), true)
                    ProcessLog.write(
                        .error, .leases, "lease_not_renewed",
                        "leases of this process's agents were not renewed, and lapse if that goes on: \(error.message)")
                }
            }
        }
    }

    private func startGrants(for lifecycle: Lifecycle) throws(AgentIDError) -> BackgroundThread {
        try BackgroundThread.start(name: "agentid-grant") { [weak self, weak lifecycle] thread in
            var wait: Int64 = 0
            while thread.wait(milliseconds: Int(clamping: wait)) {
                guard let self, let lifecycle else { return }
                // What a clock that is wrong for a moment dates is good for nothing after it.
                let isSettled = self.agents().first?.agent.isClockSettled ?? true
                wait = isSettled ? lifecycle.renewGrants(while: { !thread.isStopping }) : ClockWatch.settling
                self.state.withLock { $0.lookAt = MonotonicClock.milliseconds + wait }
            }
        }
    }

    /// Stops renewing an agent, unless somebody took it up again since.
    func forget(_ id: String, heldAs agent: Agent) {
        state.withLock { if $0.agents[id.exact]?.agent === agent { $0.agents[id.exact] = nil } }
    }

    func forget(_ id: String) { state.withLock { $0.agents[id.exact] = nil } }

    /// Stops renewing an agent. Returns it if somebody still holds it.
    func take(_ id: String) -> Agent? { state.withLock { $0.agents.removeValue(forKey: id.exact)?.agent } }

    /// The agents that still have a handle, by ID.
    func agents() -> [(id: String, agent: Agent)] {
        state.withLock { state in
            state.agents = state.agents.filter { $0.value.agent != nil }
            return state.agents.compactMap { id, kept in kept.agent.map { (id.string, $0) } }
        }
    }

    /// The longest time in which a clock that was set is noticed, in milliseconds.
    private static let glance = 1000

    /// Looks how far the wall clock is ahead of the steady one, in milliseconds.
    ///
    /// - Returns: whether leases were dated by a clock that was set since, and whether it has kept pace for a while.
    func look(_ ahead: Int64, at steady: Int64) -> (isWrong: Bool, isSettled: Bool) {
        state.withLock { $0.pace.look(ahead, at: steady) }
    }

    /// Notes by which clock all leases were dated.
    func redate(_ ahead: Int64) { state.withLock { $0.pace.redates(ahead) } }

    /// One of the agents that still have a handle.
    var anyone: Agent? { state.withLock { $0.agents.first?.value.agent } }

    /// Records the renewed leases, and stops renewing the agents that have none any more.
    ///
    /// By both clocks: one that is wrong for a moment ends nobody.
    func note(renewed: Set<ExactText>, of asked: [ExactText], within seconds: Int64) {
        let now = MonotonicClock.sinceBoot
        state.withLock { state in
            for id in asked {
                if renewed.contains(id) {
                    state.agents[id]?.leasedAt = now
                } else if let kept = state.agents[id], now - kept.leasedAt > seconds * 1000 {
                    state.agents[id] = nil
                }
            }
        }
    }

    /// Records why an agent's grant could not be renewed; `nil`: it was.
    func note(_ failure: String?, of id: String) {
        state.withLock { $0.agents[id.exact]?.failure = failure }
        guard let failure else { return }
        ProcessLog.write(
            .warning, .grants, "grant_not_renewed",
            "the grant of \(id) was not renewed, and expires if that goes on: \(failure)")
    }

    /// The reason why an agent's grant was not renewed when due, if it is held in this process.
    func failure(of id: String) -> String? { state.withLock { $0.agents[id.exact]?.failure } }

    /// Looks at the grants now: something changed that may have prevented renewals.
    func wake() { state.withLock { $0.threads.last }?.wake() }

    /// Looks at the grants now, unless it does so soon: what could not be renewed a moment ago is not tried at each call.
    func hasten() {
        state.withLock { state in
            let now = MonotonicClock.milliseconds
            guard state.lookAt != .max, state.lookAt - now > Lifecycle.longestPause else { return }
            state.lookAt = now
            state.threads.last?.wake()
        }
    }

    /// Stops all renewing.
    func stop() {
        let threads = state.withLock { state in
            state.isStopped = true
            defer { state.threads = [] }
            return state.threads
        }
        for thread in threads { thread.stop() }
    }
}
