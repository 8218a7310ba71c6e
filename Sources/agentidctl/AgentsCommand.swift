import AgentID
import ArgumentParser
import JOSE

struct Agents: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show who started whom, how each agent stands, for whom and doing what; ended ones included.",
        discussion: "An agent's short name, as shown here, names it wherever a command takes an agent.")
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output
    @ArgumentParser.Option(name: .long, help: "Only of this profile.") var profile: String?
    @ArgumentParser.Option(name: .long, help: "Only acting for this principal.") var principal: String?
    @ArgumentParser.Option(name: .long, help: "Only owned by.") var owner: String?
    @ArgumentParser.Option(name: .long, help: "Only started by this agent.") var parent: String?
    @ArgumentParser.Option(
        name: .long, help: "Only active, suspended or deprovisioned.", completion: .list(Self.states))
    var state: String?
    @Flag(name: .long, help: "Only those that may act now.") var live = false

    private static let states = ["active", "suspended", "deprovisioned"]

    func validate() throws {
        if let state, !Self.states.contains(state) {
            throw ValidationError("'\(state)' is none of \(Self.states.joined(separator: ", "))")
        }
    }

    func run() throws {
        let authority = try options.open(onlyToRead: true)
        var selection = AgentSelection()
        (selection.profile, selection.principal, selection.owner) = (profile, principal, owner)
        selection.parent = try parent.map { try AgentName.resolve($0, in: authority) }
        selection.state = state
        let agents = try authority.allAgents(selection).filter { !live || $0.isLive }
        if output.json { return Console.data(.array(agents.map(\.document))) }
        guard !agents.isEmpty else { return Console.message("no agent matches") }
        draw(AgentTree(agents))
    }

    private func draw(_ tree: AgentTree) {
        let now = Console.now
        let lines = tree.rows.map { AgentLine($0, now: now) }
        let titles = AgentLine.titles
        let widths = titles.indices.map { column in
            ([titles] + lines.map(\.cells)).map { $0[column].count }.max() ?? 0
        }
        func padded(_ cells: [String], _ column: Int) -> String {
            cells[column] + String(repeating: " ", count: widths[column] - cells[column].count + 2)
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

/// What is shown of one agent.
private struct AgentLine {
    static let titles = ["AGENT", "STATE", "LEASE", "SINCE", "FOR", "OWNER"]
    /// The column that is coloured.
    static let state = 1

    let cells: [String]
    let colour: Console.Colour
    /// Which task, and why it is over.
    let task: String

    init(_ row: AgentTree.Row, now: Int64) {
        let agent = row.agent
        let indent = row.depth == 0 ? "" : String(repeating: "   ", count: row.depth - 1) + "└─ "
        let state: String
        switch agent.state {
        case "deprovisioned": (state, colour) = ("ended", .dim)
        case "active" where agent.isLive: (state, colour) = ("live", .green)
        case "active": (state, colour) = ("lapsed", .red)
        default: (state, colour) = (agent.state, .red)
        }
        let lease = agent.leaseExpires.map { $0 / 1000 - now }.map { $0 > 0 ? "\(Self.span($0)) left" : "over" }
        cells = [
            indent + AgentName.short(agent.id), state, lease ?? "none", "\(Self.span(now - agent.created)) ago",
            Console.safeLine(agent.principal), Console.safeLine(agent.owner),
        ]
        var task = Console.safeLine(agent.task)
        if let ended = agent.ended {
            let why = agent.endReason.flatMap { $0.isEmpty ? nil : ": \(Self.shortened($0))" } ?? ""
            task += Console.coloured(" (ended \(Self.span(now - ended)) ago\(why))", .dim)
        }
        self.task = task
    }

    /// A reason starts with the ID of the agent above where that took it along.
    private static func shortened(_ reason: String) -> String {
        let words = reason.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard words.count == 2, words[0].hasPrefix("spiffe://") else { return Console.safeLine(reason) }
        return "\(AgentName.short(words[0])) \(Console.safeLine(words[1]))"
    }

    /// A time in the future, of who looks at a registry under a clock that went back, is now.
    private static func span(_ seconds: Int64) -> String { Console.span(Int(clamping: max(seconds, 0))) }
}
