import AgentID
import JOSE
import Testing
import TestSupport

private struct Statuses: StatusResolver {
    let revoked: [String]
    let unknown: [String]
    func status(ofGrant id: String) -> GrantStatus {
        revoked.contains(id) ? .revoked : unknown.contains(id) ? .unknown : .active
    }
}

private struct Identities: IdentityResolver {
    let bound: [String]
    let unavailable: [String]
    func binding(of subject: String, toKey: String) -> SubjectBinding {
        unavailable.contains(subject) ? .unavailable : bound.contains(subject) ? .confirmed : .mismatch
    }
}

/// The AAT corpus through the same guard that users get.
@Suite struct ConformanceTests {
    @Test(.enabled(if: Corpus.isPresent, "left out: ../shared is absent"))
    func decidesEveryVectorWithItsNormativeReason() throws {
        let vectors = try #require(try Corpus.json("aat/corpus.json")["vectors"])
        var count = 0
        for vector in vectors.elements {
            let profile = try #require(vector["profile"]?.string)
            guard ["Core", "Status", "Identity", "PDP", "MCP"].contains(profile) else { continue }
            let name = vector["vector_id"]?.string ?? ""
            let input = try #require(vector["input"])
            let decision = try decide(input)
            count += 1
            #expect(
                decision.isPermitted == vector["expected_decision"]?.equals("allow"), "\(name): \(decision.explanation)"
            )
            #expect(decision.denial?.reason.rawValue == vector["expected_normative_reason"]?.string, "\(name)")
        }
        #expect(count >= 25)
    }

    private func decide(_ input: JSON.Value) throws -> Decision {
        let now = Int64(input["now"]?.int ?? 0)
        func list(_ name: String) -> [String]? { input[name].map { $0.elements.compactMap(\.string) } }
        var options = Guard.Options()
        options.acceptsProofsWithoutAudience = true
        options.clock = CallbackClock { now * 1000 }
        if let revoked = list("revoked_jti") {
            options.statuses = Statuses(revoked: revoked, unknown: list("unknown_jti") ?? [])
        }
        if let bound = list("bound_subjects") {
            options.identities = Identities(bound: bound, unavailable: list("unavailable_subjects") ?? [])
        }
        let guardian = try Guard(options)
        guardian.trust(try input["trust_anchors"]?.elements.map { try PublicKey(jwk: $0) } ?? [])
        let tokens = list("tokens") ?? []
        return guardian.authorize(
            chain: Array(tokens.joined(separator: "~").utf8), proof: Array((input["pop"]?.string ?? "").utf8),
            tool: input["tool"]?.string ?? "", arguments: input["args"]?.canonical() ?? [])
    }
}
