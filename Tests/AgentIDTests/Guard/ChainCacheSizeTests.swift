import Foundation
import JOSE
import StrictJSON
import Testing

@testable import AgentID

/// The cache of chains counts what a chain keeps alive, and a chain keeps little alive that it does not need.
struct ChainCacheSizeTests {
    private let issuer: SigningKey
    private let holder: SigningKey

    init() throws { (issuer, holder) = (try SigningKey.generate(), try SigningKey.generate()) }

    private func guardian(bytes: Int = 32 << 20) throws -> Guard {
        var options = Guard.Options()
        (options.audience, options.cacheBytes) = ("g", bytes)
        let guardian = try Guard(options)
        try guardian.addBundle(HandMade.bundle([issuer], sequence: 1), for: "acme.example")
        return guardian
    }

    private func size(tools: JSONTree = ["read": [:]], _ extra: JSONTree.Members = [:]) throws -> (Int, Int) {
        let root = HandMade.root(issuer, to: holder, tools: tools)
        let chain = try HandMade.child(of: root, by: holder, to: holder, tools: tools, extra)
        return (try guardian().admit(chain: chain).chain.size, chain.count)
    }

    @Test func aClaimThatNobodyKnowsIsNotKept() throws {
        let (plain, plainLength) = try size()
        let zeros = JSONTree.array(Array(repeating: .int(0), count: 20_000))
        for pad in [zeros, .string(String(repeating: "x", count: 40_000))] {
            let (padded, length) = try size(["pad": pad])
            // The token is kept twice, in the chain and by itself; of what it says, nothing more than without.
            #expect(padded - plain <= 2 * (length - plainLength) + 1024)
        }
        // Known, and checked: an array of tables of what it permits is no less than its document.
        let values = JSONTree.array((0..<900).map { .int($0) })
        let (wide, _) = try size(tools: ["t": ["x": ["constraint_type": "one_of", "values": values]]])
        #expect(wide > plain + 900 * 64)
    }

    @Test func theCacheKeepsToItsBoundsWhateverChainsHold() throws {
        let guardian = try guardian(bytes: 1 << 20)
        let root = HandMade.root(issuer, to: holder)
        for i in 0..<60 {
            let pad = JSONTree.array(Array(repeating: .int(i), count: 10_000))
            let chain = try HandMade.child(of: root, by: holder, to: holder, ["pad": pad])
            _ = guardian.check(chain: chain, proof: [], tool: "read", arguments: Array("{}".utf8))
            let (count, bytes) = guardian.cache.withLock { ($0.count, $0.bytes) }
            #expect(count > 0 && bytes <= 1 << 20)
        }
    }

    @Test func countersOfReasonsAreBounded() {
        var counters = DenialCounters()
        for i in 0..<2000 { counters.add(Reason(rawValue: "reason-\(i)")) }
        counters.add(Reason(rawValue: String(repeating: "x", count: 1 << 20)))
        counters.add(Reason(rawValue: "reason-7"))
        let text = counters.tree.text
        #expect(text.utf8.count < 256 * 80)
        #expect(text.contains(#""reason-7":2"#) && text.contains(#""other":1745"#))
    }
}
