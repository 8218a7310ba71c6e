import Scopes
import Testing

@testable import AgentID

/// An authority in a directory, and a profile whose agents may start others.
struct ParkedTreeWorld {
    let directory: TemporaryDirectory
    let world: World
    var path: String { directory.path + "/acme" }

    init() throws {
        directory = try TemporaryDirectory()
        world = try World(at: directory.path + "/acme")
        try world.authority.put(Self.profile("read_file(path under '/data'); search(query: *)"))
    }

    static func profile(_ ceiling: String) throws -> Profile {
        try Profile(
            name: "researcher", owner: "team:research@acme.example", ceiling: Scope(ceiling), maxLifetime: 3600,
            maxDepth: 12)
    }

    func other() throws -> Authority {
        var options = Authority.Options()
        (options.clock, options.steadyClock) = (world.clock, world.steadyClock)
        return try Authority.open(directory: path, options: options)
    }

    func start() throws -> Agent {
        try world.authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t",
                scope: Scope("read_file(path under '/data'); search(query: *)"), lifetime: 600))
    }

    static func verdict(_ agent: Agent, _ path: String) throws -> String {
        try agent.check(tool: "read_file", arguments: bytes(#"{"path":"\#(path)"}"#)).denial?.reason.rawValue ?? "yes"
    }

    func refusal(_ body: () throws -> Void) -> String? {
        do { try body() } catch let error as AgentIDError { return error.name } catch { return "\(error)" }
        return nil
    }

    func states() throws -> [String: String] {
        Dictionary(uniqueKeysWithValues: try world.authority.agents().map { ($0.id, $0.state) })
    }

    /// All that are taken up below an agent, with the ID of the one that handed them out.
    func takeAll(_ agent: Agent) throws -> [(above: String, agent: Agent)] {
        var taken: [(above: String, agent: Agent)] = []
        while let child = try agent.takeUnparked() {
            taken.append((try agent.id(), child))
            taken += try takeAll(child)
        }
        return taken
    }
}
