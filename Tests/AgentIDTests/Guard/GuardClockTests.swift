import AgentID
import Testing

/// Time at a guard that an authority makes.
struct GuardClockTests {
    /// By the machine's clock what it signs is of the future.
    @Test func aGuardGoesByTheClockOfTheAuthorityThatMakesIt() throws {
        var options = Authority.Options()
        options.trustDomain = "acme.example"
        options.clock = CallbackClock { SystemClock().milliseconds + 3_600_000 }
        let authority = try Authority.open(directory: nil, options: options)
        try authority.put(Profile(name: "p", owner: "team:x@acme.example", ceiling: Scope("a")))
        let agent = try authority.startAgent(
            profile: "p", AgentRequest(principal: "user:x@acme.example", task: "t", scope: Scope("a")))
        func decide(_ clock: (any WallClock)?) throws -> String? {
            var options = Guard.Options()
            options.audience = "files"
            if let clock { options.clock = clock }
            let guardian = try authority.guarding(options)
            let proof = try agent.prove(tool: "a", arguments: Array("{}".utf8), audience: "files")
            return guardian.check(
                chain: Array(try agent.chain().utf8), proof: Array(proof.utf8), tool: "a", arguments: Array("{}".utf8)
            ).denial?.reason.rawValue
        }
        #expect(try decide(nil) == nil)
        #expect(try decide(CallbackClock { SystemClock().milliseconds }) != nil)
        withExtendedLifetime(agent) {}
    }
}
