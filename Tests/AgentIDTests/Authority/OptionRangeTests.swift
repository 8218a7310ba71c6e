import JOSE
import Scopes
import Testing

@testable import AgentID

/// No option is passed over: what is out of range is refused, and by its own name.
struct OptionRangeTests {
    private func place(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch { return (error as? AgentIDError)?.place }
    }

    @Test func aGuardsLimitsAreRefusedBeyondTheirBounds() throws {
        for (name, values, change) in [
            ("max_depth", [-1, 65, .max], { $0.limits.depth = $1 }),
            ("max_token_size", [0, -1, 65_537], { $0.limits.tokenSize = $1 }),
            ("max_chain_size", [0, -1, 262_145], { $0.limits.chainSize = $1 }),
        ] as [(String, [Int], (inout Guard.Options, Int) -> Void)] {
            for value in values {
                #expect(
                    place {
                        var options = Guard.Options()
                        options.audience = "g"
                        change(&options, value)
                        _ = try Guard(options)
                    } == "options.\(name)")
            }
        }
        var most = Guard.Options()
        most.audience = "g"
        (most.limits.depth, most.limits.tokenSize, most.limits.chainSize) = (64, 65_536, 262_144)
        #expect(throws: Never.self) { try Guard(most) }
    }

    @Test func anAuthorityInMemoryPromisesNoDurableLog() throws {
        var options = Authority.Options()
        options.trustDomain = "acme.example"
        options.audit.options.sync = .always
        #expect(place { _ = try Authority.open(directory: nil, options: options) } == "options.audit_sync")
        options.audit.isEnabled = false
        _ = try Authority.open(directory: nil, options: options)
    }

    @Test func aSubAgentTakesNoNameOfAnother() throws {
        let world = try World()
        let agent = try world.start()
        let other = try world.start().id()
        #expect(place { _ = try agent.spawn("helper", DelegationRequest.sameScope(agent: other)) } == "options.agent")
        let key = try SigningKey.generate().publicKey
        #expect(place { _ = try agent.delegate(to: key, .sameScope(agent: "x")) } == "options.agent")
    }

    @Test func whatADelegationAsksForIsRefusedBeyondItsBounds() throws {
        let agent = try World().start()
        let long = String(repeating: "l", count: 257)
        let beyond: [(String, DelegationRequest)] = [
            ("max_depth", .sameScope(maxDepth: -1)), ("max_depth", .sameScope(maxDepth: 65)),
            ("lifetime", .sameScope(lifetime: 1)), ("lifetime", .sameScope(lifetime: 0)),
            ("labels", .sameScope(labels: [long])),
            ("labels", .sameScope(labels: (0..<65).map { "\($0)" })),
        ]
        for (name, request) in beyond {
            #expect(place { _ = try agent.spawn("helper", request) } == "options.\(name)")
        }
    }

    @Test func anErrorNamesTheOptionThatIsTooLong() throws {
        let world = try World()
        func request(
            task: String = "t", intent: String? = nil, lifetime: Int64 = 300, labels: [String] = []
        ) throws -> AgentRequest {
            AgentRequest(
                principal: "user:alice@acme.example", task: task, scope: try Scope("search(query: *)"), intent: intent,
                lifetime: lifetime, labels: labels)
        }
        func text(_ count: Int, _ text: String = "x") -> String { String(repeating: text, count: count) }
        for (name, request) in [
            ("task", try request(task: text(4097))), ("intent", try request(intent: text(8193))),
            ("intent", try request(intent: text(8000, "\u{1}"))), ("task", try request(task: text(4000, "\u{1}"))),
            ("labels", try request(labels: [text(257)])), ("labels", try request(labels: (0..<65).map { "\($0)" })),
            ("lifetime", try request(lifetime: 1)),
        ] {
            #expect(
                place { _ = try world.authority.startAgent(profile: "researcher", request) } == "options.\(name)")
        }
        #expect(
            place {
                _ = try Profile(name: "p", owner: "team:x@y", ceiling: Scope("search(query: *)"), maxLifetime: 1)
            } == "options.max_lifetime")
    }

    /// The shortest that is accepted is never over before it began, wherever in a second it is asked for.
    @Test func theShortestLifetimeIsOfUse() throws {
        for offset in [Int64(0), 1, 500, 999] {
            let world = try World()
            world.pass(milliseconds: offset)
            let agent = try world.authority.startAgent(
                profile: "researcher",
                AgentRequest(
                    principal: "user:alice@acme.example", task: "t", scope: Scope("search(query: *)"), lifetime: 2))
            world.pass(milliseconds: 1)
            #expect(try agent.check(tool: "search", arguments: Array(#"{"query":"x"}"#.utf8)).isPermitted)
        }
    }
}
