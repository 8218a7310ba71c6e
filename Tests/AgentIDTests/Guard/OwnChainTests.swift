import Foundation
import Scopes
import StrictJSON
import Testing

@testable import AgentID

/// An agent in its authority's process keeps its own verified chain.
@Suite struct OwnChainTests {
    private let call = Array(#"{"path":"/data/q3/a"}"#.utf8)

    private func reason(_ agent: Agent) throws -> String? {
        try agent.check(tool: "read_file", arguments: call).denial?.reason.rawValue
    }

    @Test func itIsVerifiedOnceAndTakesNoPlaceOfOthers() throws {
        let world = try World()
        let agents = try (0..<20).map { _ in try world.start() }
        for agent in agents { #expect(try reason(agent) == nil) }
        let kept = agents.map { $0.front?.verified }
        #expect(kept.allSatisfy { $0 != nil })
        for agent in agents { #expect(try reason(agent) == nil) }
        #expect(zip(agents, kept).allSatisfy { $0.front?.verified === $1 })
        #expect(agents[0].home?.guardian.cache.withLock { $0.count } == 0)
    }

    @Test func agentsThatMayDoTheSameShareOneCompiledScope() throws {
        let world = try World()
        let agents = try (0..<20).map { _ in try world.start() }
        for agent in agents { #expect(try reason(agent) == nil) }
        let scopes = try #require(agents[0].home?.guardian.scopes)
        #expect(scopes.withLock { $0.latest.count } == 1)
        // One that shares is denied as one that does not, and no other is.
        _ = try world.authority.revoke(Revocation(.agent, agents[3].id()))
        for (i, agent) in agents.enumerated() {
            #expect(try reason(agent) == (i == 3 ? "authority_revoked" : nil))
            #expect(
                try agent.check(tool: "read_file", arguments: Array(#"{"path":"/etc/a"}"#.utf8)).denial?.argument
                    == (i == 3 ? nil : "path"))
        }
        #expect(scopes.withLock { $0.latest.count } == 1)
    }

    @Test func anotherGrantIsVerifiedAnew() throws {
        let world = try World()
        let agent = try world.start()
        #expect(try reason(agent) == nil)
        let before = agent.front?.verified
        try agent.rotateKey()
        #expect(agent.front?.verified == nil)
        #expect(try reason(agent) == nil)
        #expect(agent.front?.verified != nil && agent.front?.verified !== before)
    }

    @Test func whatIsKeptIsJudgedAtEachCall() throws {
        let world = try World()
        let (agent, other) = (try world.start(), try world.start())
        for agent in [agent, other] { #expect(try reason(agent) == nil) }
        try world.authority.suspend(agent: agent.id(), reason: "look into it")
        #expect(try reason(agent) == "suspended")
        try world.authority.resume(agent: agent.id())
        #expect(try reason(agent) == nil)
        _ = try world.authority.revoke(Revocation(.agent, agent.id()))
        #expect(try reason(agent) == "authority_revoked")
        #expect(try reason(other) == nil)
        try other.end()
        #expect(other.front?.verified == nil)
        #expect(try reason(other) == "authority_revoked")
    }

    @Test func anotherGuardJudgesForItself() throws {
        let world = try World()
        let agent = try world.start()
        #expect(try reason(agent) == nil)
        let stranger = try Guard(.forTests(world))
        #expect(
            try stranger.check(agent, tool: "read_file", arguments: call).denial?.reason.rawValue == "untrusted_root")
    }

    @Test func permitsOfManyThreadsAreAllCounted() throws {
        let world = try World()
        let agents = try (0..<8).map { _ in try world.start() }
        DispatchQueue.concurrentPerform(iterations: 8) { i in
            for _ in 0..<500 { _ = try? agents[i].check(tool: "read_file", arguments: call) }
        }
        #expect(agents[0].home?.guardian.permits.value == 4000)
    }
}
