internal import StrictJSON

// Agents' leases in memory.
extension MemoryTables {
    func lease(of agent: String) -> LeaseRecord? { row(of: agent.exact)?.lease }

    func leases(lapsedBy time: Int64, limit: Int) -> [LeaseRecord] {
        leases(after: nil, lapsedBy: time, limit: limit) { _ in true }
    }

    func leases(
        overBy time: LeaseTime, after last: LeaseRecord?, limit: Int
    ) -> [LeaseRecord] {
        // As SQLite does: those that a clock dated which was ahead come last, and what is in between is not looked at.
        let after = last.map { MemoryOrder.Key(number: $0.expires, name: $0.agent.exact) }
        let found = leases(after: after, lapsedBy: min(time.wall, time.latest), limit: limit, where: time.isOver)
        let ahead = MemoryOrder.Key(number: time.latest)
        return found
            + leases(
                after: after.map { max($0, ahead) } ?? ahead, lapsedBy: .max, limit: limit - found.count,
                where: { $0.expires > time.latest && time.isOver($0) })
    }

    private func leases(
        after: MemoryOrder.Key?, lapsedBy time: Int64, limit: Int, where isAsked: (LeaseRecord) -> Bool
    ) -> [LeaseRecord] {
        var found: [LeaseRecord] = []
        byLease.visit(from: after ?? .init(number: .min)) { key in
            guard key.number <= time, found.count < limit else { return false }
            guard key != after, let row = row(of: key.name), row.record.state != .deprovisioned, let lease = row.lease,
                isAsked(lease)
            else { return true }
            found.append(lease)
            return true
        }
        return found
    }

    func put(_ lease: LeaseRecord) throws(AgentIDError) {
        guard var row = row(of: lease.agent.exact) else { throw .registryConflict("there is no such agent") }
        row.lease = lease
        set(lease.agent.exact, row)
    }

    func renewLeases(
        of agents: [String], at now: Int64, until expires: Int64, runsUntil: SteadyTime, orRunningAt steady: Int64
    ) -> [String] {
        agents.filter { id in
            guard var row = row(of: id.exact), row.record.state != .deprovisioned, var lease = row.lease,
                lease.sealed == nil,
                lease.expires > now - lease.grace
                    || lease.runs(at: SteadyTime(boot: runsUntil.boot, milliseconds: steady)) == true
            else { return false }
            let isAhead = steady != .max && lease.expires > expires + 60_000
            lease.expires = isAhead ? expires : max(lease.expires, expires)
            (lease.renewed, lease.runsUntil) = (now, runsUntil)
            row.lease = lease
            set(id.exact, row)
            return true
        }
    }

    func removeLease(of agent: String) {
        guard var row = row(of: agent.exact), row.lease != nil else { return }
        row.lease = nil
        set(agent.exact, row)
    }
}
