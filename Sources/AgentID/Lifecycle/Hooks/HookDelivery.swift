internal import StrictJSON

/// Brings events to one hook: claims what is due, runs the hook on each, and writes down how that went.
struct HookDelivery: Sendable {
    let registry: any Registry
    let hook: HookRecord
    let run: @Sendable (DeliveryRecord) throws -> Void
    /// This process, as the registry knows it.
    let claimant: String
    let clock: CheckedClock

    /// How many are claimed and written down in one transaction: each costs a sync of the disk. Of a command one, since
    /// it costs more than that, and is better told nothing twice when this process is killed.
    private var batch: Int { hook.kind == .command ? 1 : 64 }
    /// How long past its deadline an attempt is believed to be under way.
    private static let grace: Int64 = 5
    /// How long, in milliseconds, more of a batch are begun: within `grace` each has its whole deadline.
    private static let turn: Int64 = 1000

    /// What becomes of one that was claimed.
    private enum Outcome {
        case told
        case failed(String, retryAt: Int64?)
        /// Not its turn any more.
        case left
    }

    /// Makes one attempt at each of what is due, as far as time allows. Whether there was anything.
    func attempt(unless isStopping: () -> Bool = { false }) throws(AgentIDError) -> Bool {
        let now = clock.milliseconds
        // Asked first, because a claim is a write and most looks find nothing.
        let isDue = try registry.read { registry in try registry.hasDelivery(of: hook.name, dueBy: now) }
        guard isDue else { return false }
        let claimed = try registry.write { registry in
            try registry.claimDeliveries(
                of: hook.name, by: claimant, at: now, until: now + (hook.deadline + Self.grace) * 1000, limit: batch)
        }
        guard !claimed.isEmpty else { return false }
        let begun = MonotonicClock.milliseconds
        var outcomes: [Outcome] = []
        var failed: Set<ExactText> = []
        for (i, delivery) in claimed.enumerated() {
            // Whatever an agent's later events say, they come after the one that failed.
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
                outcomes.append(.failed("\(error)".prefix(bytes: 1000), retryAt: retryAt))
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

    /// Whether something is due, or an attempt is under way, here or in another process.
    func isBusy() throws(AgentIDError) -> Bool {
        let now = clock.milliseconds
        return try registry.read { registry in
            if try registry.hasDelivery(of: hook.name, dueBy: now) { return true }
            return try registry.deliveries(.pending, hook: hook.name, limit: 1000)
                .contains { $0.claimedBy != nil && $0.claimedUntil > now }
        }
    }
}
