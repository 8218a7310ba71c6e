import AgentID

/// The agents of an authority as a page: their parents, principals, tasks, and the remaining time of their leases.
struct AgentsPage {
    let tree: AgentTree
    let trustDomain: String
    /// The filters that selected them.
    let filters: [(name: String, value: String)]
    /// In seconds since 1970.
    let now: Int64

    /// The deepest nesting of lists: browsers stop at 512 nested elements. Deeper agents show their depth as a number.
    private static let deepest = 64
    /// The deepest list that is still indented further.
    private static let indented = 6

    func write() throws {
        try Page.write(
            title: "Agents of \(trustDomain)",
            header: """
                <p class="eyebrow">Agents</p>
                <h1>\(name: trustDomain)</h1>
                <p>As of \(HTML.time(Int(now))).\(filtered)</p>
                """,
            footer:
                """
                Written by agentidctl \(Version.text) at \(HTML.time(Int(now))); the page does not follow what changes \
                since.
                """
        ) { page in
            try page.write("\(counts)<section aria-labelledby=\"tree\"><h2 id=\"tree\">Who started whom</h2>\n")
            try tree.rows.isEmpty ? page.write("<p>No agent matches.</p>") : writeTree(to: &page)
            try page.write("</section>\n")
        }
    }

    private var filtered: HTML {
        guard !filters.isEmpty else { return "" }
        let list = filters.map { "<li>\($0.name): \(name: $0.value, most: 120)</li>" as HTML }
        return
            " Selected by:</p><ul class=\"filters\">\(list)</ul><p>\(Console.count(tree.rows.count, "agent")) matched."
    }

    private var counts: HTML {
        var count: [AgentState: Int] = [:]
        for row in tree.rows { count[AgentState(row.agent), default: 0] += 1 }
        let list = AgentState.allCases.map { state -> HTML in
            "<div><dt>\(mark(state))</dt><dd>\(count[state] ?? 0)</dd></div>"
        }
        return "<dl class=\"summary\">\(list)</dl>\n"
    }

    /// A sign and a word: neither needs its colour.
    private func mark(_ state: AgentState) -> HTML {
        let sign =
            switch state {
            case .live: "●"
            case .lapsed: "○"
            case .expired: "◌"
            case .denied: "⊘"
            case .parked: "‖"
            case .suspended: "◐"
            case .ended: "×"
            }
        return
            "<span class=\"state \(state.rawValue)\"><span aria-hidden=\"true\">\(sign) </span>\(state.rawValue)</span>"
    }

    private func writeTree(to page: inout Page) throws {
        try page.write("<ul class=\"agents\">\n")
        var level = 0
        for row in tree.rows {
            while level > min(row.depth, Self.deepest) {
                try page.write("</ul></details></li>\n")
                level -= 1
            }
            try page.write(agent(row))
            if row.children > 0, row.depth < Self.deepest {
                level = row.depth + 1
                try page.write(
                    """
                    <details class="below" open><summary>\(row.children) started by it</summary>\
                    <ul class="\(level > Self.indented ? "deep" : "")">

                    """)
            } else {
                try page.write("</li>\n")
            }
        }
        try page.write("\((0..<level).map { _ in "</ul></details></li>" })</ul>\n")
    }

    /// An agent's item, left open for the list of those it started.
    private func agent(_ row: AgentTree.Row) -> HTML {
        let agent = row.agent
        let state = AgentState(agent)
        let end =
            agent.ended.map { "ended \(Console.span(since: $0, now)) ago" } ?? "lease \(agent.lease(at: now))"
        return """
            <li><details class="agent"><summary><span class="who">\(mark(state)) \
            <b>\(name: AgentName.abbreviated(agent.id), most: 64)</b></span> \
            <span class="task">\(name: agent.task, most: 100)</span> \
            <span class="meta">for \(name: agent.principal, most: 64) · owned by \(name: agent.owner, most: 64) · \
            started \(Console.span(since: agent.created, now)) ago · \(end)</span></summary>
            <dl class="facts">\(facts(of: row))</dl></details>

            """
    }

    private func facts(of row: AgentTree.Row) -> [HTML] {
        let agent = row.agent
        var facts: [HTML] = [
            .fact("Agent", .whole(agent.id)), .fact("For", .whole(agent.principal)),
            .fact("Owner", .whole(agent.owner)), .fact("Profile", .whole(agent.profile)),
            .fact("Task", .whole(agent.task)), .fact("Started", .time(Int(clamping: agent.created))),
        ]
        if let intent = agent.intent { facts.append(.fact("Intent", .whole(intent))) }
        if let expires = agent.leaseExpires.map({ $0 / 1000 }) {
            facts.append(.fact("Lease", "\(expires > now ? "until" : "lapsed") \(HTML.time(Int(clamping: expires)))"))
        }
        if let expires = agent.grantExpires {
            facts.append(.fact("Grant", "\(expires > now ? "until" : "expired") \(HTML.time(Int(clamping: expires)))"))
        }
        if let ended = agent.ended {
            facts.append(.fact("Ended", "\(HTML.time(Int(clamping: ended)))"))
        }
        if let reason = agent.shortEndReason { facts.append(.fact("Because", .whole(reason))) }
        if row.depth > Self.deepest { facts.append(.fact("Depth", "\(row.depth)")) }
        return facts
    }
}
