import AgentID
import StrictJSON

/// An agent's ID, and the short form of it that people read and type: `researcher/fd1139199e4f`.
enum AgentName {
    /// The number of digits shown from the end of an instance's ID; they are random, those before them tell the time.
    private static let shown = 12
    /// The fewest digits of a short name: fewer could belong to anybody.
    private static let fewest = 6

    /// The short form; harmless for a terminal.
    static func short(_ id: String) -> String { abbreviated(id).printable }

    /// The short form. An agent that is not of `home` keeps its trust domain, since its short name could equal one of
    /// ours.
    static func short(_ id: String, in home: String) -> String { abbreviated(id, in: home).printable }

    /// The last name of an ID and the end of its instance. An agent that is not of `home` keeps its trust domain.
    static func abbreviated(_ id: String, in home: String?) -> String {
        guard let home, let domain = (try? SPIFFEID(id))?.trustDomain.name, !domain.isSame(as: home) else {
            return abbreviated(id)
        }
        let name = abbreviated(id)
        return name.isSame(as: id) ? id : "\(domain)/\(name)"
    }

    /// The last name of an ID and the end of its instance; any other text unchanged.
    static func abbreviated(_ id: String) -> String {
        let segments = id.parts(at: UInt8(ascii: "/"))
        guard id.starts(exactly: "spiffe://"), segments.count >= 4, let instance = segments.last,
            instance.utf8.count == 36
        else { return id }
        return "\(segments[segments.count - 2])/\(instance.suffix(shown))"
    }

    /// An ID that nobody has to look up: where the authority cannot be opened.
    static func whole(_ name: String) throws -> String { "\(try SPIFFEID(name))" }

    /// The ID of the one agent with this name: an ID, or a short form with or without the part before the slash.
    static func resolve(_ name: String, in authority: Authority) throws -> String {
        guard !name.starts(exactly: "spiffe://") else { return name }
        let parts = name.parts(at: UInt8(ascii: "/"), omittingEmpty: false)
        guard parts.count <= 2, let end = parts.last, end.utf8.count >= fewest else {
            throw Fault("'\(name)' is not an agent: give its ID, or its name as `agentidctl agents` shows it")
        }
        let found = try authority.allAgents().map(\.id).filter { id in
            let segments = id.parts(at: UInt8(ascii: "/"))
            guard segments.count >= 4, let instance = segments.last, instance.ends(exactly: end) else { return false }
            return parts.count == 1 || segments[segments.count - 2].isSame(as: parts[0])
        }
        guard let id = found.first, found.count == 1 else {
            throw Fault(
                found.isEmpty
                    ? "there is no agent '\(name)': see agentidctl agents"
                    : "\(found.count) agents are called '\(name)': give more of its ID")
        }
        return id
    }
}

extension Authority {
    /// All agents that match, by ID, page by page. An agent that starts meanwhile may or may not be among them.
    func allAgents(_ selection: AgentSelection = AgentSelection()) throws -> [AgentDescription] {
        var selection = selection
        selection.limit = 10_000
        var found: [AgentDescription] = []
        while true {
            let page = try agents(selection)
            found += page
            guard page.count == selection.limit else { return found }
            (selection.after, selection.offset) = (page.last?.id, 0)
        }
    }
}
