import JOSE
import Scopes
import Testing

@testable import AgentID

/// An agent's right to exist ends by itself, and nothing but its handle's process renews it.
@Suite struct LeaseTests {
    let inside = bytes(#"{"path":"/data/q3/a"}"#)

    private func reason(_ agent: Agent) throws -> String? {
        try agent.check(tool: "read_file", arguments: inside).denial?.reason.rawValue
    }

    private func world(lease: Int64 = 300) throws -> World {
        try World { $0.leaseDuration = lease }
    }

    private func longLived(in world: World, until: Int64? = nil) throws -> Agent {
        try world.authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope("read_file(path under '/data')"),
                lifetime: 3600, until: until))
    }

    @Test func lapseDeniesTheAgentAndAllBelowItAtOnce() throws {
        let world = try world()
        let agent = try longLived(in: world)
        let child = try agent.spawn("a", .sameScope()).spawn("b", .sameScope())
        let guardian = try world.authority.guarding(Guard.Options.forTests(world))
        let admission = try guardian.admit(chain: bytes(child.chain()))
        func admitted() throws -> String? {
            let proof = try child.prove(tool: "read_file", arguments: inside)
            return guardian.check(admission, proof: bytes(proof), tool: "read_file", arguments: inside).denial?
                .reason.rawValue
        }
        world.pass(milliseconds: 299_999)
        #expect(try reason(child) == nil)
        #expect(try admitted() == nil)
        world.pass(milliseconds: 1)
        #expect(try reason(agent) == "lease_lapsed")
        #expect(try reason(child) == "lease_lapsed")
        #expect(try admitted() == "lease_lapsed")
        // Nothing brings it back.
        try world.authority.lifecycle.renew()
        #expect(try reason(agent) == "lease_lapsed")
    }

    @Test func lapseOfAnAncestorDeniesChildrenWhoseOwnLeaseRuns() throws {
        let world = try world()
        let agent = try longLived(in: world)
        world.pass(seconds: 200)
        let child = try agent.spawn("late", .sameScope())
        #expect(try reason(child) == nil)
        world.pass(seconds: 100)
        let denied = try child.check(tool: "read_file", arguments: inside).denial
        #expect(denied?.reason.rawValue == "lease_lapsed")
        #expect(denied?.link == 0)
    }

    @Test func renewalKeepsLiveHandlesAndOnlyThese() throws {
        let world = try world()
        let (kept, closed, revoked) = try (longLived(in: world), longLived(in: world), longLived(in: world))
        let orphan = try longLived(in: world).chain()
        let guardian = try world.authority.guarding(Guard.Options.forTests(world))
        _ = try guardian.admit(chain: bytes(orphan))
        for _ in 0..<5 {
            world.pass(seconds: 100)
            try world.authority.lifecycle.renew()
        }
        #expect(try reason(kept) == nil)
        #expect(throws: Denial.self) { try guardian.admit(chain: bytes(orphan)) }

        let closedID = try closed.id()
        closed.close()
        try world.authority.revoke(Revocation(.key, revoked.publicKey().thumbprint))
        let before = try [closedID, revoked.id()].map { id in try world.authority.registry.read { try $0.lease(of: id) }
        }
        world.pass(seconds: 100)
        try world.authority.lifecycle.renew()
        let after = try [closedID, revoked.id()].map { id in try world.authority.registry.read { try $0.lease(of: id) }
        }
        #expect(before == after)
    }

    @Test func renewalDoesNotMakeGuardsLookAgain() throws {
        let world = try world()
        let agent = try longLived(in: world)
        let before = (world.authority.registry.changes, try world.authority.registry.read { try $0.meta().sequence })
        world.pass(seconds: 100)
        try world.authority.lifecycle.renew()
        let after = (world.authority.registry.changes, try world.authority.registry.read { try $0.meta().sequence })
        #expect(before == after)
        #expect(try reason(agent) == nil)
    }

    @Test func credentialIsReplacedAtItsHalfLifeAndNeverOutlivesTheGrant() throws {
        let world = try world()
        let agent = try longLived(in: world, until: 1_790_003_600)
        let first = try #require(try agent.credential())
        world.pass(seconds: 100)
        try world.authority.lifecycle.renew()
        #expect(try agent.credential() == first)
        world.pass(seconds: 60)
        try world.authority.lifecycle.renew()
        let second = try #require(try agent.credential())
        #expect(second != first)
        let claims = try CompactJWS(Array(second.utf8)).payload(limits: .init()).root
        #expect(try claims["sub"]?.string == agent.id())
        for _ in 0..<34 {
            world.pass(seconds: 100)
            try world.authority.lifecycle.renew()
        }
        let last = try CompactJWS(Array(try #require(try agent.credential()).utf8)).payload(limits: .init()).root
        #expect(last["exp"]?.int == 1_790_003_600)
    }

    @Test func issuedGrantsLeaseRunsAsLongAsTheGrant() throws {
        let world = try world(lease: 10)
        let key = try SigningKey.generate()
        let issued = try world.authority.issue(
            profile: "researcher", to: key.publicKey,
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope("read_file(path under '/data')"),
                lifetime: 600))
        let guardian = try world.authority.guarding(Guard.Options.forTests(world))
        world.pass(seconds: 599)
        _ = try guardian.admit(chain: bytes(issued.chain))
        world.pass(seconds: 1)
        #expect(throws: Denial.self) { try guardian.admit(chain: bytes(issued.chain)) }
    }

    @Test func suspendedAgentIsDeniedWithAllBelowUntilItIsResumed() throws {
        let world = try world()
        let agent = try longLived(in: world)
        let child = try agent.spawn("a", .sameScope())
        func set(_ state: AgentRecord.State) throws {
            let id = try agent.id()
            try world.authority.registry.write { registry in
                var record = try #require(try registry.agent(id))
                record.state = state
                try registry.update(record)
                try registry.announce()
            }
        }
        #expect(try reason(child) == nil)
        try set(.suspended)
        #expect(try reason(child) == "suspended")
        #expect(throws: AgentIDError.self) { try agent.spawn("b", .sameScope()) }
        #expect(throws: AgentIDError.self) { try agent.rotateKey() }
        try set(.active)
        #expect(try reason(child) == nil)
        try set(.deprovisioned)
        #expect(try reason(child) == "authority_revoked")
    }

    @Test func closedAuthorityRenewsNothing() throws {
        let world = try world()
        let agent = try longLived(in: world)
        world.authority.close()
        #expect(try reason(agent) == nil)
        world.pass(seconds: 300)
        #expect(try reason(agent) == "lease_lapsed")
        #expect(throws: AgentIDError.self) { try longLived(in: world) }
    }

    @Test func threadRenewsWithoutBeingAsked() async throws {
        // On the machine's clock: a lease of one second is renewed three times as often.
        var options = Authority.Options()
        (options.trustDomain, options.leaseDuration) = ("acme.example", 1)
        let authority = try Authority.open(directory: nil, options: options)
        try authority.put(Profile(name: "p", owner: "team:x", ceiling: Scope("a")))
        let agent = try authority.startAgent(
            profile: "p", AgentRequest(principal: "user:x", task: "t", scope: Scope("a")))
        let id = try agent.id()
        func renewed() throws -> Int64 { try authority.registry.read { try $0.lease(of: id) }?.renewed ?? 0 }
        let first = try renewed()
        while try renewed() == first { try await Task.sleep(for: .milliseconds(20)) }
        withExtendedLifetime(agent) {}
    }
}
