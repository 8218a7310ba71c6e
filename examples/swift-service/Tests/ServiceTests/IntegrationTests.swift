import AgentIDAsync
@testable import AgentIDLifecycle
import AgentIDLogging
import AgentIDMetrics
import Logging
import Metrics
import MetricsTestKit
import ServiceLifecycle
import ServiceLifecycleTestKit
import Synchronization
import Testing

/// What stands beside the core for servers: logs, metrics, and an authority as a service.
@Suite struct IntegrationTests {
    private static let scope = "search(query: *)"

    private func authority() async throws -> Authority {
        var options = Authority.Options()
        options.trustDomain = "acme.example"
        let acme = try await Authority.open(directory: nil, options: options)
        try await acme.put(Profile(name: "reader", owner: "team:acme@acme.example", ceiling: Scope(Self.scope)))
        return acme
    }

    private func request() throws -> AgentRequest {
        AgentRequest(principal: "user:alice@acme.example", task: "Q3 review", scope: try Scope(Self.scope))
    }

    @Test func linesOfALoggerNameTheAgentOfTheirTask() async throws {
        let acme = try await authority()
        #expect(Logger.MetadataProvider.agentID.get().isEmpty)
        try await acme.withAgent(profile: "reader", request()) { agent in
            let id = try agent.id()
            #expect(Logger.MetadataProvider.agentID.get() == ["agent": .string(id)])
            let denied = try agent.check(tool: "delete", arguments: Array(#"{"path":"secret"}"#.utf8)).metadata
            #expect(denied["reason"] == "tool_not_authorized" && denied["agent"] == .string(id))
            #expect(denied["principal"] == "user:alice@acme.example" && denied["issuer"] == "acme.example")
            #expect(!"\(denied)".contains("secret"))
        }
        #expect(Logger.MetadataProvider.agentID.get().isEmpty)
    }

    @Test func decisionsAreCountedByOutcomeAndReason() async throws {
        let collected = TestMetrics()
        let metrics = GuardMetrics(guardName: "notes", factory: collected)
        let acme = try await authority()
        try await acme.withAgent(profile: "reader", request()) { agent in
            for _ in 0..<3 {
                _ = try metrics.measure { try agent.check(tool: "search", arguments: Array(#"{"query":"x"}"#.utf8)) }
            }
            metrics.count(try agent.check(tool: "delete", arguments: Array("{}".utf8)))
        }
        let permitted = try collected.expectCounter(
            "agentid_decisions", [("guard", "notes"), ("outcome", "permitted"), ("reason", "none")])
        #expect(permitted.totalValue == 3)
        let denied = try collected.expectCounter(
            "agentid_decisions", [("guard", "notes"), ("outcome", "denied"), ("reason", "tool_not_authorized")])
        #expect(denied.totalValue == 1)
        #expect(try collected.expectTimer("agentid_decision_duration", [("guard", "notes")]).values.count == 3)
    }

    @Test func authorityIsClosedOnGracefulShutdownAndNotBefore() async throws {
        let acme = try await authority()
        let service = AgentAuthorityService(acme, reapEvery: .milliseconds(10))
        try await testGracefulShutdown { shutdown in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await service.run() }
                _ = try await acme.profiles()
                shutdown.triggerGracefulShutdown()
                try await group.waitForAll()
            }
        }
        await #expect(throws: AgentIDError.self) { _ = try await acme.profiles() }
    }

    @Test(arguments: [
        (Duration.zero, Duration.milliseconds(10)), (.seconds(-1), .milliseconds(10)), (.seconds(7), .seconds(7)),
    ])
    func authorityReapsAgainAfterEachInterval(asked: Duration, waited: Duration) async throws {
        let told = Told()
        let acme = try await authority()
        await acme.close()  // from now on each reap is an error, which is told
        var service = AgentAuthorityService(acme, reapEvery: asked) { _ in told.reaps.add(1, ordering: .relaxed) }
        service.pause = { interval in
            let isLast = told.intervals.withLock { intervals in
                intervals.append(interval)
                return intervals.count == 3
            }
            if isLast { withUnsafeCurrentTask { $0?.cancel() } }
        }
        await service.run()
        #expect(told.reaps.load(ordering: .relaxed) == 3)
        #expect(told.intervals.withLock { $0 } == [waited, waited, waited])
    }

    /// What a service does while it runs.
    private final class Told: Sendable {
        let reaps = Atomic(0)
        let intervals = Mutex<[Duration]>([])
    }
}
