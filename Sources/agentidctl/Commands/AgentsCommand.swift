import AgentID
import ArgumentParser
import StrictJSON

struct Agents: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show who started whom, how each agent stands, for whom and doing what; ended ones included.",
        discussion: "An agent's short name, as shown here, names it wherever a command takes an agent.")
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: PageOutput
    @ArgumentParser.Option(name: .long, help: "Only of this profile.") var profile: String?
    @ArgumentParser.Option(name: .long, help: "Only acting for this principal.") var principal: String?
    @ArgumentParser.Option(name: .long, help: "Only owned by.") var owner: String?
    @ArgumentParser.Option(name: .long, help: "Only started by this agent.") var parent: String?
    @ArgumentParser.Option(
        name: .long,
        help: "Only in this state: active, parked, suspended or deprovisioned, or a word of the column STATE.",
        completion: .list(Self.states))
    var state: String?
    @Flag(name: .long, help: "Only those that may act now.") var live = false

    /// The registry's states.
    private static let recorded = ["active", "parked", "suspended", "deprovisioned"]
    private static let states = recorded + AgentState.allCases.map(\.rawValue).filter { !recorded.holds($0) }

    func validate() throws {
        if let state, !Self.states.holds(state) {
            throw ValidationError("'\(state)' is none of \(Self.states.joined(separator: ", "))")
        }
    }

    func run() throws {
        let authority = try options.open(onlyToRead: true)
        var selection = AgentSelection()
        (selection.profile, selection.principal, selection.owner) = (profile, principal, owner)
        selection.parent = try parent.map { try AgentName.resolve($0, in: authority) }
        selection.state = state.flatMap { Self.recorded.holds($0) ? $0 : nil }
        let shown = selection.state == nil ? state : nil
        let agents = try authority.allAgents(selection).filter { agent in
            (!live || agent.isLive) && (shown.map { AgentState(agent).rawValue.isSame(as: $0) } ?? true)
        }
        if output.json { return Console.data(.array(agents.map(\.document))) }
        if output.html {
            let page = AgentsPage(
                tree: AgentTree(agents), trustDomain: authority.trustDomain.name, filters: filters, now: Console.now)
            return try page.write()
        }
        guard !agents.isEmpty else { return Console.message("no agent matches") }
        draw(AgentTree(agents))
    }

    /// The filters, as the page names them.
    private var filters: [(name: String, value: String)] {
        [
            ("profile", profile), ("for", principal), ("owner", owner), ("started by", parent), ("state", state),
            ("only", live ? "live" : nil),
        ].compactMap { name, value in value.map { (name, $0) } }
    }

    private func draw(_ tree: AgentTree) {
        let now = Console.now
        let lines = zip(tree.rows, tree.branches).map { AgentLine($0.agent, branches: $1, now: now) }
        let titles = AgentLine.titles
        let widths = titles.indices.map { column in
            ([titles] + lines.map(\.cells)).map { $0[column].count }.max() ?? 0
        }
        func padded(_ cells: [String], _ column: Int) -> PrintableText {
            "\(cells[column])\(String(repeating: " ", count: widths[column] - cells[column].count + 2))"
        }
        Console.data(Console.coloured(titles.indices.map { padded(titles, $0) }.joined() + "TASK", .dim))
        for line in lines {
            let cells = titles.indices.map { column in
                column == AgentLine.state
                    ? Console.coloured(padded(line.cells, column), line.colour) : padded(line.cells, column)
            }
            Console.data(cells.joined() + line.task)
        }
    }
}

/// The output for one agent.
private struct AgentLine {
    static let titles = ["AGENT", "STATE", "LEASE", "SINCE", "FOR", "OWNER"]
    /// The column that is coloured.
    static let state = 1

    let cells: [String]
    let colour: Console.Colour
    /// The task, and the reason for its end or suspension.
    let task: PrintableText

    init(_ agent: AgentDescription, branches: String, now: Int64) {
        let state = AgentState(agent)
        switch state {
        case .live: colour = .green
        case .parked, .ended: colour = .dim
        case .lapsed, .expired, .denied, .suspended: colour = .red
        }
        cells = [
            branches + AgentName.short(agent.id), state.rawValue, agent.lease(at: now),
            "\(Console.span(since: agent.created, now)) ago", agent.principal.printable,
            agent.owner.printable,
        ]
        var task = PrintableText(agent.task)
        if let ended = agent.ended {
            let why = agent.shortEndReason.map { ": \($0)" } ?? ""
            task += Console.coloured(" (ended \(Console.span(since: ended, now)) ago\(why))", .dim)
        } else if let why = agent.shortEndReason {
            task += Console.coloured(" (suspended: \(why))", .dim)
        }
        self.task = task
    }
}
