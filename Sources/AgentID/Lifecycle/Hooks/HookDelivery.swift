internal import StrictJSON

/// Delivers events to one hook: claims due ones, runs the hook on each, and records the results.
struct HookDelivery: Sendable {
    let registry: any Registry
    let hook: HookRecord
    let run: @Sendable (DeliveryRecord) throws -> Void
    /// This process's name in the registry.
    let claimant: String
    let clock: CheckedClock

    /// The number of deliveries claimed and recorded in one transaction: each transaction costs a sync of the disk. One
    /// for a command, which costs more than that and should not get an event twice when this process is killed.
    private var batch: Int { hook.kind == .command ? 1 : 64 }
    /// The time past its deadline that an attempt counts as under way.
    private static let grace: Int64 = 5
    /// The time in which further deliveries of a batch are begun, in milliseconds: within `grace` each has its whole
    /// deadline.
    private static let turn: Int64 = 1000

    private static let unfinished = "the process that made the last attempt ended in it"

    /// The result of a claimed delivery.
    private enum Outcome {
        case told
        case failed(String, retryAt: Int64?)
        /// Its turn has not come, or is over.
        case left
    }

    /// Makes one attempt at each due delivery, as far as time allows. Returns whether there was any.
    func attempt(unless isStopping: () -> Bool = { false }) throws(AgentIDError) -> Bool {
        let now = clock.milliseconds
        // Asked first, because a claim is a write and most looks find nothing.
        let isDue = try registry.read { registry in try registry.hasDelivery(of: hook.name, dueBy: now) }
        guard isDue else { return false }
        var given = 0
        let claimed = try registry.write { registry in
            given = try registry.giveUpDeliveries(
                of: hook.name, afterAttempts: hook.maxAttempts, at: now, error: Self.unfinished)
            return try registry.claimDeliveries(
                of: hook.name, by: claimant, at: now, until: now + (hook.deadline + Self.grace) * 1000, limit: batch)
        }
        if given > 0 { tellGivenUp() }
        guard !claimed.isEmpty else { return given > 0 }
        let begun = MonotonicClock.milliseconds
        var outcomes: [Outcome] = []
        var failed: Set<ExactText> = []
        for (i, delivery) in claimed.enumerated() {
            // An agent's later events, whatever they are, come after the one that failed.
            let isLate = i > 0 && (isStopping() || MonotonicClock.milliseconds - begun >= Self.turn)
            guard !isLate, !failed.contains(delivery.agent.exact) else {
                outcomes.append(.left)
                continue
            }
            do {
                try run(delivery)
                outcomes.append(.told)
            } catch {
                let retryAt =
                    delivery.attempts < hook.maxAttempts
                    ? clock.milliseconds + RetryDelay.milliseconds(afterAttempts: delivery.attempts) : nil
                let message = "\(error)".prefix(bytes: 1000)
                tell(of: delivery, message, isDead: retryAt == nil)
                outcomes.append(.failed(message, retryAt: retryAt))
                failed.insert(delivery.agent.exact)
            }
        }
        try registry.write { registry in
            for (delivery, outcome) in zip(claimed, outcomes) {
                switch outcome {
                case .told: try registry.complete(delivery.id, by: claimant)
                case .failed(let error, let retryAt):
                    try registry.fail(delivery.id, by: claimant, error: error, retryAt: retryAt)
                case .left: try registry.release(delivery.id, by: claimant)
                }
            }
        }
        return true
    }

    @inline(never) private func tellGivenUp() {
        ProcessLog.write(
            .error, .deadHooks, "hook_dead",
            "hook \(hook.name) is not tried again: \(Self.unfinished); agentidctl hooks dead lists it")
    }

    /// Tells the operator of an attempt that failed.
    private func tell(of delivery: DeliveryRecord, _ message: String, isDead: Bool) {
        let what = "hook \(hook.name) failed on \(delivery.event), attempt \(delivery.attempts) of \(hook.maxAttempts)"
        if isDead {
            ProcessLog.write(
                .error, .deadHooks, "hook_dead",
                "\(what), and it is not tried again: \(message); agentidctl hooks dead lists it")
        } else {
            ProcessLog.write(.warning, .hooks, "hook_failed", "\(what); it is tried again: \(message)")
        }
    }

    /// Whether a delivery is due, or an attempt is under way, here or in another process.
    func isBusy() throws(AgentIDError) -> Bool {
        let now = clock.milliseconds
        return try registry.read { registry in
            if try registry.hasDelivery(of: hook.name, dueBy: now) { return true }
            return try registry.deliveries(.pending, hook: hook.name, limit: 1000)
                .contains { $0.claimedBy != nil && $0.waits(at: now) }
        }
    }
}
