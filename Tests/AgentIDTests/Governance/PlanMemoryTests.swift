import JOSE
import Policy
import Scopes
import StrictJSON
import Synchronization
import Testing

@testable import AgentID

/// Plans are counted with the chain that keeps them, whatever tools are called and whatever grants state.
@Suite struct PlanMemoryTests {
    @Test func theCacheCountsPlansAndAChainKeepsSoManyAtMost() throws {
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
            #"{"id":"r\#($0)","match":"*","rate":{"calls":500000,"per":"1h","for":"agent"}}"#
        }
        try world.authority.applyPolicy(Array(#"{"version":1,"rules":[\#(rules.joined(separator: ","))]}"#.utf8))
        let most = 4 << 20
        let own = try world.authority.guarding(.forTests(world) { $0.cacheBytes = most })
        func ask(_ tool: String) throws -> VerifiedChain {
            let shown = try agent.present(tool: tool, arguments: Array("{}".utf8))
            let decision = own.check(
                chain: Array(shown.chain.utf8), proof: Array(shown.proof.utf8), tool: tool, arguments: Array("{}".utf8))
            #expect(decision.isPermitted)
            return try #require(decision.chain)
        }
        func bytes() -> Int { own.cache.withLock { $0.bytes } }
        let first = try ask("t0")
        let one = bytes()
        #expect(one > first.size + 100 * MeterShare.size)
        #expect(try ask("t0") === first && bytes() == one)
        var chains: [VerifiedChain] = []
        for tool in tools {
            let chain = try ask(tool)
            #expect(bytes() <= most && chain.planned.load(ordering: .relaxed) <= most / 8 + one)
            if chains.last !== chain { chains.append(chain) }
        }
        #expect(chains.count > 3 && chains.count < tools.count / 2)
        // As cheap as before: what was called last is there.
        let last = try ask("t119")
        #expect(try ask("t119") === last)
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
        cache.count(5 << 20, of: chain)
        #expect(cache.bytes == 0 && cache.count == 0 && cache.find(key, chain.bytes) == nil)
    }
}
