internal import JOSE

/// Brings events to one hook: claims the next that is due, runs the hook, and writes down how that went.
struct HookDelivery: Sendable {
    let registry: any Registry
    let hook: HookRecord
    let run: @Sendable (DeliveryRecord) throws -> Void
    /// This process, as the registry knows it.
    let claimant: String
    let clock: any Clock

    /// How long past its deadline an attempt is believed to be under way.
    private static let grace: Int64 = 5

    /// Makes one attempt at what is due. Whether there was anything.
    ///
    /// - Parameter isExpected: whether something is likely due.
    func attempt(isExpected: Bool) throws(AgentIDError) -> Bool {
        let now = clock.milliseconds
        // A claim is a write, and most looks find nothing; but a look takes the longer the more is waiting, and a
        // backlog would never be worked off.
        if !isExpected {
            let next = try registry.read { registry in try registry.nextDelivery(of: hook.name) }
            guard let next, next <= now else { return false }
        }
        let claimed = try registry.write { registry in
            try registry.claimDelivery(
                of: hook.name, by: claimant, at: now, until: now + (hook.deadline + Self.grace) * 1000)
        }
        guard let delivery = claimed else { return false }
        var failure: String?
        do { try run(delivery) } catch { failure = "\(error)" }
        try registry.write { registry in
            guard let failure else { return _ = try registry.complete(delivery.id, by: claimant) }
            let retryAt =
                delivery.attempts < hook.maxAttempts
                ? clock.milliseconds + Pause.milliseconds(afterAttempts: delivery.attempts) : nil
            try registry.fail(delivery.id, by: claimant, error: String(failure.prefix(1000)), retryAt: retryAt)
        }
        return true
    }

    /// Whether something is due, or an attempt is under way, here or in another process.
    func isBusy() throws(AgentIDError) -> Bool {
        let now = clock.milliseconds
        return try registry.read { registry in
            if let next = try registry.nextDelivery(of: hook.name), next <= now { return true }
            return try registry.deliveries(.pending, hook: hook.name, limit: 1000)
                .contains { $0.claimedBy != nil && $0.claimedUntil > now }
        }
    }
}
