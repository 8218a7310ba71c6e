import AgentID

/// Agents in the order of a tree: below each those that it started.
struct AgentTree {
    struct Row {
        let agent: AgentDescription
        let depth: Int
    }

    /// Every agent once, parents first. One whose parent is not among them stands at the left.
    let rows: [Row]

    init(_ agents: [AgentDescription]) {
        let known = Set(agents.map(\.id))
        var children: [String: [AgentDescription]] = [:]
        var pending: [Row] = []
        for agent in agents.reversed() {
            if let parent = agent.parent, parent != agent.id, known.contains(parent) {
                children[parent, default: []].append(agent)
            } else {
                pending.append(Row(agent: agent, depth: 0))
            }
        }
        var rows: [Row] = []
        while let row = pending.popLast() {
            rows.append(row)
            for child in children.removeValue(forKey: row.agent.id) ?? [] {
                pending.append(Row(agent: child, depth: row.depth + 1))
            }
        }
        // Parents that go round in a circle are damage; even so nobody is left out.
        let drawn = Set(rows.map(\.agent.id))
        self.rows = rows + agents.filter { !drawn.contains($0.id) }.map { Row(agent: $0, depth: 0) }
    }
}
