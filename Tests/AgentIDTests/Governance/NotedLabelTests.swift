import JOSE
import Policy
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

    @Test func aLabelHasAName() throws {
        let agent = try told(in: World())
        #expect(throws: AgentIDError.self) { try agent.addLabels([""]) }
        #expect(throws: AgentIDError.self) { try agent.spawn("child", .sameScope(labels: [""])) }
        #expect(try agent.labels() == ["untrusted"])
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

    /// At the first call they are kept, as what a proof shows; from then on rules need not be asked one by one.
    @Test func whatWasKeptOnceIsDecidedAtOnce() throws {
        let world = try World()
        let agent = try told(in: world)
        try world.authority.applyPolicy(
            Array(
                #"""
                {"version":1,"labels":["untrusted","private"],"rules":[
                    {"id":"out","match":"send; note","labels":{"refuses":["untrusted"]}},
                    {"id":"in","match":"read_hr; note","labels":{"refuses":["private"]}}]}
                """#.utf8))
        #expect(try labels.reason(agent, "deploy") == nil)
        let (guardian, chain) = (try #require(agent.homeGuard), try #require(agent.front?.verified))
        let now = guardian.clock.milliseconds
        let plan = try #require(try guardian.plan(of: chain)).object
        func answer(_ names: [String]) throws -> ToolRules.AtOnce {
            let told = plan.policy.labels(carriedAs: names)
            return try plan.tool("read_hr", now: now).rules.takeAtOnce(
                at: now, carrying: told, shown: told, until: chain.expires * 1000, by: guardian.clock)
        }
        #expect(try answer(["untrusted"]) == .ask)
        for _ in 0..<2 {
            #expect(try labels.reason(agent, "read_hr") == nil)
            #expect(try answer(["untrusted"]) == .taken)
            #expect(try answer(["untrusted", "private"]) == .ask)
            for tool in ["send", "note"] { #expect(try labels.reason(agent, tool) == "flow_refused") }
        }
        // Another handle of the task, which was told nothing, is refused by what was kept.
        #expect(plan.policy.document.labels.list(try plan.kept(now: now)) == ["untrusted"])
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
