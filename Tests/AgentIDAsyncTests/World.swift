import AgentID
import AgentIDAsync
import Glibc

/// An authority in memory with one profile.
struct World {
    let authority: Authority
    let request: AgentRequest

    init(clock: any WallClock = SystemClock()) async throws {
        var options = Authority.Options()
        options.trustDomain = "acme.example"
        options.clock = clock
        authority = try await Authority.open(directory: nil, options: options)
        try await authority.put(
            Profile(
                name: "researcher", owner: "team:research@acme.example",
                ceiling: Scope("read_file(path under '/data'); search(query: *)")))
        request = AgentRequest(
            principal: "user:alice@acme.example", task: "Q3 review",
            scope: try Scope("read_file(path under '/data/q3')"))
    }

    func withAgent<Result>(
        isolation: isolated (any Actor)? = #isolation, _ body: (Agent) async throws -> Result
    ) async throws -> Result {
        try await authority.withAgent(profile: "researcher", request, body)
    }

    /// How every agent ended, oldest first; `nil` of one that lives.
    func ends() async throws -> [String?] { try await authority.agents().map(\.endReason) }
}

/// Whether an agent may read a file.
func isPermitted(_ agent: Agent, _ path: String = "/data/q3/a") -> Bool {
    (try? decision(on: agent, path))?.isPermitted ?? false
}

func decision(on agent: Agent, _ path: String = "/data/q3/a") throws(AgentIDError) -> Decision {
    try agent.check(tool: "read_file", arguments: ["path": .string(path)])
}

func permit(on agent: Agent) throws(NotPermitted) -> Permit {
    try agent.authorize(tool: "read_file", arguments: ["path": "/data/q3/a"])
}

/// The name of the thread that asks.
func threadName() -> String {
    guard let file = unsafe fopen("/proc/thread-self/comm", "r") else { return "" }
    defer { unsafe fclose(file) }
    var line = [CChar](repeating: 0, count: 64)
    guard unsafe fgets(&line, 64, file) != nil else { return "" }
    return String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// What threads wait at, while it is closed, until a task opens it.
final class Gate: Sendable {
    private let state: Monitor<(isOpen: Bool, arrivals: Int)>

    init(isOpen: Bool = false) { state = Monitor((isOpen, 0)) }

    func open() { state.change { $0.isOpen = true } }

    func close() { state.change { $0.isOpen = false } }

    /// Blocks this thread while the gate is closed, and returns `value`.
    func pass<Value>(_ value: Value) -> Value {
        state.change { if !$0.isOpen { $0.arrivals += 1 } }
        _ = state.wait { $0.isOpen ? true : nil }
        return value
    }

    /// Suspends until so many have come to the closed gate.
    func hasArrived(_ count: Int) async {
        while state.change({ $0.arrivals }) < count { await Task.yield() }
    }
}
