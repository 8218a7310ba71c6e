import Foundation
import Scopes
import StrictJSON
import Synchronization
import Testing

@testable import AgentID

/// What becomes of an agent that crosses the line of a rule: it stops in the very call, with all below it.
@Suite struct ConsequenceTests {
    private func apply(_ world: World, then: String, calls: Int = 2, mode: String = "enforce", version: Int = 1) throws
    {
        try world.authority.applyPolicy(
            Array(
                #"{"version":\#(version),"rules":[{"id":"few","match":"read_file","then":"\#(then)","mode":"\#(mode)","#
                    .utf8)
                + Array(#""rate":{"calls":\#(calls),"per":"1h","for":"agent"}}]}"#.utf8))
    }

    private let call = Array(#"{"path":"/data/q3/a"}"#.utf8)

    private func ask(_ agent: Agent, _ guardian: Guard? = nil) throws -> Decision {
        if let guardian { return try guardian.check(agent, tool: "read_file", arguments: call) }
        return try agent.check(tool: "read_file", arguments: call)
    }

    private func reason(_ agent: Agent, _ guardian: Guard? = nil) throws -> String? {
        try ask(agent, guardian).denial?.reason.rawValue
    }

    private func proven(_ agent: Agent, _ guardian: Guard) throws -> Decision {
        let proof = try agent.prove(tool: "read_file", arguments: call)
        return guardian.check(
            chain: Array(try agent.chain().utf8), proof: Array(proof.utf8), tool: "read_file", arguments: call)
    }

    @Test(arguments: ["suspend", "revoke", "deprovision"], [true, false])
    func theAgentAndAllBelowItStopInTheCallThatCrossedTheLine(_ then: String, _ isOnDisk: Bool) throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: isOnDisk ? directory.path : nil)
        try apply(world, then: then)
        let (agent, other) = (try world.start(), try world.start())
        let (child, id) = (try agent.spawn("below", .sameScope()), try agent.id())
        let elsewhere = isOnDisk ? try Guard.open(directory: directory.path, .forTests(world)) : nil
        for _ in 0..<2 { #expect(try ask(agent).isPermitted) }
        #expect(try ask(child).isPermitted)
        let crossing = try ask(agent)
        #expect(crossing.denial?.reason.rawValue == "rate_limited" && crossing.rule == "few")
        let stop = try #require(crossing.stop)
        #expect(stop.rule == "few" && stop.then == then && stop.stopped == [id] && !stop.isPending)
        let stopped = then == "suspend" ? "suspended" : "authority_revoked"
        #expect(try reason(agent) == stopped && reason(child) == stopped)
        if let elsewhere, then != "deprovision" {
            #expect(try proven(agent, elsewhere).denial?.reason.rawValue == stopped)
            #expect(try proven(child, elsewhere).denial?.reason.rawValue == stopped)
        }
        // Nobody beside it.
        #expect(try ask(other).isPermitted)
        let described = try #require(try world.authority.agents().first { $0.id == id })
        #expect(!described.isLive)
    }

    @Test func onlyAnOperatorResumesAndTheRegistrySaysWhichRule() throws {
        let world = try World()
        try apply(world, then: "suspend")
        let agent = try world.start()
        for _ in 0..<4 { _ = try ask(agent) }
        let id = try agent.id()
        let suspended = try #require(try world.authority.agents().first { $0.id == id })
        #expect(suspended.state == "suspended" && suspended.endReason == "policy 1, rule few")
        world.pass(seconds: 200)
        #expect(try reason(agent) == "suspended", "time resumes nobody")
        let second = try world.start()
        try apply(world, then: "suspend", calls: 100, version: 2)
        #expect(try reason(agent) == "suspended" && ask(second).isPermitted, "nor does another policy")
        try world.authority.resume(agent: id)
        #expect(try world.authority.agents().first { $0.id == id }?.endReason == nil)
    }

    @Test func whatIsOnlyObservedStopsNobodyAndSaysWhatItWouldHave() throws {
        let world = try World()
        try apply(world, then: "deprovision", mode: "observe")
        let agent = try world.start()
        for _ in 0..<2 { #expect(try ask(agent).isPermitted) }
        let seen = try ask(agent)
        #expect(seen.isPermitted && seen.stop == nil)
        let would = #""would_deny":{"reason":"rate_limited","rule":"few","then":"deprovision"}"#
        #expect(seen.document.text.contains(would))
        #expect(try ask(agent).isPermitted)
    }

    @Test func anAgentThatTheRegistryDoesNotKnowIsRevokedAndNotWhoHandedOnToIt() throws {
        let world = try World()
        try apply(world, then: "suspend")
        let agent = try world.start("read_file(path under '/data/q3'); search(query: *)")
        let key = try SigningKey.generate()
        let chain = try agent.delegate(to: key.publicKey, .sameScope())
        let elsewhere = try Agent.open(key: key, chain: chain, clock: world.clock)
        let guardian = try world.authority.guarding(.forTests(world))
        for _ in 0..<2 { #expect(try proven(elsewhere, guardian).isPermitted) }
        #expect(try proven(elsewhere, guardian).stop?.then == "suspend")
        #expect(try proven(elsewhere, guardian).denial?.reason.rawValue == "authority_revoked")
        // No rule is about this one.
        #expect(try agent.check(tool: "search", arguments: Array(#"{"query":"x"}"#.utf8)).isPermitted)
    }

    @Test func aStopThatCannotBeWrittenDeniesHereIsReportedAndIsMadeGoodLater() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        try apply(world, then: "suspend")
        let isFull = Atomic<Bool>(true)
        let view = world.authority.view
        let stopping = AgentStopping(view) { entries throws(AgentIDError) in
            guard !isFull.load(ordering: .acquiring) else { throw AgentIDError(.io, name: "file", message: "full") }
            try world.authority.lifecycle.stop(entries)
        }
        let full = try Guard(.forTests(world), view: view, trail: nil, stopping: stopping)
        let elsewhere = try Guard.open(directory: directory.path, .forTests(world))
        let agent = try world.start("read_file(path under '/data/q3'); search(query: *)")
        // No rule is about this one.
        func seenElsewhere() throws -> String? {
            let (chain, asked) = (Array(try agent.chain().utf8), Array(#"{"query":"x"}"#.utf8))
            let proof = try agent.prove(tool: "search", arguments: asked)
            return elsewhere.check(chain: chain, proof: Array(proof.utf8), tool: "search", arguments: asked)
                .denial?.reason.rawValue
        }
        for _ in 0..<2 { #expect(try proven(agent, full).isPermitted) }
        let crossing = try proven(agent, full)
        #expect(crossing.stop?.isPending == true && crossing.document.text.contains(#""pending":true"#))
        #expect(try proven(agent, full).denial?.reason.rawValue == "suspended")
        #expect(try seenElsewhere() == nil, "not there yet")
        isFull.store(false, ordering: .releasing)
        var tries = 0
        while try seenElsewhere() == nil, tries < 500 {
            tries += 1
            usleep(20_000)
        }
        #expect(try seenElsewhere() == "suspended")
        try world.authority.resume(agent: agent.id())
        var last = try proven(agent, full).denial?.reason.rawValue
        while last == "suspended", tries < 1000 {
            tries += 1
            usleep(20_000)
            last = try proven(agent, full).denial?.reason.rawValue
        }
        #expect(last == "rate_limited", "what was made good is let go of")
    }

    @Test func aResumptionThatFailsLetsGoOfNoStop() throws {
        let world = try World()
        let (view, lifecycle) = (world.authority.view, world.authority.lifecycle)
        let (agent, failure) = (try world.start(), AgentIDError(.io, name: "file", message: "full"))
        let id = try agent.id()
        let written = Monitor<[JournalEntry]?>(nil)
        let stopping = AgentStopping(view) { entries throws(AgentIDError) in
            let isFull = written.change { written in
                written? += entries
                return written == nil
            }
            if isFull { throw failure }
        }
        try apply(world, then: "suspend")
        let full = try Guard(.forTests(world), view: view, trail: nil, stopping: stopping)
        for _ in 0..<2 { #expect(try proven(agent, full).isPermitted) }
        #expect(try proven(agent, full).stop?.isPending == true)
        #expect(throws: failure) { try stopping.resume(id) { () throws(AgentIDError) in throw failure } }
        #expect(view.isHeld(id.exact))
        try stopping.resume(id) { () throws(AgentIDError) in try lifecycle.resume(id) }
        #expect(!view.isHeld(id.exact))
        written.change { $0 = [] }
        try stopping.resume(id) {}
        usleep(500_000)
        #expect(written.change { $0 }?.isEmpty == true, "nobody suspends again who was resumed")

        lifecycle.unfinished.retry([JournalEntry(.suspend(agent: id), reason: "", time: 1)], for: lifecycle)
        #expect(throws: failure) {
            try lifecycle.unfinished.withoutSuspension(of: id, for: lifecycle) { () throws(AgentIDError) in
                throw failure
            }
        }
        var tries = 0
        while try world.authority.agents().first(where: { $0.id == id })?.state != "suspended", tries < 500 {
            tries += 1
            usleep(20_000)
        }
        #expect(tries < 500)
    }

    @Test func theLogNamesRuleAndConsequenceAndHooksHearOfIt() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        try apply(world, then: "suspend")
        let agent = try world.start()
        for _ in 0..<2 { _ = try ask(agent) }
        let crossing = try ask(agent)
        _ = try world.authority.settle(milliseconds: 5000)
        // Any write folds the line in.
        _ = try world.start()
        try world.authority.integrate()
        let entries = try AuditReader(authority: directory.path).entries(from: 0).map { try JSON(parsing: $0).root }
        let entry = try #require(entries.first { $0["id"]?.string == crossing.id })
        #expect(entry["stop"]?["rule"]?.string == "few" && entry["stop"]?["then"]?.string == "suspend")
        #expect(entry["rule"]?.string == "few" && entry["reason"]?.string == "rate_limited")
        let event = try #require(entries.first { $0["event"]?.string == "suspended" })
        let id = try agent.id()
        #expect(event["reason"]?.string == "policy 1, rule few" && event["agent"]?.string == id)
    }
}
