import AgentID
import StrictJSON

/// Agents in the order of a tree: below each those that it started.
struct AgentTree {
    struct Row {
        let agent: AgentDescription
        let depth: Int
        /// Whether it is the last agent that its parent started.
        let isLast: Bool
        /// The number of agents that it started itself.
        let children: Int
    }

    /// Every agent once, parents before children. An agent whose parent is not listed stands at the left.
    let rows: [Row]

    init(_ agents: [AgentDescription]) {
        let known = agents.map(\.id).exact
        var children: [ExactText: [AgentDescription]] = [:]
        var pending: [Row] = []
        for agent in agents {
            if let parent = agent.parent, !parent.isSame(as: agent.id), known.contains(parent.exact) {
                children[parent.exact, default: []].append(agent)
            }
        }
        func row(_ agent: AgentDescription, depth: Int, isLast: Bool) -> Row {
            Row(agent: agent, depth: depth, isLast: isLast, children: children[agent.id.exact]?.count ?? 0)
        }
        for agent in agents.reversed()
        where agent.parent.map({ $0.isSame(as: agent.id) || !known.contains($0.exact) }) ?? true {
            pending.append(row(agent, depth: 0, isLast: true))
        }
        var rows: [Row] = []
        while let parent = pending.popLast() {
            rows.append(parent)
            for (i, child) in (children[parent.agent.id.exact] ?? []).reversed().enumerated() {
                pending.append(row(child, depth: parent.depth + 1, isLast: i == 0))
            }
        }
        // A circle of parents is damage; its agents are still listed.
        let drawn = rows.map(\.agent.id).exact
        let circling = agents.filter { !drawn.contains($0.id.exact) }
        self.rows = rows + circling.map { Row(agent: $0, depth: 0, isLast: true, children: 0) }
    }

    /// The lines that a terminal draws before each row's name.
    var branches: [String] {
        // The vertical lines of ancestors that have further children.
        var trunk: [String] = []
        return rows.map { row in
            guard row.depth > 0 else {
                trunk = []
                return ""
            }
            trunk.removeSubrange((row.depth - 1)...)
            let branches = trunk.joined() + (row.isLast ? "└─ " : "├─ ")
            trunk.append(row.isLast ? "   " : "│  ")
            return branches
        }
    }
}
