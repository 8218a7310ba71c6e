internal import StrictJSON

// Agents and what is told of them, in memory.
extension MemoryTables {
    func agent(_ id: String) -> AgentRecord? { row(of: id.exact)?.seen }

    func agentCounts(at now: Int64) -> AgentCounts {
        var counts = AgentCounts()
        byID.visit { key in
            if let row = row(of: key.name) {
                counts.add(1, row.seen.state, lease: row.lease?.expires, isDenied: isStopped(row, at: now), now: now)
            }
            return true
        }
        return counts
    }

    /// Whether an agent or one above it is expired, revoked, suspended, parked or lapsed.
    private func isStopped(_ row: AgentRow, at now: Int64) -> Bool {
        var next: AgentRow? = row
        while let row = next {
            let (agent, grant) = (row.seen, row.grants.last)
            guard agent.state == .active, let lease = row.lease, lease.expires > now, let grant,
                grant.expires > now / 1000
            else { return true }
            var revocable = [
                Revocation(unchecked: .profile, agent.profile), Revocation(unchecked: .principal, agent.principal),
                Revocation(unchecked: .principal, agent.owner), Revocation(unchecked: .key, agent.key),
            ]
            revocable += SPIFFEID.ancestry(of: agent.id).map { Revocation(unchecked: .agent, $0) }
            revocable.append(Revocation(unchecked: .grant, grant.id))
            // Chains are not read: when it was issued tells the key that signed.
            let signer = small.keys.filter { $0.role == .active || ($0.retiredAt ?? .min) >= grant.issued }
                .min { ($0.retiredAt ?? .max) < ($1.retiredAt ?? .max) }
            if let signer { revocable.append(Revocation(unchecked: .issuer, signer.key.thumbprint)) }
            guard firstRevoked(of: revocable) == nil else { return true }
            next = agent.parent.flatMap { self.row(of: $0.exact) }
        }
        return false
    }

    func agents(_ filter: AgentFilter) -> [AgentRecord] {
        var found: [AgentRecord] = []
        var left = max(filter.offset, 0)
        let order = filter.state == nil || filter.state == .deprovisioned ? byID : living
        guard filter.limit > 0 else { return [] }
        order.visit { key in
            guard let row = row(of: key.name), filter.matches(row), filter.after?.isBefore(row.seen.id) ?? true else {
                return true
            }
            let agent = row.seen
            if left > 0 { left -= 1 } else { found.append(agent) }
            return found.count < filter.limit
        }
        return found
    }

    func subtree(of agent: String) -> [AgentRecord] {
        var tree = [agent.exact] + ids(below: agent.exact)
        var known = Set(tree)
        var next = 0
        while next < tree.count {
            for child in children[tree[next]] ?? [] where known.insert(child).inserted { tree.append(child) }
            next += 1
        }
        return tree.compactMap { row(of: $0)?.seen }.inOrder { ($0.created, $0.id.exact) < ($1.created, $1.id.exact) }
    }

    /// The IDs that begin with an agent's and a slash.
    func ids(below agent: ExactText, limit: Int = .max) -> [ExactText] {
        var found: [ExactText] = []
        let start = agent.string + "/"
        byID.visit(from: .init(name: start.exact)) { key in
            guard key.name.string.starts(exactly: start) else { return false }
            if key.name.utf8.count > start.utf8.count { found.append(key.name) }
            return found.count < limit
        }
        return found
    }

    func agentsWithoutTombstone(limit: Int) -> [AgentRecord] {
        unburied.names(limit: limit).compactMap { row(of: $0)?.record }
    }

    func standing(of agents: [String]) -> [AgentStanding] {
        agents.compactMap { row(of: $0.exact).map(AgentStanding.init) }
    }

    func holders(of key: String, limit: Int) -> [AgentStanding] {
        let present = (holders[key.exact] ?? []).compactMap { row(of: $0) }
        var found: [AgentStanding] = []
        for state in [AgentRecord.State.deprovisioned, .suspended, .active] {
            found += present.lazy.filter { $0.record.state == state }.prefix(limit).map(AgentStanding.init)
        }
        // Of one that was pruned its name is left: it has ended.
        let former = (formerHolders[key.exact] ?? []).inOrder()
        let (pruned, known) = (former.filter { row(of: $0) == nil }, former.compactMap { row(of: $0) })
        let ended = pruned.map {
            AgentStanding(
                agent: $0.string, state: .deprovisioned, leaseExpires: nil, key: "", profile: "", owner: "",
                principal: "")
        }
        return found + (ended + known.map(AgentStanding.init)).prefix(limit)
    }

    func isFormerKey(_ key: String, of agent: String) -> Bool { formerKeys[agent.exact]?.contains(key.exact) ?? false }

    func formerKeys(of agent: String) -> [String] { (formerKeys[agent.exact] ?? []).map(\.string) }

    func insert(_ agent: AgentRecord) throws(AgentIDError) {
        let id = agent.id.exact
        guard row(of: id) == nil else { throw .registryConflict("there is an agent of this ID") }
        set(id, AgentRow(record: agent.stored))
    }

    func update(_ agent: AgentRecord) -> Bool {
        let id = agent.id.exact
        guard var row = row(of: id) else { return false }
        if !row.record.key.isSame(as: agent.key) { remember(row.record.key.exact, of: id) }
        (row.record.key, row.record.state) = (agent.key, agent.stored.state)
        (row.record.ended, row.record.endReason, row.record.tombstone) = (agent.ended, agent.endReason, agent.tombstone)
        set(id, row)
        return true
    }

    // MARK: Those that ended long ago

    func prunedTombstone(of agent: String) -> String? { tombstones[agent.exact]?.text }

    func prunedAgents(endedAfter time: Int64, limit: Int) -> [String] {
        tombstones.filter { $0.value.ended > time }
            .inOrder { $0.value.ended != $1.value.ended ? $0.value.ended > $1.value.ended : $0.key < $1.key }
            .prefix(limit).map(\.key.string)
    }

    func prune(endedBefore ended: Int64, expiredBefore expired: Int64, limit: Int) -> Int {
        var found: [ExactText] = []
        let inDelivery = Set(deliveries.values.lazy.map(\.record.agent.exact))
        buried.visit { key in
            guard key.number < ended, found.count < limit else { return false }
            // Those below first: nobody is left whose parent nobody knows.
            if let row = row(of: key.name), row.grants.allSatisfy({ $0.expires < expired }), children[key.name] == nil,
                heldFor[key.name] == nil, !inDelivery.contains(key.name)
            {
                found.append(key.name)
            }
            return true
        }
        for id in found {
            guard let row = row(of: id) else { continue }
            if let tombstone = row.record.tombstone {
                keep(tombstone: tombstone, of: id, ended: row.record.ended ?? 0)
            }
            // What others delegated to its key may be good for longer.
            remember(row.record.key.exact, of: id)
            // Nobody can present what has expired, and of an agent that is not known nothing is taken.
            for grant in row.grants { remove(Revocation(unchecked: .grant, grant.id)) }
            remove(Revocation(unchecked: .agent, id.string))
            for name in countersOf[id] ?? [] { set(name, nil as Counter?) }
            set(id, nil as AgentRow?)
        }
        removeRevocations(below: Set(found))
        return found.count
    }
}

extension MemoryTables {
    /// Removes the revocations of names below agents that are in no registry.
    private func removeRevocations(below agents: Set<ExactText>) {
        guard !agents.isEmpty else { return }
        for record in revocations.after(0, limit: .max) where record.revocation.kind == .agent {
            let isBelow = SPIFFEID.ancestry(of: record.revocation.value).contains { agents.contains($0.exact) }
            if isBelow { remove(record.revocation) }
        }
    }
}

extension AgentRecord {
    /// As it is kept: a parked agent is an active one whose lease says that it is parked.
    fileprivate var stored: AgentRecord {
        var stored = self
        if state == .parked { stored.state = .active }
        return stored
    }
}

extension AgentFilter {
    fileprivate func matches(_ row: MemoryTables.AgentRow) -> Bool {
        let agent = row.seen
        // One that was suspended meanwhile is both.
        let isParked = state == .parked && agent.state == .suspended && row.lease?.sealed != nil
        func isAsked(_ asked: String?, _ value: String?) -> Bool { asked == nil || asked.isSame(as: value) }
        return isAsked(profile, agent.profile) && isAsked(principal, agent.principal) && isAsked(owner, agent.owner)
            && isAsked(parent, agent.parent) && (isParked || state.map { $0 == agent.state } ?? true)
    }
}

extension AgentStanding {
    fileprivate init(_ row: MemoryTables.AgentRow) {
        let agent = row.seen
        self.init(
            agent: agent.id, state: agent.state, leaseExpires: row.lease?.expires, key: agent.key,
            profile: agent.profile, owner: agent.owner, principal: agent.principal)
    }
}
