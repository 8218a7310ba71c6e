internal import StrictJSON

// Hooks and their deliveries in memory.
extension MemoryTables {
    // Each event asks, and most authorities have none.
    func hooks() -> [HookRecord] { small.hooks.isEmpty ? [] : small.hooks.inOrder { $0.key < $1.key }.map(\.value) }

    func put(_ hook: HookRecord) {
        small.hooks[hook.name.exact] = hook
        isChanged = true
    }

    func removeHook(named name: String) -> Bool {
        guard small.hooks.removeValue(forKey: name.exact) != nil else { return false }
        for delivery in queue(of: name) { set(delivery.record.id, nil as DeliveryRow?) }
        isChanged = true
        return true
    }

    /// The deliveries of a hook, oldest first.
    private func queue(of hook: String) -> [DeliveryRow] {
        var found: [DeliveryRow] = []
        queues[hook.exact]?.visit { key in
            if let delivery = deliveries[key.number] { found.append(delivery) }
            return true
        }
        return found
    }

    func deliveries(_ state: DeliveryRecord.State, hook: String?, limit: Int) -> [DeliveryRecord] {
        let all =
            hook.map { queue(of: $0) }
            ?? deliveries.values.inOrder { $0.record.id < $1.record.id }
        return Array(all.lazy.map(\.record).filter { $0.state == state }.prefix(limit))
    }

    func deliveryCounts(of hook: String) -> (pending: Int, dead: Int) {
        let all = queue(of: hook)
        let pending = all.count { $0.record.state == .pending }
        return (pending, all.count - pending)
    }

    func deliveryLoads(of hook: String) -> [DeliveryLoad] {
        var loads: [ExactText: DeliveryLoad] = [:]
        for delivery in queue(of: hook) where !delivery.source.isEmpty {
            let source = delivery.source
            loads[source.exact, default: DeliveryLoad(source: source, count: 0, bytes: 0)].count += 1
            loads[source.exact]?.bytes += delivery.record.payload.utf8.count
        }
        return loads.inOrder { $0.key < $1.key }.map(\.value)
    }

    func deliveryCount(about agent: String) -> Int {
        deliveries.values.count { $0.record.state == .pending && $0.record.agent.isSame(as: agent) }
    }

    func enqueue(
        hook: String, agent: String, event: String, payload: String, source: String, at time: Int64
    ) throws(AgentIDError) {
        guard small.hooks[hook.exact] != nil else { throw .registryConflict("there is no such hook") }
        small.lastDelivery += 1
        let record = DeliveryRecord(
            id: small.lastDelivery, hook: hook, agent: agent, event: event, payload: payload, attempts: 0, nextAt: time,
            claimedUntil: 0, claimedBy: nil, state: .pending, error: nil)
        set(record.id, DeliveryRow(record: record, source: source))
    }

    func hasDelivery(of hook: String, dueBy time: Int64) -> Bool {
        !due(of: hook, by: time, limit: 1).isEmpty
    }

    func claimDeliveries(
        of hook: String, by claimant: String, at now: Int64, until deadline: Int64, limit: Int
    ) -> [DeliveryRecord] {
        due(of: hook, by: now, limit: limit).map { delivery in
            var taken = delivery
            taken.record.attempts += 1
            (taken.record.claimedBy, taken.record.claimedUntil) = (claimant, deadline)
            set(taken.record.id, taken)
            return taken.record
        }
    }

    /// The pending ones that are held up by no earlier one of the same agent, which is not due or taken.
    private func due(of hook: String, by time: Int64, limit: Int) -> [DeliveryRow] {
        var found: [DeliveryRow] = []
        var heldUp: Set<ExactText> = []
        queues[hook.exact]?.visit { key in
            guard let delivery = deliveries[key.number], delivery.record.state == .pending else { return true }
            let record = delivery.record
            if record.waits(at: time) {
                heldUp.insert(record.agent.exact)
            } else if !heldUp.contains(record.agent.exact), found.count < limit {
                found.append(delivery)
            }
            return found.count < limit
        }
        return found
    }

    // Nobody else has it, and it ends with the process.
    func giveUpDeliveries(of hook: String, afterAttempts most: Int64, at now: Int64, error: String) -> Int { 0 }

    func release(_ delivery: Int64, by claimant: String) -> Bool {
        change(delivery, of: claimant) { $0.attempts -= 1 }
    }

    func complete(_ delivery: Int64, by claimant: String) -> Bool {
        guard deliveries[delivery]?.record.claimedBy.isSame(as: claimant) == true else { return false }
        set(delivery, nil as DeliveryRow?)
        return true
    }

    func fail(_ delivery: Int64, by claimant: String, error: String, retryAt time: Int64?) -> Bool {
        change(delivery, of: claimant) { record in
            (record.error, record.state) = (error, time == nil ? .dead : .pending)
            record.nextAt = time ?? record.nextAt
        }
    }

    /// Gives a delivery back that a claimant has.
    private func change(
        _ id: Int64, of claimant: String, _ body: (inout DeliveryRecord) -> Void
    ) -> Bool {
        guard var delivery = deliveries[id], delivery.record.claimedBy.isSame(as: claimant) else { return false }
        body(&delivery.record)
        (delivery.record.claimedUntil, delivery.record.claimedBy) = (0, nil)
        set(id, delivery)
        return true
    }

    func retry(_ delivery: Int64, at time: Int64) -> Bool {
        guard var dead = deliveries[delivery], dead.record.state == .dead else { return false }
        (dead.record.state, dead.record.attempts, dead.record.nextAt) = (.pending, 0, time)
        set(delivery, dead)
        return true
    }
}
