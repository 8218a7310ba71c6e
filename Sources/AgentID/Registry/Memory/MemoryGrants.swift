internal import StrictJSON

// Grants in memory.
extension MemoryTables {
    func grants(of agent: String) -> [GrantRecord] {
        (row(of: agent.exact)?.grants ?? []).inOrder { ($0.issued, $0.id.exact) < ($1.issued, $1.id.exact) }
    }

    func lastGrants(of agents: [String]) -> [GrantRecord?] { agents.map { row(of: $0.exact)?.grants.last } }

    func grant(_ id: String) -> GrantRecord? {
        granted[id.exact].flatMap { row(of: $0) }?.grants.first { $0.id.isSame(as: id) }
    }

    func lastGrantExpiry() -> Int64? {
        var last: Int64?
        visitGrants { last = max(last ?? .min, $0.expires) }
        return last
    }

    func lastGrantIssue(after time: Int64) -> Int64? {
        var last: Int64?
        visitGrants { if $0.issued > time, $0.expires > time { last = max(last ?? .min, $0.issued) } }
        return last
    }

    private func visitGrants(_ body: (GrantRecord) -> Void) {
        byID.visit { key in
            row(of: key.name)?.grants.forEach(body)
            return true
        }
    }

    func insert(_ grant: GrantRecord) throws(AgentIDError) {
        guard granted[grant.id.exact] == nil, var row = row(of: grant.agent.exact) else {
            throw .registryConflict("there is a grant of this ID, or no such agent")
        }
        row.grants.append(grant)
        set(grant.agent.exact, row)
    }

    func removeGrants(of agent: String, expiredBefore time: Int64) {
        guard var row = row(of: agent.exact), let first = grants(of: agent).first else { return }
        let count = row.grants.count
        row.grants.removeAll { $0.expires < time && !$0.id.isSame(as: first.id) }
        if row.grants.count != count { set(agent.exact, row) }
    }
}
