import AgentID
import StrictJSON
import Testing

/// What sources outside this library say of grants and subjects: asked at every call, and what is not known denies.
@Suite struct ResolverTests {
    private struct Statuses: StatusResolver {
        let answers: [String: GrantStatus]
        func status(ofGrant id: String) -> GrantStatus { answers[id] ?? .active }
    }

    private struct Identities: IdentityResolver {
        let answer: SubjectBinding
        func binding(of subject: String, toKey thumbprint: String) -> SubjectBinding { answer }
    }

    @Test func aGrantThatIsRevokedOrNotKnownElsewhereDeniesItsChain() throws {
        let cases: [([String: GrantStatus], String?)] = [
            ([:], nil), (["g": .revoked], "authority_revoked"), (["c": .revoked], "authority_revoked"),
            (["g": .unknown], "status_unavailable"), (["c": .unknown], "status_unavailable"), (["x": .revoked], nil),
        ]
        for (answers, reason) in cases {
            let world = try Presenting { $0.statuses = Statuses(answers: answers) }
            let root = world.root()
            let child = try world.child(of: root)
            #expect(world.reason([root, child], try world.proof(under: child)) == reason)
        }
    }

    @Test func aSubjectThatIsNotConfirmedDeniesItsChain() throws {
        let cases: [(SubjectBinding, String?)] = [
            (.confirmed, nil), (.mismatch, "subject_identity_mismatch"),
            (.unavailable, "identity_binding_unavailable"),
        ]
        for (answer, reason) in cases {
            let world = try Presenting { $0.identities = Identities(answer: answer) }
            let named = world.root { $0["sub"] = "user:alice" }
            #expect(world.reason([named], try world.proof(under: named)) == reason)
            let unnamed = world.root()
            #expect(world.reason([unnamed], try world.proof(under: unnamed)) == nil, "nobody is named, nobody asked")
        }
    }
}
