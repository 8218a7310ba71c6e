import AgentID
import Foundation
import JOSE
import Scopes
import StrictJSON
import Testing

/// A key that has ended is good for nothing: roots, credentials, chains in the cache, admissions.
struct AnchorEndTests {
    private let holder: SigningKey
    private let call = Array("{}".utf8)

    init() throws { holder = try SigningKey.generate() }

    private func bundle(_ keys: [SigningKey], sequence: Int, members: String = "") -> [UInt8] {
        let jwks = keys.map { key in
            #"{"kty":"OKP","crv":"Ed25519","x":"\#(Base64URL.encode(key.publicKey.bytes))","#
                + #""kid":"\#(key.publicKey.thumbprint)"\#(members)}"#
        }
        return Array(#"{"spiffe_sequence":\#(sequence),"keys":[\#(jwks.joined(separator: ","))]}"#.utf8)
    }

    private func guardian(_ now: @escaping @Sendable () -> Int64 = { SystemClock().milliseconds }) throws -> Guard {
        var options = Guard.Options()
        options.audience = "g"
        options.clock = CallbackClock(now)
        return try Guard(options)
    }

    private func root(
        _ key: SigningKey, kid: String? = nil, issuer: String = "spiffe://acme.example", issuedAt: Int64? = nil,
        agent: String? = nil
    ) throws -> [UInt8] {
        let now = issuedAt ?? SystemClock().milliseconds / 1000
        var payload: JSONTree.Members = [
            "jti": .string("j\(UInt64.random(in: 0 ... .max))"), "iss": .string(issuer), "iat": .int(Int(now)),
            "exp": .int(Int(now) + 3600), "del_depth": 0, "del_max_depth": 4, "cnf": ["jwk": holder.publicKey.jwk],
            "authorization_details": [["type": "attenuating_agent_token", "tools": ["read": [:]]]],
        ]
        if let agent { payload["urn:agentid:1"] = ["agent": .string(agent)] }
        return CompactJWS.make(
            type: "aat+jwt", keyID: kid ?? key.publicKey.thumbprint, payload: JSONTree.object(payload).canonical()
        ) { key.sign($0) }
    }

    private func proof(_ chain: [UInt8]) throws -> [UInt8] {
        let agent = try Agent.open(key: holder, chain: String(decoding: chain, as: UTF8.self))
        return Array(try agent.prove(tool: "read", arguments: call, audience: "g").utf8)
    }

    private func reason(_ guardian: Guard, _ chain: [UInt8]) throws -> String? {
        guardian.check(chain: chain, proof: try proof(chain), tool: "read", arguments: call).denial?.reason.rawValue
    }

    private func admitted(_ guardian: Guard, _ admission: Admission, _ chain: [UInt8]) throws -> String? {
        guardian.check(admission, proof: try proof(chain), tool: "read", arguments: call).denial?.reason.rawValue
    }

    @Test func aRevokedKeySignsUnderNoSpellingOfItsName() throws {
        var stolen = try SigningKey.generate()
        while !stolen.publicKey.thumbprint.contains("K") { stolen = try SigningKey.generate() }
        let guardian = try guardian()
        try guardian.addBundle(bundle([stolen, try SigningKey.generate()], sequence: 1), for: "acme.example")
        #expect(try reason(guardian, root(stolen)) == nil)
        guardian.revoke(try Revocation(.issuer, stolen.publicKey.thumbprint))
        #expect(try reason(guardian, root(stolen)) == "authority_revoked")
        let kelvin = stolen.publicKey.thumbprint.replacingOccurrences(of: "K", with: "\u{212A}")
        #expect(try reason(guardian, root(stolen, kid: kelvin)) == "untrusted_root")
    }

    @Test func whatLeftABundleIsDeniedWhereverItIsKept() throws {
        let (old, new) = (try SigningKey.generate(), try SigningKey.generate())
        let guardian = try guardian()
        try guardian.addBundle(bundle([old, new], sequence: 1), for: "acme.example")
        let (gone, kept) = (try root(old), try root(new))
        let (goneAdmission, keptAdmission) = (try guardian.admit(chain: gone), try guardian.admit(chain: kept))
        #expect(try admitted(guardian, goneAdmission, gone) == nil)
        try guardian.addBundle(bundle([new], sequence: 2), for: "acme.example")
        #expect(try reason(guardian, gone) == "untrusted_root")
        #expect(try admitted(guardian, goneAdmission, gone) == "untrusted_root")
        #expect(try reason(guardian, kept) == nil)
        #expect(try admitted(guardian, keptAdmission, kept) == nil)
    }

    @Test func aBundleSaysWhenItsKeysEndAndRetire() throws {
        let key = try SigningKey.generate()
        let now = Locked(Int64(1_800_000_000_000))
        let guardian = try guardian { now.withLock { $0 } }
        let members = #","exp":1800000100,"retired_at":1800000010"#
        try guardian.addBundle(bundle([key], sequence: 1, members: members), for: "acme.example")
        func verdict(_ chain: [UInt8]) -> String? {
            do throws(Denial) {
                _ = try guardian.admit(chain: chain)
                return nil
            } catch { return error.reason.rawValue }
        }
        let before = try root(key, issuedAt: 1_800_000_010)
        #expect(verdict(before) == nil)
        #expect(verdict(try root(key, issuedAt: 1_800_000_011)) == "untrusted_root", "signed after it was retired")
        let admission = try guardian.admit(chain: before)
        now.withLock { $0 = 1_800_000_100_000 }
        #expect(verdict(before) == "untrusted_root", "the key has ended, and the chain is in the cache")
        let decision = guardian.check(admission, proof: [1], tool: "read", arguments: call)
        #expect(decision.denial?.reason.rawValue == "untrusted_root")
    }

    @Test func aBundleNamesItsKeysByTheirThumbprints() throws {
        let (key, guardian) = (try SigningKey.generate(), try guardian())
        let named = String(decoding: bundle([key], sequence: 1), as: UTF8.self)
            .replacingOccurrences(of: key.publicKey.thumbprint, with: "key-1")
        #expect(throws: AgentIDError.self) { try guardian.addBundle(Array(named.utf8), for: "acme.example") }
    }

    @Test func oneKeyInTwoBundlesSpeaksForTheDomainThatTheRootNames() throws {
        let key = try SigningKey.generate()
        for _ in 0..<20 {
            let guardian = try guardian()
            for domain in ["b.example", "acme.example", "c.example"] {
                try guardian.addBundle(bundle([key], sequence: 1), for: domain)
            }
            for domain in ["acme.example", "b.example", "c.example"] {
                let named = try root(key, issuer: "spiffe://\(domain)", agent: "spiffe://\(domain)/agent/p/1")
                #expect(try reason(guardian, named) == nil)
                let foreign = try root(key, issuer: "spiffe://\(domain)", agent: "spiffe://d.example/agent/p/1")
                #expect(try reason(guardian, foreign) == "subject_identity_mismatch")
            }
            #expect(try reason(guardian, root(key, issuer: "spiffe://d.example")) == "untrusted_root")
        }
    }

    @Test func anAdmissionIsItsGuardsOwn() throws {
        let key = try SigningKey.generate()
        let (one, other) = (try guardian(), try guardian())
        try one.addBundle(bundle([key], sequence: 1), for: "acme.example")
        let chain = try root(key)
        let admission = try one.admit(chain: chain)
        #expect(try admitted(one, admission, chain) == nil)
        #expect(try admitted(other, admission, chain) == "untrusted_root")
    }

    @Test func aBundleReplacedDuringVerificationLeavesNothingBehind() async throws {
        let (old, new) = (try SigningKey.generate(), try SigningKey.generate())
        for _ in 0..<200 {
            let guardian = try guardian()
            try guardian.addBundle(bundle([old], sequence: 1), for: "acme.example")
            let chain = try root(old)
            let proofs = try (0..<4).map { _ in try proof(chain) }
            await withTaskGroup(of: Void.self) { group in
                for proof in proofs {
                    group.addTask {
                        _ = guardian.check(chain: chain, proof: proof, tool: "read", arguments: Array("{}".utf8))
                    }
                }
                let fresh = bundle([new], sequence: 2)
                group.addTask { try? guardian.addBundle(fresh, for: "acme.example") }
            }
            #expect(try reason(guardian, chain) == "untrusted_root")
        }
    }
}
