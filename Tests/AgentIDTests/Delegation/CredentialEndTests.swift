import JOSE
import StrictJSON
import Synchronization
import Testing

@testable import AgentID

/// What rests on a credential ends with it, with the key that signed it, and with whom it names.
struct CredentialEndTests {
    private let issuer: SigningKey
    private let old: SigningKey
    private let parent: SigningKey
    private let holder: SigningKey
    private let victim = "spiffe://acme.example/agent/admin/boss"
    private let hand = Locked(Int64(1_800_000_000))

    init() throws {
        (issuer, old) = (try SigningKey.generate(), try SigningKey.generate())
        (parent, holder) = (try SigningKey.generate(), try SigningKey.generate())
    }

    private var now: Int64 { hand.withLock { $0 } }

    private func guardian() throws -> Guard {
        var options = Guard.Options()
        (options.audience, options.requiresClaim) = ("g", true)
        options.clock = CallbackClock { [hand] in hand.withLock { $0 * 1000 } }
        let guardian = try Guard(options)
        try guardian.addBundle(HandMade.bundle([issuer, old], sequence: 1), for: "acme.example")
        return guardian
    }

    private func chain() throws -> [UInt8] {
        let root = HandMade.root(issuer, to: parent, agent: "spiffe://acme.example/agent/p/a", at: now)
        return try HandMade.child(of: root, by: parent, to: holder, agent: victim)
    }

    private func reason(_ body: () throws(Denial) -> Admission) -> String? {
        do throws(Denial) {
            _ = try body()
            return nil
        } catch { return error.reason.rawValue }
    }

    private func ask(_ guardian: Guard, _ admission: Admission) -> String? {
        // No proof at all: what is said before it is looked at is what the chain is worth.
        guardian.check(admission, proof: [], tool: "read", arguments: Array("{}".utf8)).denial?.reason.rawValue
    }

    @Test func aCredentialOfARevokedIssuerAdmitsNobody() throws {
        let (guardian, chain) = (try guardian(), try chain())
        let shown = HandMade.credential(old, of: victim, to: holder, at: now)
        #expect(reason { () throws(Denial) in try guardian.admit(chain: chain, credentials: shown) } == nil)
        guardian.revoke(try Revocation(.issuer, old.publicKey.thumbprint))
        #expect(
            reason { () throws(Denial) in try guardian.admit(chain: chain, credentials: shown) } == "authority_revoked")
    }

    @Test(arguments: [Revocation.Kind.issuer, .key, .agent]) func revocationReachesAHeldAdmission(
        _ kind: Revocation.Kind
    ) throws {
        let (guardian, chain) = (try guardian(), try chain())
        let shown = HandMade.credential(old, of: victim, to: holder, at: now)
        let admission = try guardian.admit(chain: chain, credentials: shown)
        #expect(ask(guardian, admission) == "pop_missing")
        let named = [
            Revocation.Kind.issuer: old.publicKey.thumbprint, .key: holder.publicKey.thumbprint,
            .agent: "spiffe://acme.example/agent/admin",
        ]
        guardian.revoke(try Revocation(kind, try #require(named[kind])))
        #expect(ask(guardian, admission) == "authority_revoked")
    }

    @Test func aCredentialThatSaysWhenItBeginsAdmitsNobodyBefore() throws {
        let (guardian, chain) = (try guardian(), try chain())
        for (begins, expected) in [
            (JSONTree.int(Int(now) - 10), nil), (.int(Int(now) + 3600), "not_yet_valid"),
            (.string("soon"), "subject_identity_mismatch"), (.null, "subject_identity_mismatch"),
        ] as [(JSONTree, String?)] {
            let shown = HandMade.credential(issuer, of: victim, to: holder, at: now, ["nbf": begins])
            #expect(
                reason { () throws(Denial) in try guardian.admit(chain: chain, credentials: shown) } == expected)
        }
    }

    @Test func anAdmissionEndsWithItsCredential() throws {
        let (guardian, chain) = (try guardian(), try chain())
        let shown = HandMade.credential(issuer, of: victim, to: holder, at: now, lifetime: 2)
        let admission = try guardian.admit(chain: chain, credentials: shown)
        #expect(ask(guardian, admission) == "pop_missing")
        hand.withLock { $0 += 2 }
        #expect(ask(guardian, admission) == "expired")
    }

    @Test func aCredentialSpeaksForTheDomainOfItsIssuer() throws {
        let (guardian, chain) = (try guardian(), try chain())
        for issuer in ["spiffe://partner.example", "spiffe://acme.example/", "spiffe://acme.exam\u{70}le2"] {
            let shown = HandMade.credential(self.issuer, of: victim, to: holder, at: now, ["iss": .string(issuer)])
            #expect(
                reason { () throws(Denial) in try guardian.admit(chain: chain, credentials: shown) }
                    == "subject_identity_mismatch")
        }
    }

    /// A list of the domain that signed the credential, whose chain comes from another one.
    @Test func aListOfTheCredentialsDomainReachesAForeignChain() throws {
        let (guardian, foreign) = (try guardian(), try SigningKey.generate())
        try guardian.addBundle(HandMade.bundle([foreign], sequence: 1), for: "beta.example")
        let root = HandMade.root(
            foreign, to: parent, agent: "spiffe://beta.example/agent/p/a", at: now, ["iss": "spiffe://beta.example"])
        let chain = try HandMade.child(of: root, by: parent, to: holder, agent: victim)
        let shown = HandMade.credential(old, of: victim, to: holder, at: now)
        let admission = try guardian.admit(chain: chain, credentials: shown)
        func load(_ sequence: Int64, _ revoked: [Revocation]) throws {
            let list = try SignedRevocations.issue(
                revoked, of: TrustDomain("acme.example"), sequence: sequence, issued: now, expires: now + 60, by: issuer
            )
            try guardian.loadRevocations(Array(list.utf8))
        }
        try load(1, [])
        #expect(ask(guardian, admission) == "pop_missing")
        hand.withLock { $0 += 60 }
        #expect(ask(guardian, admission) == "revocation_view_stale")
        try load(2, [])
        #expect(ask(guardian, admission) == "pop_missing")
        try load(3, [Revocation(.agent, victim)])
        #expect(ask(guardian, admission) == "authority_revoked")
        #expect(
            reason { () throws(Denial) in try guardian.admit(chain: chain, credentials: shown) } == "authority_revoked")
    }

    @Test func aBundleReplacedWhileACredentialIsVerifiedLeavesNoAdmission() async throws {
        let chain = try chain()
        let shown = HandMade.credential(old, of: victim, to: holder, at: now)
        for _ in 0..<300 {
            let guardian = try guardian()
            // The chain's own key stays: only the credential's goes.
            let fresh = HandMade.bundle([issuer], sequence: 2)
            let admissions = await withTaskGroup(of: Admission?.self) { group in
                for _ in 0..<3 { group.addTask { try? guardian.admit(chain: chain, credentials: shown) } }
                group.addTask {
                    try? guardian.addBundle(fresh, for: "acme.example")
                    return nil
                }
                return await group.reduce(into: []) { $0 += $1.map { [$0] } ?? [] }
            }
            for admission in admissions { #expect(ask(guardian, admission) == "subject_identity_mismatch") }
        }
    }
}
