import AgentIDAsync
import Testing

struct Refused: Error {}

/// Whichever way a body is left, its agent is gone with all below it.
@Suite(.timeLimit(.minutes(10))) struct WithAgentTests {
    @Test func returnEndsTheAgentAndHandsOnTheResult() async throws {
        let world = try await World()
        let agent = try await world.withAgent { agent in
            #expect(isPermitted(agent))
            return agent
        }
        #expect(!isPermitted(agent))
        #expect(throws: AgentIDError.self) { try agent.chain() }
        #expect(try await world.ends() == ["its task is done"])
    }

    @Test func throwEndsTheAgentAndIsHandedOn() async throws {
        let world = try await World()
        await #expect(throws: Refused.self) { try await world.withAgent { _ in throw Refused() } }
        #expect(try await world.ends() == ["its task failed"])
    }

    @Test func cancellationBeforeStartsNothing() async throws {
        let world = try await World()
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            try await world.withAgent { _ in _ = Issue.record("the body ran") }
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await world.ends() == [])
    }

    @Test func cancellationWhileTheAgentIsStartedEndsItUnused() async throws {
        // A clock that waits holds up the start.
        let gate = Gate(isOpen: true)
        let world = try await World(clock: CallbackClock { gate.pass(SystemClock().milliseconds) })
        gate.close()
        let task = Task { try await world.withAgent { _ in _ = Issue.record("the body ran") } }
        await gate.hasArrived(1)
        task.cancel()
        gate.open()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await world.ends() == ["its task was cancelled"])
    }

    @Test func cancellationDuringTheBodyEndsTheAgent() async throws {
        let world = try await World()
        let (agents, started) = AsyncStream<Agent>.makeStream()
        let task = Task {
            try await world.withAgent { agent in
                started.yield(agent)
                try await Task.sleep(for: .seconds(3600))
            }
        }
        let agent = try #require(await agents.first { _ in true })
        #expect(isPermitted(agent))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(!isPermitted(agent))
        #expect(try await world.ends() == ["its task was cancelled"])
    }

    @Test func bodyThatIgnoresItsCancellationEndsTheAgentAllTheSame() async throws {
        let world = try await World()
        let task = Task {
            try await world.withAgent { _ in
                while !Task.isCancelled { await Task.yield() }
                return 7
            }
        }
        task.cancel()
        let result = await task.result
        // Before it started, or in its body.
        if case .success(let value) = result { #expect(value == 7) }
        #expect(try await world.ends().allSatisfy { $0 != nil })
    }

    @Test func subAgentEndsAndItsParentGoesOn() async throws {
        let world = try await World()
        try await world.withAgent { agent in
            let scope = try Scope("read_file(path under '/data/q3/public')")
            let reader = try await agent.withAgent("reader", DelegationRequest(scope: scope)) { reader in
                let (above, below) = (try agent.id(), try reader.id())
                #expect(below.hasPrefix(above + "/reader/"))
                #expect(isPermitted(reader, "/data/q3/public/a"))
                #expect(!isPermitted(reader))
                return reader
            }
            #expect(throws: AgentIDError.self) { try reader.chain() }
            #expect(isPermitted(agent))
        }
        #expect(try await world.ends() == ["its task is done", "its task is done"])
    }

    @Test func childThatOutlivesItsBodyEndsWithItsParent() async throws {
        let world = try await World()
        let child = try await world.withAgent { agent in try await agent.spawn("reader", .sameScope()) }
        #expect(!isPermitted(child))
        #expect(try await world.ends().allSatisfy { $0 != nil })
    }

    @Test func bodyMayCloseItsAgent() async throws {
        let world = try await World()
        try await world.withAgent { agent in agent.close() }
        #expect(try await world.ends() == ["its task is done"])
    }

    @Test func agentEndsAlthoughItsAuthorityWasClosed() async throws {
        let world = try await World()
        let agent = try await world.withAgent { agent in
            await world.authority.close()
            return agent
        }
        #expect(!isPermitted(agent))
    }

    @Test func currentAgentIsTheInnermostAndIsRestored() async throws {
        let world = try await World()
        #expect(Agent.current == nil)
        try await world.withAgent { agent in
            #expect(Agent.current === agent)
            try await agent.withAgent("reader", .sameScope()) { reader in
                #expect(Agent.current === reader)
                // A child task sees it, a detached one does not.
                async let child = Agent.current
                #expect(await child === reader)
                #expect(await Task.detached { Agent.current }.value == nil)
            }
            #expect(Agent.current === agent)
            await #expect(throws: Refused.self) {
                try await agent.withAgent("reader", .sameScope()) { _ in throw Refused() }
            }
            #expect(Agent.current === agent)
        }
        #expect(Agent.current == nil)
    }

    @Test @MainActor func bodyRunsWhereItWasWritten() async throws {
        let world = try await World()
        var seen = 0
        try await world.withAgent { agent in
            MainActor.assertIsolated()
            seen += 1
            try await agent.withAgent("reader", .sameScope()) { _ in
                MainActor.assertIsolated()
                seen += 1
            }
        }
        #expect(seen == 2)
    }
}
