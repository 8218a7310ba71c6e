import Foundation
import JOSE
import Scopes
import Testing

@testable import AgentID

/// What an agent's old key is good for after it was replaced.
struct ReplacedKeyTests {
    private let call = Array(#"{"path":"/data/q3/a"}"#.utf8)

    private func permits(_ guardian: Guard, _ agent: Agent) throws -> Bool {
        let proof = try agent.prove(tool: "read_file", arguments: call, audience: "files")
        let chain = try agent.chain()
        return guardian.check(chain: chain, proof: proof, tool: "read_file", arguments: call).isPermitted
    }

    private func permitsHere(_ agent: Agent) throws -> Bool {
        try agent.check(tool: "read_file", arguments: call).isPermitted
    }

    /// Somebody with a copy of the agent's key.
    private func thief(_ agent: Agent, _ world: World) throws -> Agent {
        let jwk = try agent.withExportedKey { span in span.indices.map { span[$0] } }
        return try Agent.open(key: SigningKey(jwk: jwk.span), chain: agent.chain(), clock: world.clock)
    }

    @Test func byItselfTheOldKeyStaysGoodUntilItsGrantExpires() throws {
        let world = try World()
        let guardian = try world.authority.guarding(.forTests(world) { $0.audience = "files" })
        let agent = try world.start()
        let thief = try thief(agent, world)
        try agent.rotateKey()
        #expect(try permits(guardian, agent) && permits(guardian, thief))
        world.pass(seconds: 300)
        #expect(try !permits(guardian, thief))
    }

    @Test(arguments: [Revocation.Kind.grant, .key, .issuer, .agent, .principal, .profile])
    func whatIsRevokedDoesNotComeBackUnderAnotherKey(kind: Revocation.Kind) throws {
        let world = try World()
        let agent = try world.start()
        let held = try HeldGrant(reading: Array(agent.chain().utf8))
        if kind == .issuer {
            try world.authority.publishKey()
            try world.authority.activateKey()
        }
        let value =
            switch kind {
            case .grant: held.grant.id
            case .key: try agent.publicKey().thumbprint
            case .issuer: try #require(try CompactJWS(Array(agent.chain().utf8)).keyID)
            case .agent: try agent.id()
            case .principal: "user:alice@acme.example"
            case .profile: try #require(held.grant.claim?.profile)
            }
        try world.authority.revoke(Revocation(kind, value))
        #expect(try !permitsHere(agent))
        #expect(throws: AgentIDError.self) { try agent.rotateKey(revokingOldKey: true) }
        #expect(try !permitsHere(agent))
    }

    @Test func everyKeyThatItEverHadEndsWithTheOldOne() throws {
        let world = try World()
        let guardian = try world.authority.guarding(.forTests(world) { $0.audience = "files" })
        let (agent, other) = (try world.start(), try world.start())
        let jwk = try agent.withExportedKey { span in span.indices.map { span[$0] } }
        let delegated = try Agent.open(
            key: SigningKey(jwk: jwk.span), chain: other.delegate(to: agent.publicKey(), .sameScope()),
            clock: world.clock)
        try agent.rotateKey()
        world.pass(seconds: 160)
        try world.authority.lifecycle.renew()
        #expect(try permits(guardian, delegated))
        try agent.rotateKey(revokingOldKey: true)
        #expect(try !permits(guardian, delegated))
        #expect(try permits(guardian, agent))
    }

    @Test func aKeyIsRevokedByTheNameThatTokensGiveItToo() throws {
        let world = try World()
        let agent = try world.start()
        try world.authority.revoke(Revocation(.key, TokenType.thumbprintURI + agent.publicKey().thumbprint))
        #expect(try !permitsHere(agent))
    }

    @Test func whereItIsRevokedTheOldKeyAndAllUnderItEndAndTheAgentGoesOn() throws {
        let world = try World()
        let guardian = try world.authority.guarding(.forTests(world) { $0.audience = "files" })
        let agent = try world.start()
        let first = try thief(agent, world)
        try agent.rotateKey()
        let second = try thief(agent, world)
        let delegated = try SigningKey.generate()
        let elsewhere = try Agent.open(
            key: delegated, chain: agent.delegate(to: delegated.publicKey, .sameScope()), clock: world.clock)
        let child = try agent.spawn("helper", .sameScope())
        let (id, scope, before) = (try agent.id(), try agent.scope(), try HeldGrant(reading: Array(agent.chain().utf8)))
        world.pass(seconds: 10)
        try agent.rotateKey(revokingOldKey: true)
        for old in [first, second, elsewhere, child] { #expect(try !permits(guardian, old)) }
        #expect(try !permitsHere(child))
        #expect(try permits(guardian, agent) && permitsHere(agent))
        let after = try HeldGrant(reading: Array(agent.chain().utf8))
        #expect(try agent.id() == id && agent.scope() == scope)
        #expect(after.grant.depth == 0 && after.grant.expires == before.grant.expires)
        #expect(after.grant.claim?.principal == "user:alice@acme.example" && after.grant.claim?.task == "Q3 review")
        // And again, and below.
        let fresh = try agent.spawn("helper", .sameScope())
        #expect(try permits(guardian, fresh))
        try agent.rotateKey(revokingOldKey: true)
        #expect(try permits(guardian, agent) && !permits(guardian, fresh))
    }

    /// Another process has the registry's lock, for a while or for ever.
    @Test(arguments: [true, false]) func theOldKeyEndsAtOnceWhoeverHasTheLock(_ isReleased: Bool) throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let guardian = try world.authority.guarding(.forTests(world) { $0.audience = "files" })
        let agent = try world.start()
        let thief = try thief(agent, world)
        world.pass(seconds: 160)
        let other = try SQLite(path: directory.path + "/registry.db", .write, busyMilliseconds: 10_000)
        try other.script("BEGIN IMMEDIATE")
        let outcome = Locked<Result<Void, AgentIDError>?>(nil)
        Thread.detachNewThread {
            let rotated = Result { () throws(AgentIDError) in try agent.rotateKey(revokingOldKey: true) }
            outcome.withLock { $0 = rotated }
        }
        func refusal() -> AgentIDError? {
            while outcome.withLock({ $0 == nil }) { usleep(1000) }
            if case .failure(let error) = outcome.withLock({ $0 }) { return error }
            return nil
        }
        while try permits(guardian, thief) { usleep(1000) }
        if isReleased {
            // Which gives up what stands on something revoked.
            _ = world.authority.lifecycle.renewGrants()
            try other.script("ROLLBACK")
            #expect(refusal()?.description == nil)
            #expect(try permits(guardian, agent) && permitsHere(agent) && !permits(guardian, thief))
            world.pass(seconds: 100)
            try world.authority.lifecycle.renew()
            world.pass(seconds: 200)
            #expect(try permits(guardian, agent) && permitsHere(agent))
        } else {
            let error = try #require(refusal())
            #expect(error.name == "registry_busy" && error.message.contains("old key is revoked"))
            try other.script("ROLLBACK")
            #expect(try !permitsHere(agent) && !permits(guardian, thief))
            #expect(throws: AgentIDError.self) { try agent.rotateKey(revokingOldKey: true) }
            try agent.end()
        }
        #expect(try !permits(guardian, thief))
    }

    @Test func labelsAreKept() throws {
        let world = try World()
        let agent = try world.authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope("search(query: *)"), labels: ["secret"]))
        try agent.rotateKey(revokingOldKey: true)
        #expect(try HeldGrant(reading: Array(agent.chain().utf8)).grant.claim?.labels == ["secret"])
    }

    @Test func whatCannotBeReplacedKeepsItsKey() throws {
        let world = try World()
        let agent = try world.start()
        let child = try agent.spawn("helper", .sameScope())
        func name(_ agent: Agent) -> String? {
            do throws(AgentIDError) {
                try agent.rotateKey(revokingOldKey: true)
                return nil
            } catch { return error.name }
        }
        #expect(name(child) == "sub_agent")
        #expect(try name(thief(agent, world)) == "no_authority")
        try world.authority.suspend(agent: agent.id())
        let key = try agent.publicKey()
        #expect(name(agent) == "agent_suspended")
        try world.authority.resume(agent: agent.id())
        #expect(try agent.publicKey() == key && permitsHere(agent) && permitsHere(child))
        try world.authority.revoke(Revocation(.profile, "researcher"))
        #expect(name(agent) != nil)
    }
}
