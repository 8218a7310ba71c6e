import JOSE
import StrictJSON
import Scopes
import Testing

@testable import AgentID

/// Who may name whom: a domain its own agents, and of these only those that its registry knows.
@Suite struct DomainRulesTests {
    private let inside = Array(#"{"path":"/data/q3/a"}"#.utf8)

    private func refusal(_ guardian: Guard, _ chain: [UInt8], _ credentials: [String] = []) -> Denial? {
        do throws(Denial) {
            _ = try guardian.admit(chain: chain, credentials: Array(credentials.joined(separator: "~").utf8))
            return nil
        } catch { return error }
    }

    @Test func aBareKeySpeaksForNoDomainThatHasABundle() throws {
        let world = try World()
        let (bare, holder) = (try SigningKey.generate(), try SigningKey.generate())
        let now = world.clock.milliseconds / 1000
        func root(_ domain: String) -> [UInt8] {
            HandMade.root(
                bare, to: holder, agent: "spiffe://\(domain)/agent/x/1", at: now, ["iss": .string("spiffe://\(domain)")]
            )
        }
        let following = try world.authority.guarding(.forTests(world))
        for domain in ["acme.example", "other.example"] {
            try following.trust([bare.publicKey], issuer: "spiffe://\(domain)")
        }
        #expect(refusal(following, root("acme.example"))?.reason.rawValue == "untrusted_root")
        #expect(refusal(following, root("other.example")) == nil)
        // Held chains too, from the moment that the domain has a bundle.
        let alone = try Guard(.forTests(world))
        for issuer in ["spiffe://acme.example", "https://issuer.example"] {
            try alone.trust([bare.publicKey], issuer: issuer)
        }
        let admission = try alone.admit(chain: root("acme.example"))
        try alone.addBundle(Array(world.authority.bundle().utf8), for: "acme.example")
        let decision = alone.check(admission, proof: [], tool: "read", arguments: inside)
        #expect(decision.denial?.reason.rawValue == "untrusted_root")
        let unnamed = HandMade.root(
            bare, to: holder, agent: "spiffe://acme.example/agent/x/1", at: now, ["iss": "https://issuer.example"])
        #expect(refusal(alone, unnamed)?.reason.rawValue == "subject_identity_mismatch", "that issuer has no agents")
    }

    @Test func aGuardTakesNoBundleOfTheDomainThatItFollows() throws {
        let world = try World()
        let guardian = try world.authority.guarding(.forTests(world))
        let stranger = HandMade.bundle([try SigningKey.generate()], sequence: 1_000_000)
        let error = #expect(throws: AgentIDError.self) { try guardian.addBundle(stranger, for: "acme.example") }
        #expect(error?.name == "own_domain")
        let agent = try world.start()
        #expect(refusal(guardian, Array(try agent.chain().utf8)) == nil, "and its own keys are as they were")
    }

    @Test func aCredentialMakesNoAgentUpBesideTheRegistry() throws {
        // The authority's key, in hands that may sign with it beside the registry.
        let stolen = try SigningKey.generate()
        let world = try World { $0.signer = stolen }
        let guardian = try world.authority.guarding(.forTests(world))
        let (agent, victim) = (try world.start(), try world.start())
        let thief = try SigningKey.generate()
        let now = world.clock.milliseconds / 1000
        for name in ["spiffe://acme.example/agent/researcher/made-up", try victim.id()] {
            let chain = try agent.delegate(to: thief.publicKey, .sameScope(agent: name))
            let credential = HandMade.credential(stolen, of: name, to: thief, at: now)
            let denial = refusal(guardian, Array(chain.utf8), [String(decoding: credential, as: UTF8.self)])
            #expect(denial?.reason.rawValue == "subject_identity_mismatch" && denial?.link == 1)
        }
    }

    @Test func aRegisteredAgentsCredentialIsGoodBeforeAndAfterItsRotation() throws {
        let world = try World()
        let guardian = try world.authority.guarding(.forTests(world))
        let (agent, other) = (try world.start(), try world.start())
        let before = try #require(try other.credential())
        let chain = try agent.delegate(to: other.publicKey(), .sameScope(agent: other.id()))
        #expect(refusal(guardian, Array(chain.utf8), [before]) == nil)
        try other.rotateKey()
        let fresh = try world.authority.guarding(.forTests(world))
        #expect(refusal(fresh, Array(chain.utf8), [before]) == nil, "the key that it had then is registered, too")
    }

    @Test func whatTheRegistryNeverIssuedIsNobodysInTheLog() throws {
        let stolen = try SigningKey.generate()
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path) { $0.signer = stolen }
        let victim = try world.start()
        let guardian = try world.authority.guarding(.forTests(world))
        let holder = try SigningKey.generate()
        let chain = HandMade.root(
            stolen, to: holder, agent: try victim.id(), at: world.clock.milliseconds / 1000,
            ["urn:agentid:1": ["agent": .string(try victim.id()), "principal": "user:alice@acme.example"]])
        let decision = guardian.check(chain: chain, proof: [], tool: "read_file", arguments: inside)
        #expect(decision.denial?.reason.rawValue == "untrusted_root" && decision.agent == nil)
        #expect(decision.denial?.message.contains(stolen.publicKey.thumbprint) == true)
        try world.authority.integrate()
        let lines = try AuditReader(authority: directory.path).entries(from: 0)
        let entry = try #require(try lines.map { try JSON(parsing: $0).root }.last)
        #expect(entry["reason"]?.string == "untrusted_root")
        #expect(entry["agent"] == nil && entry["principal"] == nil && entry["issuer"] == nil)
    }

    @Test func theBrokerAnswersToItsOwnDomainAndSaysWhich() throws {
        final class Provider: SecretProvider {
            let domains = Locked<[String]>([])
            var releaseCommand: [String] { [] }
            func acquire(_ request: SecretRequest) throws -> Secret {
                domains.withLock { $0.append(request.domain) }
                return try Secret(Array("s".utf8).span)
            }
            func release(_ release: SecretRelease) throws {}
        }
        let world = try World()
        let victim = try world.start()
        let provider = Provider()
        try world.authority.add(provider, named: "db")
        // A guard without a registry, which may trust anybody for anything.
        let (bare, holder) = (try SigningKey.generate(), try SigningKey.generate())
        let guardian = try Guard(.forTests(world))
        for domain in ["partner.example", "acme.example"] {
            try guardian.trust([bare.publicKey], issuer: "spiffe://\(domain)")
        }
        let now = world.clock.milliseconds / 1000
        for domain in ["partner.example", "acme.example"] {
            let name = domain == "acme.example" ? try victim.id() : "spiffe://\(domain)/agent/x/1"
            let chain = HandMade.root(
                bare, to: holder, agent: name, at: now, tools: ["read_file": [:]],
                ["iss": .string("spiffe://\(domain)")])
            let agent = try Agent.open(key: holder, chain: String(decoding: chain, as: UTF8.self), clock: world.clock)
            let proof = try agent.prove(tool: "read_file", arguments: inside)
            let permit = try guardian.authorize(
                chain: chain, proof: Array(proof.utf8), tool: "read_file", arguments: inside)
            let denial = #expect(throws: Denial.self) {
                _ = try world.authority.acquire(for: permit, from: "db", resource: "r", timeToLive: 10)
            }
            #expect(denial?.reason.rawValue == "untrusted_root")
        }
        let own = try victim.authorize(tool: "read_file", arguments: inside)
        _ = try world.authority.acquire(for: own, from: "db", resource: "r", timeToLive: 10)
        #expect(provider.domains.withLock { $0 } == ["acme.example"])
    }
}
