import JOSE
import StrictJSON
import Scopes
import Testing
import TestSupport

@testable import AgentID

/// What was granted beside what was used.
@Suite struct UsageTests {
    private static let ceiling =
        "read(path under '/data', mode in ['r','w']); search(query: *); run; send(to like '*@*')"

    private func world(_ directory: TemporaryDirectory) throws -> World {
        let world = try World(at: directory.path)
        try world.authority.put(Profile(name: "worker", owner: "team:x", ceiling: Scope(Self.ceiling)))
        return world
    }

    private func start(_ scope: String, in world: World) throws -> Agent {
        try world.authority.startAgent(
            profile: "worker", AgentRequest(principal: "user:a@a.example", task: "t", scope: Scope(scope)))
    }

    private func usage(_ world: World, since: Int64? = nil) throws -> ProfileUsage {
        try #require(try world.authority.usage(profile: "worker", since: since).profiles.first)
    }

    @Test func whatALongTaskUsedIsKnownWhenMostOfItsGrantsAreGone() throws {
        let directory = try TemporaryDirectory()
        let world = try world(directory)
        let agent = try start("search(query == 'a'); run", in: world)
        let child = try agent.spawn("child", DelegationRequest(scope: Scope("search(query == 'a')")))
        for _ in 0..<60 {
            for agent in [agent, child] {
                #expect(try agent.check(tool: "search", arguments: bytes(#"{"query":"a"}"#)).isPermitted)
            }
            world.pass(seconds: 150)
            try world.authority.lifecycle.renew()
        }
        let usage = try usage(world)
        #expect((usage.permitted, usage.unknown, usage.beyond) == (120, 0, 0))
        #expect(usage.proposal == (try Scope("search(query == 'a')").normalized()))
    }

    @Test func aProposalPermitsEveryRecordedCallAndIsBelowTheCeiling() throws {
        var random = Seeded.announced("aProposalPermitsEveryRecordedCallAndIsBelowTheCeiling")
        let scopes = [
            "read(path under '/data/q3', mode == 'r')", "read(path == '/data/x', mode in ['r','w'])",
            "read(path like '/data/q2/*.csv', mode == 'w')", "search(query == 'a')", "search(query == 'b')",
            "search(query == 'c')", "search(query == 'd')",
            "search(query in ['a','b'])", "search", "run(a >= 1)",
            "run(b: *)", "run(a == 0); send(to == 'x@y')", "read; run", "send",
        ]
        let calls = [
            ("read", #"{"path":"/data/q3/a","mode":"r"}"#), ("read", #"{"path":"/data/x","mode":"w"}"#),
            ("read", #"{"path":"/data/q2/a.csv","mode":"w"}"#), ("read", #"{"path":"/data/q3/../x","mode":"r"}"#),
            ("search", #"{"query":"a"}"#), ("search", #"{"query":"b"}"#), ("search", #"{"query":"c"}"#),
            ("search", #"{"query":"d"}"#), ("search", #"{"query":1}"#),
            ("run", #"{"a":1}"#), ("run", #"{"b":[]}"#),
            ("run", #"{}"#), ("run", #"{"a":0,"c":1}"#), ("send", #"{"to":"x@y"}"#), ("send", #"{"to":"z@y"}"#),
            ("other", "{}"),
        ]
        for _ in 0..<20 {
            let directory = try TemporaryDirectory()
            let world = try world(directory)
            var (permitted, denied): ([(String, String)], Int) = ([], 0)
            var agents: [(agent: Agent, scope: Scope)] = []
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                // Some under another agent; some of them whose grant the registry never saw.
                let scope = scopes.randomElement(using: &random) ?? "run"
                let agent = try start(scope, in: world)
                let child = try Bool.random(using: &random) ? agent.spawn("child", .sameScope()) : agent
                agents += try [(agent, Scope(scope)), (child, Scope(scope))]
            }
            for _ in 0..<Int.random(in: 20...80, using: &random) {
                // Half of the calls are what the agent is there for.
                guard let (agent, scope) = agents.randomElement(using: &random) else { continue }
                let meant = try calls.filter { scope.permits($0.0, try JSON(parsing: $0.1).root) }
                let call = Bool.random(using: &random) ? meant.randomElement(using: &random) : nil
                guard let call = call ?? calls.randomElement(using: &random) else { continue }
                if try agent.check(tool: call.0, arguments: Array(call.1.utf8)).isPermitted {
                    permitted.append(call)
                } else {
                    denied += 1
                }
            }
            let found = try usage(world)
            #expect(found.permitted == permitted.count && found.denials.reduce(0) { $0 + $1.count } == denied)
            #expect(found.unknown == 0 && found.beyond == 0)
            #expect(Set(found.used.map(\.name)) == Set(permitted.map(\.0)))
            #expect(Set(found.unused) == Set(["read", "search", "run", "send"]).subtracting(permitted.map(\.0)))
            #expect((found.proposal == nil) == permitted.isEmpty)
            guard let proposal = found.proposal else { continue }
            #expect(try Scope(Self.ceiling).normalized().subsumes(proposal))
            for (tool, arguments) in permitted {
                #expect(
                    proposal.permits(tool, try JSON(parsing: arguments).root), "\(tool)\(arguments): \(proposal.text)")
            }
            // Under the proposal everything that was permitted would have been granted.
            try world.authority.put(Profile(name: "worker", owner: "team:x", ceiling: proposal))
            for (tool, arguments) in permitted.prefix(5) {
                #expect(try start(tool, in: world).check(tool: tool, arguments: Array(arguments.utf8)).isPermitted)
            }
        }
    }

    @Test func whatWasDerivedElsewhereIsJudgedByTheGrantAboveIt() throws {
        let directory = try TemporaryDirectory()
        let world = try world(directory)
        let agent = try start("search(query in ['a','b'])", in: world)
        let (key, far) = (try SigningKey.generate(), try SigningKey.generate())
        let issued = try world.authority.issue(
            profile: "worker", to: key.publicKey,
            AgentRequest(principal: "user:a@a.example", task: "t", scope: Scope("search(query in ['a','b'])")))
        let elsewhere = try Agent.open(key: key, chain: issued.chain, credential: issued.credential, clock: world.clock)
        let chain = try elsewhere.delegate(to: far.publicKey, DelegationRequest(scope: Scope("search(query == 'a')")))
        let child = try Agent.open(key: far, chain: chain, credential: nil, clock: world.clock)
        let arguments = Array(#"{"query":"a"}"#.utf8)
        let guardian = try world.authority.guarding(.forTests(world))
        let proof = try child.prove(tool: "search", arguments: arguments)
        #expect(
            guardian.check(
                chain: Array(chain.utf8), proof: Array(proof.utf8), tool: "search", arguments: arguments
            ).isPermitted)
        _ = try agent.check(tool: "search", arguments: arguments)
        let found = try usage(world)
        #expect(found.permitted == 2 && found.unknown == 1)
        #expect(found.proposal?.text == #"search(query all(in ["a","b"]))"#)
    }

    @Test func aCeilingThatWasMadeSmallerSinceIsNotGoneBeyond() throws {
        let directory = try TemporaryDirectory()
        let world = try world(directory)
        let agent = try start("read; search", in: world)
        let arguments = Array(#"{"path":"/data/x","mode":"w"}"#.utf8)
        #expect(try agent.check(tool: "read", arguments: arguments).isPermitted)
        #expect(try agent.check(tool: "search", arguments: Array(#"{"query":1}"#.utf8)).isPermitted)
        let smaller = try Scope("read(path under '/data', mode == 'r')")
        try world.authority.put(Profile(name: "worker", owner: "team:x", ceiling: smaller))
        let found = try usage(world)
        #expect(found.beyond == 2 && found.permitted == 2)
        let limit = try smaller.normalized()
        #expect(found.proposal.map { limit.subsumes($0) } == true)
    }

    @Test func onlyWhatIsAskedForIsCounted() throws {
        let directory = try TemporaryDirectory()
        let world = try world(directory)
        let agent = try start("run", in: world)
        _ = try agent.check(tool: "run", arguments: Array("{}".utf8))
        world.pass(seconds: 60)
        let since = world.clock.milliseconds
        _ = try agent.check(tool: "run", arguments: Array(#"{"b":1,"a":2}"#.utf8))
        _ = try world.start().check(tool: "read_file", arguments: Array(#"{"path":"/data/q3/x"}"#.utf8))
        let found = try usage(world, since: since)
        #expect(found.permitted == 1 && found.used.first?.arguments == ["a", "b"])
        #expect(found.used.first?.latest == since)
        #expect(try usage(world).permitted == 2)
        let all = try world.authority.usage()
        #expect(all.profiles.map(\.profile) == ["researcher", "worker"] && all.profiles.map(\.permitted) == [1, 2])
        #expect(throws: AgentIDError.self) { try world.authority.usage(profile: "nobody") }
        #expect(throws: AgentIDError.self) { try World().authority.usage() }
    }
}
