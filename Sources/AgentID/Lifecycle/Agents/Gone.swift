public import StrictJSON

/// The remains of an agent and of all below it.
public struct Gone: Sendable {
    /// The agent that was asked about.
    public let agent: String
    /// The number of agents examined, including it.
    public internal(set) var agents = 0
    /// The number of chains presented to a guard.
    public internal(set) var chains = 0
    /// The `jti` of grants whose chain was not denied.
    public internal(set) var permitted: [String] = []
    /// The number of denials for each reason.
    public internal(set) var reasons: [String: Int] = [:]
    /// Agents that have not ended.
    public internal(set) var live: [String] = []
    /// Broker leases that were not returned.
    public internal(set) var leases: [String] = []
    /// Hook deliveries that are still waiting; they keep nothing alive.
    public internal(set) var deliveries = 0
    /// The agent's tombstone.
    public internal(set) var tombstone: String?

    /// Whether nothing of them is usable any more.
    public var isGone: Bool { permitted.isEmpty && live.isEmpty && leases.isEmpty && tombstone != nil }

    /// The answer as a document; see `docs/schemas/gone.json`.
    public var document: JSONTree {
        func texts(_ list: [String]) -> JSONTree { .array(list.map { .string($0) }) }
        return [
            "agent": .string(agent), "gone": .bool(isGone), "agents": .int(agents), "chains": .int(chains),
            "permitted": texts(permitted), "reasons": .members(reasons.map { ($0.key, .int($0.value)) }),
            "live": texts(live),
            "leases": texts(leases), "deliveries": .int(deliveries),
            "tombstone": tombstone.map { .string($0) } ?? .null,
        ]
    }
}

extension Lifecycle {
    /// Presents to a guard every grant that an agent and all below it ever held, and looks for anything left of them.
    func verifyGone(
        _ id: String, by guardian: Guard, report: (_ presented: Int, _ all: Int) -> Void
    ) throws(AgentIDError) -> Gone {
        var gone = Gone(agent: id)
        var held: [GrantRecord] = []
        // A large tree takes long to read: aside, so that nobody's decision waits for it.
        try registry.readAside { registry in
            let subtree = try registry.subtree(of: id)
            guard let root = subtree.first else {
                guard let tombstone = try registry.prunedTombstone(of: id) else { throw Self.unknown(id) }
                (gone.tombstone, gone.agents) = (tombstone, 1)
                return
            }
            gone.tombstone = root.tombstone
            gone.agents = subtree.count
            for agent in subtree {
                if agent.state != .deprovisioned { gone.live.append(agent.id) }
                held += try registry.grants(of: agent.id)
                gone.leases += try registry.brokerLeases(of: agent.id, limit: 1000).map(\.id)
                gone.deliveries += try registry.deliveryCount(about: agent.id)
            }
        }
        for grant in held {
            gone.chains += 1
            do {
                _ = try guardian.admit(chain: Array(grant.chain.utf8))
                gone.permitted.append(grant.id)
            } catch {
                gone.reasons[error.reason.rawValue, default: 0] += 1
            }
            report(gone.chains, held.count)
        }
        return gone
    }
}
