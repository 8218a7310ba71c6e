internal import StrictJSON

// The secrets that brokers hold for agents, in memory.
extension MemoryTables {
    func brokerLease(_ id: String) -> BrokerLeaseRecord? { brokerLeases[id.exact] }

    func brokerLeases(of agent: String?, limit: Int) -> [BrokerLeaseRecord] {
        let ids = agent.map { heldFor[$0.exact] ?? [] } ?? Array(brokerLeases.keys)
        return ids.inOrder().prefix(limit).compactMap { brokerLeases[$0] }
    }

    func brokerLeases(dueBy time: Int64, _ steady: SteadyTime, limit: Int) -> [BrokerLeaseRecord] {
        var found: [BrokerLeaseRecord] = []
        brokerLeasesDue.visit { key in
            guard found.count < limit else { return false }
            if let lease = brokerLeases[key.name], lease.isDue(at: time), lease.isOver(at: time, steady) {
                found.append(lease)
            }
            return true
        }
        return found
    }

    func secretHolders() -> [String] {
        heldFor.filter { _, leases in leases.contains { brokerLeases[$0]?.state != .releasing } }.map(\.key.string)
    }

    func releaseBrokerLeases(of agent: String, at time: Int64) -> Int {
        let held = (heldFor[agent.exact] ?? []).compactMap { brokerLeases[$0] }.filter { $0.state != .releasing }
        for var lease in held {
            if lease.state == .held { lease.state = .releasing }
            (lease.expires, lease.nextAt) = (min(lease.expires, time), time)
            lease.runsUntil.milliseconds = 0
            set(lease.id.exact, lease)
        }
        return held.count
    }

    func put(_ lease: BrokerLeaseRecord) { set(lease.id.exact, lease) }

    func removeBrokerLease(_ id: String) {
        if brokerLeases[id.exact] != nil { set(id.exact, nil as BrokerLeaseRecord?) }
    }
}
