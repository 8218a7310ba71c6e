import AgentID
import JOSE
import StrictJSON
import TestSupport
import Testing

/// The vectors of AAT draft -02 through the same guard that users get.
@Suite struct ConformanceTests {
    @Test(.enabled(if: Corpus.isPresent, "left out: ../shared is absent, and with it every vector of AAT -02"))
    func decidesEveryVectorOfDraft02() throws {
        let corpus = try Corpus.json("aat-02/vectors.json")
        var count = 0
        for vector in try #require(corpus["vectors"]).elements {
            let decision = try decide(vector, in: corpus)
            count += 1
            #expect(
                decision.isPermitted == vector["expected"]?["verdict"]?.equals("PERMIT"),
                "\(vector["id"]?.string ?? ""): \(decision.explanation)")
        }
        #expect(count >= 80)
    }

    private func decide(_ vector: JSON.Value, in corpus: JSON.Value) throws -> Decision {
        let now = Int64(try #require(vector["now"]?.int))
        let policy = try #require(vector["policy"])
        var options = Guard.Options()
        options.audience = try #require(corpus["params"]?["audience"]?.string)
        options.acceptsProofsWithoutAudience = policy["require_pop_aud"]?.bool != true
        options.requiresChainAudience = policy["require_chain_aud"]?.bool == true
        if let nonce = policy["nonce"]?.string {
            (options.requiresNonce, options.nonces) = (true, Issued(nonce: nonce))
        }
        options.limits.depth = try #require(corpus["params"]?["max_delegation_depth"]?.int)
        options.clock = CallbackClock { now * 1000 }
        let guardian = try Guard(options)
        for anchor in try #require(corpus["trust_anchors"]).elements {
            try guardian.trust(
                [PublicKey(jwk: #require(anchor["jwk"]))], issuer: #require(anchor["iss"]?.string))
        }
        let tokens = try #require(vector["chain_compact"]).elements.compactMap(\.string)
        return guardian.check(
            chain: Array(tokens.joined(separator: "~").utf8), proof: Array((vector["pop"]?.string ?? "").utf8),
            tool: vector["tool"]?.string ?? "", arguments: try #require(vector["args"]).source)
    }

    private struct Issued: Nonces {
        let nonce: String
        func issue(at now: Int64) -> String { nonce }
        func accept(_ nonce: Span<UInt8>, at now: Int64) -> Bool {
            self.nonce.withUTF8Span { $0.hasSameBytes(as: nonce) }
        }
    }
}
