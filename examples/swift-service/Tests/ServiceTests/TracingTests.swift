import AgentIDAsync
import AgentIDTracing
import InMemoryTracing
import Testing
import Tracing

/// Spans of guarded calls.
@Suite struct TracingTests {
    private struct Unreachable: Error { let secret = "hunter2" }

    private func withAgent(_ body: (Agent) async throws -> Void) async throws {
        var options = Authority.Options()
        options.trustDomain = "acme.example"
        let acme = try await Authority.open(directory: nil, options: options)
        let scope = try Scope("search(query: *)")
        try await acme.put(Profile(name: "reader", owner: "team:acme@acme.example", ceiling: scope))
        let request = AgentRequest(principal: "user:alice@acme.example", task: "Q3 review", scope: scope)
        try await acme.withAgent(profile: "reader", request) { try await body($0) }
    }

    @Test func eachCallIsASpanWithItsDecisionAndNeverAnArgument() async throws {
        let tracer = InMemoryTracer()
        try await withAgent { agent in
            let id = try agent.id()
            func call(_ tool: String, _ body: (Call) async throws -> Void) async throws {
                try await agent.withTracedCall(
                    tool: tool, arguments: .object(["query": .string("hunter2")]), tracer: tracer, body)
            }
            try await call("search") { _ in tracer.withSpan("within") { _ in } }
            await #expect(throws: Unreachable.self) { try await call("search") { _ in throw Unreachable() } }
            await #expect(throws: NotPermitted.self) { try await call("delete") { _ in } }

            let spans = tracer.finishedSpans
            #expect(
                spans.map(\.operationName)
                    == ["within", "execute_tool search", "execute_tool search", "execute_tool delete"])
            #expect(spans[0].parentSpanID == spans[1].spanID)
            #expect(spans[1].attributes["agentid.outcome"]?.toSpanAttribute() == .string("succeeded"))
            #expect(spans[1].attributes["agentid.agent"]?.toSpanAttribute() == .string(id))
            #expect(spans[2].attributes["agentid.outcome"]?.toSpanAttribute() == .string("failed: Unreachable"))
            #expect(spans[2].status?.code == .error)
            #expect(spans[3].attributes["agentid.reason"]?.toSpanAttribute() == .string("tool_not_authorized"))
            #expect(spans.filter { !$0.errors.isEmpty }.isEmpty)
            #expect(!"\(spans)".contains("hunter2"))
        }
    }
}
