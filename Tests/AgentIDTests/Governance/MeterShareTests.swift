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

    /// Agents below one agent that the registry does not have, each asked for by its number.
    private func madeUp(
        _ office: LabelWorld, below agent: Agent, _ guardian: Guard
    ) throws -> (Int) throws -> Denial? {
        let parent = try #require(try agent.withExportedKey { try? SigningKey(jwk: $0) })
        let (held, key, id) = (try agent.current().held, try SigningKey.generate(), try agent.id())
        return { number in
            let named = try held.derive(
                to: key.publicKey, agent: "\(id)/made-up/\(number)", .sameScope(), by: parent, clock: agent.clock
            ).held
            let one = try Agent.open(
                key: key, chain: String(decoding: named.chain, as: UTF8.self), clock: office.world.clock)
            return try self.ask(office.world, guardian, one, "send")
        }
    }

    private static let each = #"{"id":"each","match":"send","rate":{"calls":500,"per":"50m","for":"agent"}}"#

    @Test func oneRootNamesSoManyAgentsAndOthersKeepRoom() throws {
        let office = try LabelWorld(rules: Self.each)
        let (greedy, other) = (try office.start(), try office.start())
        let own = try office.authority.guarding(.forTests(office.world))
        let ask = try madeUp(office, below: greedy, own)
        var (known, refused) = (0, Denial?.none)
        for number in 0..<2 * MeterShare.ofRoot {
            guard let denial = try ask(number) else {
                known += 1
                continue
            }
            #expect(denial.reason.rawValue == "meters_share" && denial.rule == nil)
            refused = denial
        }
        #expect((MeterShare.ofRoot / 2...MeterShare.ofRoot).contains(known))
        let wait = try #require(refused?.retryAfter)
        // One call is back within 6 s, by all clocks.
        #expect((1...7001).contains(wait))
        // Those that have a meter go on; so do the root, what the authority knows, and every other root.
        #expect(try ask(0) == nil)
        #expect(try office.reason(greedy, "send") == nil)
        #expect(try office.reason(greedy.spawn("known", .sameScope()), "send") == nil)
        #expect(try office.reason(other, "send") == nil)
        #expect(try madeUp(office, below: other, own)(0) == nil)
        // And time gives more.
        office.world.pass(milliseconds: wait)
        #expect(try ask(2 * MeterShare.ofRoot - 1) == nil)
    }

    @Test func oneThatIsHandedToLeavesRoomBesideIt() throws {
        let office = try LabelWorld(rules: Self.each)
        let root = try office.start()
        let own = try office.authority.guarding(.forTests(office.world))
        let key = try SigningKey.generate()
        let held = try Agent.open(
            key: key, chain: root.delegate(to: key.publicKey, .sameScope()), clock: office.world.clock)
        var known = 0
        for _ in 0..<2 * MeterShare.ofBranch {
            let below = try SigningKey.generate()
            let limits = try GrantLimits(#"[{"id":"l","match":"send","rate":{"calls":1,"per":"366d"}}]"#)
            let one = try Agent.open(
                key: below, chain: held.delegate(to: below.publicKey, .sameScope(limits: limits)),
                clock: office.world.clock)
            if try ask(office.world, own, one, "send") == nil { known += 1 }
        }
        #expect((MeterShare.ofBranch / 2...MeterShare.ofBranch).contains(known))
        // Few of those beside it have their places where it has all of its own.
        let beside = try madeUp(office, below: root, own)
        #expect(try (0..<50).count { try beside($0) == nil } > 40)
    }

    @Test func metersOfManyTimesHaveOneShare() throws {
        let page = try MetersPage(path: nil, believesSteps: true, now: 0)
        let time = try page.look(0)
        let registry = try World().authority.registry
        func fill(_ range: (Int) -> PolicySubjects) throws -> Int {
            var made = 0
            for number in 0..<3 * MeterShare.ofAuthority {
                let (subjects, name) = (range(number), "agent-\(number)")
                let share = MeterShare(subjects, .agent, name, registry)
                let rate = try #require(
                    GCRA(calls: 1, period: [3_600_000, 86_400_000, 31_536_000_000][number % 3], burst: 1))
                let key = page.key(["rate", name], in: share.range)
                do throws(Denial) {
                    _ = try page.take(page.slot(of: key, .rate, at: time, from: share), rate, at: time)
                    made += 1
                } catch { #expect(error.reason.rawValue == "meters_share") }
            }
            return made
        }
        func foreign(_ domain: Int) -> (Int) -> PolicySubjects {
            {
                PolicySubjects(
                    issuer: "globex\(domain).example", agents: ["agent-\($0)"], key: "k", isNamed: true, task: "t",
                    principal: "p", profile: "")
            }
        }
        let made = try fill(foreign(0))
        #expect((MeterShare.ofAuthority / 2...MeterShare.ofAuthority).contains(made))
        // However many partners there are, and roots with all that they hand to: a quarter is the authority's own.
        for domain in 1..<9 { _ = try fill(foreign(domain)) }
        for root in 0..<3 {
            _ = try fill {
                PolicySubjects(
                    issuer: "", agents: ["root-\(root)-\($0 % 64)", "agent-\($0)"], key: "k", isNamed: true, task: "t",
                    principal: "p", profile: "")
            }
        }
        for number in 0..<8192 { _ = try page.slot(of: page.key(["own", "\(number)"]), .rate, at: time) }
    }

    @Test func anAgentOfManyHoldersHasOneMeter() throws {
        let office = try LabelWorld(
            rules: """
                {"id":"two","match":"review","rate":{"calls":2,"per":"1d","for":"agent"}},
                {"id":"mail","match":"read_mail","labels":{"adds":["untrusted"],"for":"agent"}},
                {"id":"out","match":"send","labels":{"refuses":["untrusted"]}}
                """)
        let own = try office.authority.guarding(.forTests(office.world))
        let (root, other) = (try office.start(), try office.start())
        let key = try SigningKey.generate()
        func hand(
            _ holder: SigningKey, _ between: String?, below root: Agent, as name: String?
        ) throws -> Agent {
            let held = try Agent.open(
                key: holder, chain: root.delegate(to: holder.publicKey, .sameScope(agent: between)),
                clock: office.world.clock)
            let limits = try GrantLimits(#"[{"id":"l","match":"note","rate":{"calls":1,"per":"1d"}}]"#)
            let chain = try held.delegate(
                to: key.publicKey, name == nil ? .sameScope(limits: limits) : .sameScope(agent: name))
            return try Agent.open(key: key, chain: chain, clock: office.world.clock)
        }
        let id = try root.id()
        let one = try ["/a", "/a/b", "/a/b/c", "/a/b/c/d", "/a/b/c/d/e"].map {
            try hand(SigningKey.generate(), id + $0, below: root, as: "\(id)/a/b/c/d/e/f")
        }
        let asked = try (one + one).count { try ask(office.world, own, $0, "review") == nil }
        #expect(asked == 2)
        #expect(try ask(office.world, own, one[0], "read_mail") == nil)
        for agent in one { #expect(try ask(office.world, own, agent, "send")?.reason.rawValue == "flow_refused") }
        // Also a limit that one holder states for another, below whichever root.
        let stater = try SigningKey.generate()
        let limited = try [root, other].map { try hand(stater, nil, below: $0, as: nil) }
        #expect(try limited.count { try ask(office.world, own, $0, "note") == nil } == 1)
    }

    @Test func aRateThatArgumentsDecideHasAMeterWhenACallIsAboutIt() throws {
        let office = try LabelWorld(
            rules: #"{"id":"large","match":"send(usd decimal >= '1000')","rate":{"calls":1,"per":"10m","for":"agent"}}"#
        )
        let (agent, before) = (try office.start(), try used(office.world))
        func ask(_ usd: String) throws -> String? {
            try agent.check(tool: "send", arguments: ["usd": .string(usd)]).denial?.reason.rawValue
        }
        for _ in 0..<3 { #expect(try ask("5") == nil) }
        #expect(try used(office.world) == before)
        #expect(try ask("2000") == nil && ask("2000") == "rate_limited" && ask("5") == nil)
        #expect(try used(office.world) == before + 1)
    }

    @Test func labelsThatUnknownAgentsShowTakeFromTheShareToo() throws {
        let office = try LabelWorld()
        let agent = try office.start()
        let own = try office.authority.guarding(.forTests(office.world))
        let key = try SigningKey.generate()
        let parent = try #require(try agent.withExportedKey { try? SigningKey(jwk: $0) })
        let held = try agent.current().held
        var refused = 0
        for i in 0..<MeterShare.ofRoot + 8 {
            let named = try held.derive(
                to: key.publicKey, agent: "\(agent.id())/made-up/\(i)", .sameScope(), by: parent, clock: agent.clock
            ).held
            let one = try Agent.open(
                key: key, chain: String(decoding: named.chain, as: UTF8.self), clock: office.world.clock)
            try one.addLabels(["private"])
            if try ask(office.world, own, one, "send")?.reason.rawValue == "meters_share" { refused += 1 }
        }
        #expect(refused >= 8)
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
        func start(_ name: String) throws -> Agent {
            try partner.authority.startAgent(
                profile: "p", AgentRequest(principal: "user:\(name)@globex.example", task: "t", scope: Scope("send")))
        }
        let agent = try start("one")
        #expect(try ask(office.world, own, agent, "send") == nil)
        #expect(try used(office.world) == before + 1)
        let page = try #require(office.authority.home.meters).page(office.world.clock.milliseconds)
        let time = try page.look(office.world.clock.milliseconds)
        for number in 0..<40_000 {
            let key = page.key(["\(number)"], in: .authority("globex.example"))
            guard let slot = try? page.slot(of: key, .labels, until: .max, at: time) else { continue }
            _ = slot
        }
        #expect(try used(office.world) <= before + MeterShare.ofAuthority)
        #expect(try ask(office.world, own, start("two"), "send")?.reason.rawValue == "meters_share")
        #expect(try ask(office.world, own, agent, "send") == nil)
    }
}
