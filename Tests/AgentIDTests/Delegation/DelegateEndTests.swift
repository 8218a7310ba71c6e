import JOSE
import Scopes
import Testing

@testable import AgentID

/// An agent's key is the agent's wherever it stands: what others delegated to it ends with the agent.
struct DelegateEndTests {
    private let call = Array(#"{"path":"/data/q3/a"}"#.utf8)

    private func delegate(_ world: World, principal: String = "user:bob@acme.example") throws -> Agent {
        try world.authority.put(
            Profile(
                name: "helper", owner: "team:helpers@acme.example", ceiling: Scope("read_file(path under '/data')")))
        return try world.authority.startAgent(
            profile: "helper",
            AgentRequest(principal: principal, task: "help", scope: Scope("read_file(path under '/data')")))
    }

    /// How the delegate acts under what it was handed, with its own key: also when its handle is gone.
    private func holder(_ agent: Agent, _ chain: String, _ world: World) throws -> Agent {
        let jwk = try agent.withExportedKey { span in span.indices.map { span[$0] } }
        return try Agent.open(key: SigningKey(jwk: jwk.span), chain: chain, clock: world.clock)
    }

    private func guardian(_ world: World) throws -> Guard {
        try world.authority.guarding(.forTests(world) { $0.audience = "files" })
    }

    private func reason(_ guardian: Guard, _ holder: Agent) throws -> String? {
        let proof = try holder.prove(tool: "read_file", arguments: call, audience: "files")
        let decision = guardian.check(
            chain: try holder.chain(), proof: proof, tool: "read_file", arguments: call)
        return decision.denial?.reason.rawValue
    }

    enum End: CaseIterable {
        case end, deprovision, suspend, lapse, principal, profile, owner, principalLeaves, ancestor
        var reason: String {
            switch self {
            case .suspend: "suspended"
            case .lapse: "lease_lapsed"
            default: "authority_revoked"
            }
        }
    }

    private func end(_ delegate: Agent, _ id: String, _ how: End, _ world: World) throws {
        let authority = world.authority
        switch how {
        case .end: try delegate.end()
        case .deprovision: _ = try authority.deprovision(agent: id)
        case .suspend: try authority.suspend(agent: id)
        case .lapse:
            delegate.close()
            world.pass(seconds: 301)
        case .principal: try authority.revoke(Revocation(.principal, "user:bob@acme.example"))
        case .profile: try authority.revoke(Revocation(.profile, "helper"))
        case .owner: try authority.revoke(Revocation(.principal, "team:helpers@acme.example"))
        case .principalLeaves: _ = try authority.deprovision(principal: "user:bob@acme.example")
        case .ancestor: try authority.revoke(Revocation(.agent, "spiffe://acme.example/agent/helper"))
        }
    }

    /// Once looked at before the end, so that it is cached, and once first seen after it.
    @Test(arguments: End.allCases, [true, false])
    func whatWasDelegatedToItsKeyWithoutItsNameEndsWithTheAgent(_ how: End, isCached: Bool) throws {
        let world = try World()
        let (guardian, delegate) = (try guardian(world), try delegate(world))
        let above = try world.authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:alice@acme.example", task: "Q3", scope: Scope("read_file(path under '/data/q3')"),
                lifetime: 3000))
        let chain = try above.delegate(to: delegate.publicKey(), .sameScope())
        // Further on, to a key that nobody knows: the agent is in the middle.
        let stranger = try SigningKey.generate()
        let between = try holder(delegate, chain, world)
        let further = try Agent.open(
            key: stranger, chain: between.delegate(to: stranger.publicKey, .sameScope()), clock: world.clock)
        let id = try delegate.id()
        if isCached { #expect(try reason(guardian, between) == nil && reason(guardian, further) == nil) }
        try end(delegate, id, how, world)
        if how == .lapse { try world.authority.renewLease(of: above) }
        #expect(try reason(guardian, between) == how.reason)
        #expect(try reason(guardian, further) == how.reason)
    }

    @Test(arguments: [End.principal, .profile, .owner, .end, .suspend])
    func whatItStandsOnReachesItWhereItsCredentialIsShown(_ how: End) throws {
        let world = try World()
        let (guardian, delegate) = (try guardian(world), try delegate(world))
        let id = try delegate.id()
        let above = try world.start()
        let chain = try above.delegate(to: delegate.publicKey(), DelegationRequest.sameScope(agent: id))
        let credential = try #require(try delegate.credential())
        let between = try holder(delegate, chain, world)
        let admission = try guardian.admit(chain: Array(chain.utf8), credentials: Array(credential.utf8))
        func ask() throws -> String? {
            let proof = try between.prove(tool: "read_file", arguments: call, audience: "files")
            return guardian.check(admission, proof: Array(proof.utf8), tool: "read_file", arguments: call)
                .denial?.reason.rawValue
        }
        #expect(try ask() == nil)
        try end(delegate, id, how, world)
        #expect(try ask() == how.reason)
        #expect(throws: Denial.self) {
            try guardian.admit(chain: Array(chain.utf8), credentials: Array(credential.utf8))
        }
    }

    @Test func aKeyThatWasReplacedIsTheAgentsStill() throws {
        let world = try World()
        let (guardian, delegate) = (try guardian(world), try delegate(world))
        let above = try world.start()
        let first = try holder(delegate, above.delegate(to: delegate.publicKey(), .sameScope()), world)
        try delegate.rotateKey()
        let second = try holder(delegate, above.delegate(to: delegate.publicKey(), .sameScope()), world)
        try delegate.rotateKey()
        #expect(try reason(guardian, first) == nil && reason(guardian, second) == nil)
        try delegate.end()
        #expect(try reason(guardian, first) == "authority_revoked")
        #expect(try reason(guardian, second) == "authority_revoked")
    }

    @Test func aForeignChainGetsNothingOutOfTheKeyOfAnAgentThatEnded() throws {
        let (world, partner) = (try World(), try World { $0.trustDomain = "partner.example" })
        let (guardian, delegate) = (try guardian(world), try delegate(world))
        try guardian.addBundle(Array(partner.authority.bundle().utf8), for: "partner.example")
        let foreign = try holder(delegate, partner.start().delegate(to: delegate.publicKey(), .sameScope()), world)
        #expect(try reason(guardian, foreign) == nil)
        try delegate.end()
        #expect(try reason(guardian, foreign) == "authority_revoked")
    }

    @Test func aMadeUpNameDoesNotHideWhoseKeyItIs() throws {
        let world = try World()
        let (guardian, delegate) = (try guardian(world), try delegate(world))
        let above = try world.start()
        let name = try above.id() + "/somebody/else"
        let between = try holder(
            delegate, above.delegate(to: delegate.publicKey(), DelegationRequest.sameScope(agent: name)), world)
        #expect(try reason(guardian, between) == nil)
        try delegate.end()
        #expect(try reason(guardian, between) == "authority_revoked")
    }

    /// Agents that the authority itself issued to one key stand each for itself.
    @Test func whatIsIssuedAnewToAKeyIsGood() throws {
        let world = try World()
        let guardian = try guardian(world)
        let key = try SigningKey.generate()
        func issue() throws -> Agent {
            let chain = try world.authority.issueGrant(
                profile: "researcher", to: key.publicKey,
                AgentRequest(
                    principal: "user:alice@acme.example", task: "Q3", scope: Scope("read_file(path under '/data/q3')")))
            return try Agent.open(key: key, chain: chain, clock: world.clock)
        }
        let old = try issue()
        _ = try world.authority.deprovision(agent: old.id())
        let new = try issue()
        #expect(try reason(guardian, old) == "authority_revoked")
        #expect(try reason(guardian, new) == nil)
    }

    @Test func theBrokerBooksOnWhoseKeyItIsAndRefusesOneThatEnded() throws {
        let world = try World()
        let (guardian, delegate) = (try guardian(world), try delegate(world))
        try world.authority.add(Provider(), named: "vault")
        let between = try holder(delegate, world.start().delegate(to: delegate.publicKey(), .sameScope()), world)
        let proof = try between.prove(tool: "read_file", arguments: call, audience: "files")
        let permit = try guardian.authorize(
            chain: try between.chain(), proof: proof, tool: "read_file", arguments: call)
        _ = try world.authority.acquire(for: permit, from: "vault", resource: "db", timeToLive: 10)
        let id = try delegate.id()
        #expect(try world.authority.registry.read { try $0.brokerLeases(of: id, limit: 9) }.count == 1)
        try delegate.end()
        #expect(throws: Denial.self) {
            try world.authority.acquire(for: permit, from: "vault", resource: "db", timeToLive: 10)
        }
        #expect(try world.authority.verifyGone(agent: id).isGone)
    }

    private struct Provider: SecretProvider {
        let releaseCommand: [String] = []
        func acquire(_ request: SecretRequest) throws -> Secret { try Secret([1, 2, 3].span) }
        func release(_ release: SecretRelease) throws {}
    }
}

extension Authority {
    /// Makes a lease run on that a test's clock let lapse.
    fileprivate func renewLease(of agent: Agent) throws {
        let (id, now) = (try agent.id(), clock.milliseconds)
        try registry.write { registry in
            try registry.put(LeaseRecord(agent: id, expires: now + 300_000, renewed: now, holder: "test"))
            try registry.announce()
        }
    }
}
