import JOSE
import Policy
import Scopes
import StrictJSON
import Synchronization
import Testing

@testable import AgentID

/// Plans are counted with the chain that keeps them, whatever tools are called and whatever grants state.
@Suite struct PlanMemoryTests {
    /// Tools that as many rates count, and a guard with so much room.
    private func called(
        _ match: String, in most: Int,
        _ body: (Guard, _ tools: [String], (String) throws -> VerifiedChain) throws -> Void
    ) throws {
        let world = try World()
        let tools = (0..<120).map { "t\($0)" }
        try world.authority.put(
            Profile(
                name: "wide", owner: "team:x@acme.example", ceiling: Scope(tools.joined(separator: "; ")),
                maxLifetime: 3600))
        let agent = try world.authority.startAgent(
            profile: "wide",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope(tools.joined(separator: "; "))))
        let rules = (0..<100).map {
            #"{"id":"r\#($0)","match":"\#(match)","rate":{"calls":500000,"per":"1h","for":"agent"}}"#
        }
        try world.authority.applyPolicy(Array(#"{"version":1,"rules":[\#(rules.joined(separator: ","))]}"#.utf8))
        let own = try world.authority.guarding(.forTests(world) { $0.cacheBytes = most })
        func ask(_ tool: String) throws -> VerifiedChain {
            let shown = try agent.present(tool: tool, arguments: Array("{}".utf8))
            let decision = own.check(
                chain: Array(shown.chain.utf8), proof: Array(shown.proof.utf8), tool: tool, arguments: Array("{}".utf8))
            #expect(decision.isPermitted)
            return try #require(decision.chain)
        }
        try body(own, tools, ask)
    }

    @Test func theCacheCountsPlansAndAChainKeepsSoManyAtMost() throws {
        let most = 4 << 20
        try called("*(n == '1')", in: most) { own, tools, ask in
            func bytes() -> Int { own.cache.withLock { $0.bytes } }
            let first = try ask("t0")
            let one = bytes()
            #expect(one > first.size + 100 * MeterShare.size)
            #expect(try ask("t0") === first && bytes() == one)
            var chains: [VerifiedChain] = []
            for tool in tools {
                let chain = try ask(tool)
                #expect(bytes() <= most && chain.planned.load(ordering: .relaxed) <= most / 2 + one)
                if chains.last !== chain { chains.append(chain) }
            }
            #expect(chains.count > 1 && chains.count < tools.count / 10)
            // As cheap as before: what was called last is there.
            let last = try ask("t119")
            #expect(try ask("t119") === last)
        }
    }

    @Test func ratesThatCountAllToolsAreKeptOnceForAChain() throws {
        try called("*", in: 1 << 20) { own, tools, ask in
            let first = try ask("t0")
            let one = first.planned.load(ordering: .relaxed)
            for tool in tools { #expect(try ask(tool) === first) }
            #expect(first.planned.load(ordering: .relaxed) < one + tools.count * 2048)
            // And are counted: all tools take from the same.
            let word = try own.meters.map { try $0.page(own.clock.milliseconds).room.used }
            #expect(word == 100)
        }
    }

    @Test func whatIsTakenOffTheCacheIsWhatWasPutThere() throws {
        let world = try World()
        let agent = try world.start()
        let own = try world.authority.guarding(.forTests(world))
        let chain = try own.admit(chain: Array(agent.chain().utf8)).chain
        let key = try #require(ChainCache.key(of: chain.bytes))
        var cache = ChainCache(entries: 8, bytes: 32 << 20)
        cache.insert(chain, key)
        for planned in [1000, 500, 70_000] { cache.count(planned, of: chain) }
        #expect(cache.bytes == chain.size + 70_000 && cache.count == 1)
        #expect(cache.find(key, chain.bytes) === chain)
        cache.count(17 << 20, of: chain)
        #expect(cache.bytes == 0 && cache.count == 0 && cache.find(key, chain.bytes) == nil)
    }
}
