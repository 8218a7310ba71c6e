import JOSE
import Scopes
import TestSupport
import Testing

@testable import AgentID

/// Labels that an agent was told before any policy listed them: its handle alone knows them.
@Suite struct NotedLabelTests {
    private let labels: LabelWorld

    init() throws {
        labels = try LabelWorld()
    }

    private func apply(to authority: Authority) throws {
        try authority.applyPolicy(
            Array(
                #"{"version":1,"labels":["untrusted"],"rules":[{"id":"out","match":"send","labels":{"refuses":["untrusted"]}}]}"#
                    .utf8))
    }

    /// An authority without a policy, with an agent that was told of a label.
    private func told(in world: World) throws -> Agent {
        try world.authority.put(
            Profile(name: "clerk", owner: "team:x@acme.example", ceiling: Scope(LabelWorld.scope), maxLifetime: 3600))
        let agent = try world.authority.startAgent(
            profile: "clerk",
            AgentRequest(principal: "user:alice@acme.example", task: "t", scope: Scope(LabelWorld.scope)))
        try agent.addLabels(["untrusted"])
        return agent
    }

    @Test func parkingForgetsNone() throws {
        let world = try World()
        let agent = try told(in: world)
        try agent.addLabels(["of \"our\" own"])
        let id = try agent.id()
        try agent.park(for: 60)
        let taken = try world.authority.unpark(agent: id)
        #expect(try taken.labels() == ["of \"our\" own", "untrusted"])
        try apply(to: world.authority)
        #expect(try labels.reason(taken, "send") == "flow_refused")
    }

    @Test func whatIsToldOfAParkedAgentIsAnError() throws {
        let world = try World()
        let agent = try told(in: world)
        try agent.park(for: 60)
        #expect(throws: AgentIDError.self) { try agent.addLabels(["private"]) }
    }

    @Test func aCallOfTheHandleCountsThem() throws {
        let world = try World()
        let agent = try told(in: world)
        #expect(try labels.reason(agent, "send") == nil)
        try apply(to: world.authority)
        #expect(try labels.reason(agent, "send") == "flow_refused")
    }

    @Test func aHandleBringsAGuardElsewhereWhatAProofWould() throws {
        let elsewhere = try World { $0.trustDomain = "globex.example" }
        try apply(to: elsewhere.authority)
        let guardian = try elsewhere.authority.guarding(.named)
        try guardian.addBundle(Array(labels.authority.bundle().utf8), for: "acme.example")
        let agent = try labels.start()
        #expect(try guardian.check(agent, tool: "send", arguments: Array("{}".utf8)).isPermitted)
        #expect(try labels.reason(agent, "read_mail") == nil)
        #expect(
            try guardian.check(agent, tool: "send", arguments: Array("{}".utf8)).denial?.reason.rawValue
                == "flow_refused")
    }
}
