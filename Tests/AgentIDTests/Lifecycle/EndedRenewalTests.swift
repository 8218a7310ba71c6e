import StrictJSON
import Scopes
import Synchronization
import Testing

@testable import AgentID

/// What does not go on is not renewed, and what was revoked does not come back.
@Suite struct EndedRenewalTests: Renewing {
    @Test func whatDoesNotGoOnIsNotRenewed() throws {
        let endings = [
            "suspended", "ended", "agent", "key", "principal", "owner", "withdrawn", "profile", "closed", "review",
        ]
        for name in endings {
            let world = try World { $0.leaseDuration = 86_400 }
            let agent = try start(in: world)
            let child = try agent.spawn("a", .sameScope())
            let (id, below) = try (agent.id(), child.id())
            try end(agent, by: name, in: world)
            for _ in 0..<5 {
                world.pass(seconds: 75)
                try? world.authority.lifecycle.renew()
            }
            for id in [id, below] {
                let grants = try world.authority.registry.read { try $0.grants(of: id) }
                #expect(grants.count == 1, "\(name)")
            }
        }
    }

    private func end(_ agent: Agent, by name: String, in world: World) throws {
        let authority = world.authority
        switch name {
        case "suspended": try authority.suspend(agent: agent.id())
        case "ended": _ = try authority.deprovision(agent: agent.id())
        case "agent": try authority.revoke(Revocation(.agent, agent.id()))
        case "key": try authority.revoke(Revocation(.key, agent.publicKey().thumbprint))
        case "principal": try authority.revoke(Revocation(.principal, "user:alice@acme.example"))
        case "owner": try authority.revoke(Revocation(.principal, "team:research@acme.example"))
        case "withdrawn": _ = try authority.withdraw(profile: "researcher")
        case "profile": try authority.revoke(Revocation(.profile, "researcher"))
        case "closed": authority.close()
        default:
            let now = world.hand.milliseconds.load(ordering: .relaxed) / 1000
            let ceiling = try Scope("read_file(path under '/data'); search(query: *)")
            try authority.put(
                Profile(name: "researcher", owner: "team:research@acme.example", ceiling: ceiling, reviewBy: now + 1))
        }
    }

    @Test func whoIsResumedGoesOnAlsoAfterItsGrantEnded() throws {
        let world = try World()
        let agent = try start(in: world)
        let child = try agent.spawn("a", .sameScope())
        try world.authority.suspend(agent: agent.id())
        try pass(900, in: world)
        #expect(try reason(agent) == "expired")
        #expect(try listed(agent, in: world).renewalFailure == "the agent is suspended")
        try world.authority.resume(agent: agent.id())
        try world.authority.lifecycle.renew()
        #expect(try (reason(agent), reason(child)) == (nil, nil))
        #expect(try listed(agent, in: world).renewalFailure == nil)
    }

    @Test func aLapsedLeaseIsNeverRenewedNorIsAnythingUnderIt() throws {
        let world = try World { $0.leaseDuration = 60 }
        let agent = try start(in: world)
        world.pass(seconds: 200)
        try world.authority.lifecycle.renew()
        #expect(try rows(of: agent, in: world).count == 1)
        #expect(try reason(agent) == "lease_lapsed")
    }

    @Test func aNarrowerProfileNarrowsAtTheNextRenewalAndAWiderOneGivesNothingBack() throws {
        let world = try World()
        let agent = try start(in: world)
        let child = try agent.spawn(
            "a", DelegationRequest(scope: Scope("read_file(path under '/data/q3'); search(query: *)")))
        let narrow = #"read_file(path all(under "/data/q3/a"))"#
        func put(_ ceiling: String, lifetime: Int64 = 3600, depth: Int = 4) throws {
            try world.authority.put(
                Profile(
                    name: "researcher", owner: "team:research@acme.example", ceiling: Scope(ceiling),
                    maxLifetime: lifetime, maxDepth: depth))
        }
        try put("read_file(path under '/data/q3/a'); write", lifetime: 200, depth: 2)
        try pass(300, in: world)
        for agent in [agent, child] {
            #expect(try agent.scope().text == narrow)
            #expect(try reason(agent) == nil)
        }
        let grant = try HeldGrant(reading: agent.chainBytes()).grant
        #expect((grant.expires - grant.issuedAt, grant.maxDepth) == (200, 2))
        try put("read_file; search")
        try pass(600, in: world)
        #expect(try child.scope().text == narrow)
        // Nothing is left: nothing is renewed, and it says why.
        try put("write")
        try pass(300, in: world)
        #expect(try reason(agent) == "expired")
        #expect(try listed(agent, in: world).renewalFailure?.isEmpty == false)
    }

    @Test func revokingAnyGrantOfAnAgentRevokesThoseThatRenewIt() throws {
        for parentFirst in [true, false] {
            let world = try World()
            let agent = try start(in: world)
            let child = try agent.spawn("a", .sameScope())
            let old = try HeldGrant(reading: (parentFirst ? agent : child).chainBytes()).grant.id
            try pass(225, in: world)
            #expect(try (reason(agent), reason(child)) == (nil, nil))
            try world.authority.revoke(Revocation(.grant, old))
            #expect(try reason(child) == "authority_revoked")
            #expect(try reason(agent) == (parentFirst ? "authority_revoked" : nil))
            try pass(225, in: world)
            #expect(try reason(child) == "authority_revoked")
        }
    }

    @Test func aChildThatWasRevokedDoesNotComeBackUnderAParentThatWasRenewed() throws {
        let revocations: [(Agent, Agent) throws -> Revocation] = [
            { child, _ in Revocation(unchecked: .agent, try child.id()) },
            { child, _ in Revocation(unchecked: .key, try child.publicKey().thumbprint) },
            { child, _ in Revocation(unchecked: .grant, try HeldGrant(reading: child.chainBytes()).grant.id) },
        ]
        for revocation in revocations {
            let world = try World()
            let agent = try start(in: world)
            let child = try agent.spawn("a", .sameScope())
            let below = try child.spawn("b", .sameScope())
            try world.authority.revoke(revocation(child, agent))
            try pass(450, in: world)
            #expect(try (reason(agent), reason(child) == nil, reason(below) == nil) == (nil, false, false))
            #expect(try (rows(of: child, in: world).count, rows(of: below, in: world).count) == (1, 1))
        }
    }

    @Test func aReplacedKeyIsRevokedWithAllThatWasRenewedUnderIt() throws {
        let world = try World()
        let agent = try start(in: world)
        try agent.rotateKey()
        let kept = [try agent.chain()]
        try pass(225, in: world)
        let guardian = try world.authority.guarding(Guard.Options.forTests(world))
        let all = kept + [try agent.chain()]
        for chain in all { _ = try guardian.admit(chain: bytes(chain)) }
        try agent.rotateKey(revokingOldKey: true)
        for chain in all { #expect(throws: Denial.self) { try guardian.admit(chain: bytes(chain)) } }
        #expect(try reason(agent) == nil)
        // And it is renewed as before.
        try pass(900, in: world)
        #expect(try reason(agent) == nil)
    }

    @Test func aRetiredKeySignsNoRenewalAndWhatItSignedStaysGood() throws {
        let world = try World()
        let agent = try start(in: world)
        let child = try agent.spawn("a", .sameScope())
        try world.authority.publishKey()
        try world.authority.activateKey()
        #expect(try reason(child) == nil)
        try pass(600, in: world)
        #expect(try (reason(agent), reason(child)) == (nil, nil))
    }

    @Test func whatAGuardDeniesIsNotShownAsLive() throws {
        let denials: [(World, Agent) throws -> Void] = [
            { try $0.authority.suspend(agent: $1.id()) },
            { world, _ in try world.authority.revoke(Revocation(.principal, "user:alice@acme.example")) },
            { world, _ in try world.authority.revoke(Revocation(.profile, "researcher")) },
            { try $0.authority.revoke(Revocation(.grant, HeldGrant(reading: $1.chainBytes()).grant.id)) },
            { try $0.authority.revoke(Revocation(.key, $1.publicKey().thumbprint)) },
            { world, _ in
                let key = try #require(try world.authority.registry.read { try $0.keys() }.first)
                try world.authority.revoke(Revocation(.issuer, key.key.thumbprint))
            },
            { world, _ in world.pass(seconds: 301) },
        ]
        for deny in denials {
            let world = try World()
            let agent = try start(in: world)
            let child = try agent.spawn("a", .sameScope())
            #expect(try listed(child, in: world).isLive)
            try deny(world, agent)
            #expect(try reason(child) != nil)
            #expect(try !listed(agent, in: world).isLive && !listed(child, in: world).isLive)
        }
    }
}
