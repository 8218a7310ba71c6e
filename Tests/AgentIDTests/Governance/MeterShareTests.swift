import JOSE
import Policy
import Scopes
import StrictJSON
import Testing

@testable import AgentID

/// Meters are made where something is kept, and nobody fills them for everybody by naming agents.
@Suite struct MeterShareTests {
    private func used(_ world: World) throws -> Int {
        let now = world.clock.milliseconds
        return try world.authority.home.meters?.page(now).room.used ?? 0
    }

    private func ask(_ world: World, _ guardian: Guard, _ agent: Agent, _ tool: String) throws -> Denial? {
        let shown = try agent.present(tool: tool, arguments: Array("{}".utf8))
        return guardian.check(
            chain: Array(shown.chain.utf8), proof: Array(shown.proof.utf8), tool: tool, arguments: Array("{}".utf8)
        ).denial
    }

    @Test func whatGrantsAndProofsCarryTakesNoMeter() throws {
        let office = try LabelWorld()
        let agent = try office.start(labels: ["private"])
        _ = try office.reason(agent, "send")
        try agent.authorize(tool: "read_mail", arguments: [:])
        // The task's own.
        let before = try used(office.world)
        #expect(before == 1)
        for i in 0..<50 {
            let child = try agent.spawn("child-\(i)", .sameScope())
            #expect(try child.labels() == ["private", "untrusted"] && office.reason(child, "send") == "flow_refused")
        }
        let own = try office.authority.guarding(.forTests(office.world))
        for _ in 0..<20 {
            let key = try SigningKey.generate()
            let below = try Agent.open(
                key: key, chain: agent.delegate(to: key.publicKey, .sameScope()), clock: office.world.clock)
            #expect(try ask(office.world, own, below, "send")?.reason.rawValue == "flow_refused")
        }
        #expect(try used(office.world) == before)
    }

    @Test func oneRootNamesSoManyAgentsAndOthersKeepRoom() throws {
        let office = try LabelWorld(
            rules: #"{"id":"each","match":"send","rate":{"calls":5,"per":"1h","for":"agent"}}"#)
        let (greedy, other) = (try office.start(), try office.start())
        let parent = try #require(try greedy.withExportedKey { try? SigningKey(jwk: $0) })
        let own = try office.authority.guarding(.forTests(office.world))
        let held = try greedy.current().held
        let key = try SigningKey.generate()
        func name(_ i: Int) throws -> Agent {
            let named = try held.derive(
                to: key.publicKey, agent: "\(greedy.id())/made-up/\(i)", .sameScope(), by: parent, clock: greedy.clock
            ).held
            return try Agent.open(
                key: key, chain: String(decoding: named.chain, as: UTF8.self), clock: office.world.clock)
        }
        for i in 0..<Int(MeterShare.ofRoot) { #expect(try ask(office.world, own, name(i), "send") == nil) }
        let denial = try #require(try ask(office.world, own, name(100_000), "send"))
        #expect(denial.reason.rawValue == "meters_share" && denial.rule == nil)
        let wait = try #require(denial.retryAfter)
        #expect((1...3_600_000 / MeterShare.ofRoot + 1).contains(wait))
        // Those that have a meter go on; so do the root, what the authority knows, and every other root.
        #expect(try ask(office.world, own, name(3), "send") == nil)
        #expect(try office.reason(greedy, "send") == nil)
        #expect(try office.reason(greedy.spawn("known", .sameScope()), "send") == nil)
        #expect(try office.reason(other, "send") == nil)
        let elsewhere = try SigningKey.generate()
        let below = try Agent.open(
            key: elsewhere, chain: other.delegate(to: elsewhere.publicKey, .sameScope()), clock: office.world.clock)
        #expect(try ask(office.world, own, below, "send") == nil)
        // And time gives more.
        office.world.pass(milliseconds: wait)
        #expect(try ask(office.world, own, name(100_000), "send") == nil)
        #expect(try ask(office.world, own, name(100_001), "send")?.reason.rawValue == "meters_share")
    }

    @Test func labelsThatUnknownAgentsShowTakeFromTheShareToo() throws {
        let office = try LabelWorld()
        let agent = try office.start()
        let own = try office.authority.guarding(.forTests(office.world))
        let key = try SigningKey.generate()
        let parent = try #require(try agent.withExportedKey { try? SigningKey(jwk: $0) })
        let held = try agent.current().held
        var refused = 0
        for i in 0..<Int(MeterShare.ofRoot) + 8 {
            let named = try held.derive(
                to: key.publicKey, agent: "\(agent.id())/made-up/\(i)", .sameScope(), by: parent, clock: agent.clock
            ).held
            let one = try Agent.open(
                key: key, chain: String(decoding: named.chain, as: UTF8.self), clock: office.world.clock)
            try one.addLabels(["private"])
            if try ask(office.world, own, one, "send")?.reason.rawValue == "meters_share" { refused += 1 }
        }
        #expect(refused == 8)
    }

    @Test func anAuthorityElsewhereHasAShareForAllThatItNames() throws {
        let (office, partner) = (
            try LabelWorld(
                rules: #"{"id":"each","match":"send","rate":{"calls":5,"per":"1h","for":"principal"}}"#),
            try World { $0.trustDomain = "globex.example" }
        )
        try partner.authority.put(
            Profile(name: "p", owner: "team:x@globex.example", ceiling: Scope("send"), maxLifetime: 3600))
        let own = try office.authority.guarding(.forTests(office.world))
        try own.addBundle(Array(partner.authority.bundle().utf8), for: "globex.example")
        let before = try used(office.world)
        let agent = try partner.authority.startAgent(
            profile: "p", AgentRequest(principal: "user:one@globex.example", task: "t", scope: Scope("send")))
        #expect(try ask(office.world, own, agent, "send") == nil)
        // Its share's, and the principal's.
        #expect(try used(office.world) == before + 2)
        let subjects = PolicySubjects(
            issuer: "globex.example", agents: [], key: "k", isNamed: false, task: "t", principal: "p", profile: "")
        let page = try #require(office.authority.home.meters).page(office.world.clock.milliseconds)
        let time = try page.look(office.world.clock.milliseconds)
        let registry = office.authority.registry
        for _ in 1..<MeterShare.ofAuthority {
            try MeterShare(subjects, .principal, "p", for: 3_600_000, page, registry).take(at: time)
        }
        let next = try partner.authority.startAgent(
            profile: "p", AgentRequest(principal: "user:two@globex.example", task: "t", scope: Scope("send")))
        #expect(try ask(office.world, own, next, "send")?.reason.rawValue == "meters_share")
        #expect(try ask(office.world, own, agent, "send") == nil)
    }
}
