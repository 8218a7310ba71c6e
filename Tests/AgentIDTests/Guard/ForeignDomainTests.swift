import AgentID
import Foundation
import JOSE
import Scopes
import StrictJSON
import Testing

/// A domain speaks for its own agents: what a partner signs names none of ours, and what nobody registered is nobody.
struct ForeignDomainTests {
    private let call = Array(#"{"path":"/data/q3/a"}"#.utf8)
    private let holder: SigningKey

    init() throws { holder = try SigningKey.generate() }

    private func bundle(_ key: SigningKey) -> [UInt8] {
        let x = Base64URL.encode(key.publicKey.bytes)
        return Array(
            #"{"spiffe_sequence":1,"keys":[{"kty":"OKP","crv":"Ed25519","x":"\#(x)","kid":"\#(key.publicKey.thumbprint)"}]}"#
                .utf8)
    }

    private func root(
        _ key: SigningKey, _ domain: String, now: Int64, jti: String = UUID().uuidString, claim: JSONTree.Members?
    ) -> [UInt8] {
        var payload: JSONTree.Members = [
            "jti": .string(jti), "iss": .string("spiffe://\(domain)"), "iat": .int(Int(now)),
            "exp": .int(Int(now) + 300), "del_depth": 0, "del_max_depth": 4, "cnf": ["jwk": holder.publicKey.jwk],
            "authorization_details": [["type": "attenuating_agent_token", "tools": ["read_file": [:], "wire": [:]]]],
        ]
        if let claim { payload["urn:agentid:1"] = .object(claim) }
        return CompactJWS.make(
            type: "aat+jwt", keyID: key.publicKey.thumbprint, payload: JSONTree.object(payload).canonical()
        ) { key.sign($0) }
    }

    private func reason(_ guardian: Guard, _ chain: [UInt8], _ world: World) throws -> String? {
        let agent = try Agent.open(key: holder, chain: String(decoding: chain, as: UTF8.self), clock: world.clock)
        let proof = try agent.prove(tool: "wire", arguments: call, audience: "files")
        return guardian.check(chain: chain, proof: Array(proof.utf8), tool: "wire", arguments: call)
            .denial?.reason.rawValue
    }

    @Test func aPartnerNamesNoneOfOurAgents() throws {
        let world = try World()
        let victim = try world.start()
        let partner = try SigningKey.generate()
        var options = Guard.Options()
        (options.audience, options.clock, options.requiresClaim) = ("files", world.clock, true)
        for guardian in [try world.authority.guarding(options), try world.guarding { $0.requiresClaim = true }] {
            try guardian.addBundle(bundle(partner), for: "partner.example")
            let now = world.clock.milliseconds / 1000
            let ours: JSONTree.Members = [
                "agent": .string(try victim.id()), "profile": "researcher", "principal": "user:alice@acme.example",
            ]
            for name in [try victim.id(), "spiffe://acme.example/agent/x/1", "spiffe://partner.example.acme.example/a"]
            {
                var claim = ours
                claim["agent"] = .string(name)
                let chain = root(partner, "partner.example", now: now, claim: claim)
                #expect(try reason(guardian, chain, world) == "subject_identity_mismatch")
            }
            let own = root(
                partner, "partner.example", now: now, claim: ["agent": "spiffe://partner.example/agent/x/1"])
            #expect(try reason(guardian, own, world) == nil, "a partner speaks for its own agents")
            let posing = root(
                partner, "acme.example", now: now, claim: ["agent": "spiffe://partner.example/agent/x/1"])
            #expect(try reason(guardian, posing, world) == "untrusted_root")
        }
    }

    @Test func whatWasSignedBesideTheRegistryIsNobody() throws {
        // A signing key that was stolen, or a signer that others may use: it makes roots that the registry never saw.
        let signer = try SigningKey.generate()
        let world = try World { $0.signer = signer }
        let victim = try world.start()
        var options = Guard.Options()
        (options.audience, options.clock) = ("files", world.clock)
        let guardian = try world.authority.guarding(options)
        let now = world.clock.milliseconds / 1000
        let known = try ChainDecoder.decode(Array(victim.chain().utf8)).text
        let jti = try #require(
            try JSON(parsing: known).root["links"]?.elements.map { $0 }.first?["claims"]?["jti"]?.string)
        for claim: JSONTree.Members? in [
            nil, ["agent": "spiffe://acme.example/agent/x/1"], ["agent": .string(try victim.id())],
        ] {
            #expect(
                try reason(guardian, root(signer, "acme.example", now: now, claim: claim), world) == "untrusted_root")
            let borrowed = root(signer, "acme.example", now: now, jti: jti, claim: claim)
            #expect(try reason(guardian, borrowed, world) == "untrusted_root", "a jti of ours is not a grant of ours")
        }
        let told = try world.guarding()
        let made = root(signer, "acme.example", now: now, claim: ["agent": "spiffe://acme.example/agent/x/1"])
        #expect(try reason(told, made, world) == nil, "a guard without the registry cannot know")
    }

    @Test func aForeignPermitGetsNoSecret() throws {
        final class Provider: SecretProvider {
            var releaseCommand: [String] { [] }
            func acquire(_ request: SecretRequest) throws -> Secret { try Secret(Array("s".utf8).span) }
            func release(_ release: SecretRelease) throws {}
        }
        let signer = try SigningKey.generate()
        let world = try World { $0.signer = signer }
        let victim = try world.start()
        try world.authority.add(Provider(), named: "db")
        let told = try world.guarding()
        // It permits, for it has no registry to ask: the broker asks.
        let chain = root(
            signer, "acme.example", now: world.clock.milliseconds / 1000, claim: ["agent": .string(try victim.id())])
        let agent = try Agent.open(key: holder, chain: String(decoding: chain, as: UTF8.self), clock: world.clock)
        let proof = try agent.prove(tool: "wire", arguments: call, audience: "files")
        let permit = try told.authorize(chain: chain, proof: Array(proof.utf8), tool: "wire", arguments: call)
        #expect(throws: Denial.self) {
            _ = try world.authority.acquire(for: permit, from: "db", resource: "r", timeToLive: 10)
        }
        let own = try victim.authorize(tool: "read_file", arguments: call)
        #expect(throws: Never.self) {
            _ = try world.authority.acquire(for: own, from: "db", resource: "r", timeToLive: 10)
        }
    }
}
