import Foundation
import JOSE
import StrictJSON
import Scopes
import Synchronization
import Testing

@testable import AgentID

/// An agent whose run waits is parked: denied everywhere, sealed, and taken up by one.
@Suite struct ParkingTests {
    let directory: TemporaryDirectory
    let world: World
    private var path: String { directory.path + "/acme" }
    private let inside = bytes(#"{"path":"/data/q3/a"}"#)

    init() throws {
        directory = try TemporaryDirectory()
        world = try World(at: directory.path + "/acme")
    }

    /// The authority as another process has it open.
    private func other(_ change: (inout Authority.Options) -> Void = { _ in }) throws -> Authority {
        var options = Authority.Options()
        (options.clock, options.steadyClock) = (world.clock, world.steadyClock)
        change(&options)
        return try Authority.open(directory: path, options: options)
    }

    private func reason(_ agent: Agent) throws -> String? {
        try agent.check(tool: "read_file", arguments: inside).denial?.reason.rawValue
    }

    private func longLived(in authority: Authority) throws -> Agent {
        try authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope("read_file(path under '/data/q3')"),
                lifetime: 3600))
    }

    private func refusal(_ body: () throws -> Void) -> String? {
        do { try body() } catch let error as AgentIDError { return error.name } catch { return "\(error)" }
        return nil
    }

    @Test func aParkedAgentGoesOnInAnotherProcessAsTheSame() throws {
        let agent = try world.authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope("read_file(path under '/data/q3')"),
                lifetime: 600, until: 1_790_090_000, labels: ["night"]))
        let (id, key, scope) = try (agent.id(), agent.publicKey(), agent.scope().text)
        try agent.park(for: 86_400)
        world.pass(seconds: 80_000)
        #expect(try world.authority.reap() == 0)
        let taken = try other().unpark(agent: id)
        #expect(try reason(taken) == nil)
        #expect(try taken.id() == id && taken.publicKey() == key && taken.scope().text == scope)
        #expect(try taken.current().term?.until == 1_790_090_000 && taken.expires() == 1_790_080_600)
        #expect(try taken.current().held.grant.claim?.labels == ["night"])
        #expect(try taken.credential() != nil)
        // The handle that parked it ends nothing and keeps nothing from being renewed.
        agent.close()
        #expect(try agent.end() == nil)
        #expect(try reason(taken) == nil)
        #expect(try world.authority.agents().first?.state == "active")
    }

    @Test func meanwhileItIsDeniedInAnotherProcess() throws {
        let agent = try world.start()
        let (chain, id) = (bytes(try agent.chain()), try agent.id())
        var options = Guard.Options.forTests(world)
        options.sharesReplayMemory = false
        let elsewhere = try Guard.open(directory: path, options)
        let proof = try agent.prove(tool: "read_file", arguments: inside)
        let admission = try elsewhere.admit(chain: chain)
        try agent.park(for: 60)
        let denied = elsewhere.check(admission, proof: bytes(proof), tool: "read_file", arguments: inside).denial
        #expect(denied?.reason.rawValue == "parked")
        #expect(try reason(agent) == "parked")
        let listed = try #require(try world.authority.agents().first)
        #expect(listed.state == "parked" && !listed.isLive)
        var (parked, active) = (AgentSelection(), AgentSelection())
        (parked.state, active.state) = ("parked", "active")
        #expect(try world.authority.agents(parked).map(\.id) == [id])
        #expect(try world.authority.agents(active).isEmpty)
    }

    @Test func anAgentWhoseTakerIsGoneIsParkedForTheRestOfItsTime() throws {
        let agent = try world.start()
        let (id, key) = try (agent.id(), agent.publicKey())
        let child = try agent.spawn("child", .sameScope())
        let childID = try child.id()
        #expect(refusal { try agent.park(for: 0) } == "seconds")
        try agent.park(for: 3600)
        let end = try world.authority.registry.read { try $0.lease(of: id)?.expires }
        world.pass(seconds: 600)
        try other().unpark(agent: id).park(for: 0)
        #expect(try world.authority.registry.read { try $0.lease(of: id)?.expires } == end)
        #expect(try world.authority.agents().map(\.state) == ["parked", "parked"])
        let taken = try world.authority.unpark(agent: id)
        #expect(try taken.publicKey() == key && reason(taken) == nil)
        #expect(try taken.takeUnparked()?.id() == childID)
        // Of no time that is left: it goes on.
        world.pass(seconds: 100)
        try taken.park(for: 60)
        let late = try world.authority.unpark(agent: id)
        world.pass(seconds: 60)
        #expect(refusal { try late.park(for: 0) } == "parking_over")
        #expect(try reason(late) == nil)
        #expect(try world.authority.agents().map(\.state) == ["active", "active"])
        try late.park(for: 60)
        // Of no parking of its own.
        #expect(refusal { try world.start().park(for: 0) } == "seconds")
    }

    @Test(arguments: 0..<10) func ofTwoAtOnceOneGetsIt(_ round: Int) throws {
        let agent = try world.start()
        let id = try agent.id()
        try agent.park(for: 60)
        let authorities = [world.authority, try other()]
        let (taken, refused) = (Locked<[Agent]>([]), Locked<[String]>([]))
        DispatchQueue.concurrentPerform(iterations: 4) { i in
            do {
                let agent = try authorities[i % 2].unpark(agent: id)
                taken.withLock { $0.append(agent) }
            } catch { refused.withLock { $0.append((error as? AgentIDError)?.name ?? "\(error)") } }
        }
        #expect(taken.withLock { $0.count } == 1)
        #expect(refused.withLock { $0 } == ["not_parked", "not_parked", "not_parked"])
        let held = try #require(taken.withLock { $0.first })
        #expect(try reason(held) == nil)
    }

    @Test func whatEndsAParkedAgentWipesWhatWasSealed() throws {
        func sealed(_ id: String) throws -> [UInt8]? {
            try world.authority.registry.read { try $0.lease(of: id)?.sealed }
        }
        func parked() throws -> String {
            let agent = try world.start()
            let id = try agent.id()
            try agent.park(for: 60)
            #expect(try sealed(id) != nil)
            return id
        }
        let ended = try parked()
        _ = try world.authority.deprovision(agent: ended)
        let over = try parked()
        world.pass(seconds: 60)
        #expect(refusal { _ = try world.authority.unpark(agent: over) } == "parking_over")
        #expect(try world.authority.reap() == 1)
        let left = try parked()
        #expect(try world.authority.deprovision(principal: "user:alice@acme.example") == 1)
        for id in [ended, over, left] {
            #expect(try sealed(id) == nil)
            #expect(refusal { _ = try world.authority.unpark(agent: id) } == "agent_deprovisioned")
        }
    }

    @Test func withdrawalOfTheProfileEndsParkedAgents() throws {
        let agent = try world.start()
        let id = try agent.id()
        try agent.park(for: 60)
        #expect(try world.authority.withdraw(profile: "researcher") == 1)
        #expect(refusal { _ = try other().unpark(agent: id) } == "agent_deprovisioned")
    }

    @Test func whatWasRevokedMeanwhileIsNotTakenUp() throws {
        for kind in 0..<4 {
            let agent = try world.start()
            let id = try agent.id()
            let revocation =
                switch kind {
                case 0: try Revocation(.agent, id)
                case 1: try Revocation(.key, agent.publicKey().thumbprint)
                case 2: try Revocation(.grant, agent.current().held.grant.id)
                default: try Revocation(.principal, "user:alice@acme.example")
                }
            try agent.park(for: 60)
            try other().revoke(revocation)
            #expect(refusal { _ = try world.authority.unpark(agent: id) } == "authority_revoked")
        }
    }

    @Test func parkingEndsWithUntil() throws {
        let agent = try world.authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope("search(query: *)"), lifetime: 600,
                until: 1_790_001_000))
        let id = try agent.id()
        try agent.park(for: 2_592_000)
        world.pass(seconds: 1000)
        #expect(refusal { _ = try world.authority.unpark(agent: id) } == "parking_over")
        #expect(try world.authority.reap() == 1)
    }

    @Test func aSuspendedAgentStaysParkedUntilItIsResumed() throws {
        let agent = try world.start()
        let id = try agent.id()
        try agent.park(for: 60)
        var (parked, active) = (AgentSelection(), AgentSelection())
        (parked.state, active.state) = ("parked", "active")
        try world.authority.suspend(agent: id)
        #expect(try world.authority.agents().first?.state == "suspended")
        #expect(try world.authority.agents(parked).map(\.state) == ["suspended"])
        #expect(try world.authority.agents(active).isEmpty)
        #expect(refusal { _ = try world.authority.unpark(agent: id) } == "agent_suspended")
        try world.authority.resume(agent: id)
        #expect(try world.authority.agents().first?.state == "parked")
        let taken = try world.authority.unpark(agent: id)
        #expect(try reason(taken) == nil)
    }

    @Test func itGoesOnUnderTheCeilingOfThen() throws {
        let agent = try world.start("read_file(path under '/data')")
        let id = try agent.id()
        try agent.park(for: 60)
        try world.authority.put(
            Profile(
                name: "researcher", owner: "team:research@acme.example",
                ceiling: Scope("read_file(path under '/data/q4')")))
        let taken = try world.authority.unpark(agent: id)
        #expect(try reason(taken) != nil)
        #expect(try taken.check(tool: "read_file", arguments: bytes(#"{"path":"/data/q4/a"}"#)).denial == nil)
    }

    @Test func whoMayNotGoOnIsNotParked() throws {
        let agent = try world.start()
        let child = try agent.spawn("child", .sameScope())
        #expect(refusal { try child.park(for: 60) } == "sub_agent")
        #expect(try reason(child) == nil)
        try child.end()
        for seconds in [0, -1, 2_592_001, Int64.max, Int64.min] {
            #expect(refusal { try agent.park(for: seconds) } == "seconds")
        }
        #expect(try reason(agent) == nil)
        #expect(refusal { _ = try world.authority.unpark(agent: agent.id()) } == "not_parked")
        #expect(refusal { _ = try world.authority.unpark(agent: "spiffe://acme.example/nobody") } == "agent")
        try world.authority.suspend(agent: agent.id())
        #expect(refusal { try agent.park(for: 60) } == "agent_suspended")
        try world.authority.resume(agent: agent.id())
        world.pass(seconds: 300)
        #expect(refusal { try agent.park(for: 60) } != nil)
    }

    @Test func whatIsSealedNeedsTheAuthoritysKeyAndItsPassphrase() throws {
        let agent = try world.start()
        let id = try agent.id()
        let seed = try agent.current().key.withSeed { seed in seed.withSpan { span in (0..<32).map { span[$0] } } }
        try agent.park(for: 60)
        let sealed = try #require(try world.authority.registry.read { try $0.lease(of: id)?.sealed })
        #expect(!(0...(sealed.count - 32)).contains { Array(sealed[$0..<($0 + 32)]) == seed })
        let file = path + "/keys/parking.jwk"
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let passphrase = try Passphrase(bytes("correct horse"))
        #expect(try Authority.sealKeys(in: path, under: passphrase) == (hasLogKey ? 3 : 2))
        #expect(refusal { _ = try other() } == "passphrase_missing")
        let taken = try other { $0.passphrase = passphrase }.unpark(agent: id)
        #expect(try reason(taken) == nil)
        try RegistryInspection.checkSecret(file)
    }

    private var hasLogKey: Bool { FileManager.default.fileExists(atPath: path + "/keys/log.jwk") }

    @Test func aSealingKeyThatIsLostIsNotMadeAnew() throws {
        let agent = try world.start()
        let id = try agent.id()
        try agent.park(for: 60)
        try FileManager.default.removeItem(atPath: path + "/keys/parking.jwk")
        for _ in 0..<2 { #expect(refusal { _ = try other().unpark(agent: id) } == "key_missing") }
        let third = try other()
        let fresh = try world.start(from: third)
        #expect(refusal { try fresh.park(for: 60) } == "key_missing", "another would be in the way of the old one")
        #expect(!FileManager.default.fileExists(atPath: path + "/keys/parking.jwk"))
        #expect(try other().deprovision(agent: id) != nil)
    }

    @Test func aCallersSignerKeepsTheSealingKeyInTheDirectory() throws {
        let key = try SigningKey.generate()
        let world = try World(at: directory.path + "/external") { $0.signer = key }
        let agent = try world.start()
        let id = try agent.id()
        try agent.park(for: 60)
        var options = Authority.Options()
        (options.clock, options.steadyClock, options.signer) = (world.clock, world.steadyClock, key)
        let second = try Authority.open(directory: directory.path + "/external", options: options)
        #expect(try reason(second.unpark(agent: id)) == nil)
    }

    @Test func anAuthorityInMemoryParksInMemory() throws {
        let world = try World()
        let agent = try world.start()
        let id = try agent.id()
        try agent.park(for: 3600)
        world.pass(seconds: 3599)
        var parked = AgentSelection()
        parked.state = "parked"
        #expect(try world.authority.agents(parked).map(\.state) == ["parked"])
        try world.authority.suspend(agent: id)
        #expect(try world.authority.agents(parked).map(\.state) == ["suspended"])
        try world.authority.resume(agent: id)
        let taken = try world.authority.unpark(agent: id)
        #expect(try reason(taken) == nil)
        #expect(try world.authority.agents(parked).isEmpty)
        agent.close()
        world.pass(seconds: 200)
        try world.authority.lifecycle.renew()
        world.pass(seconds: 200)
        #expect(try reason(taken) == nil)
    }

    @Test func parkingAndTakingUpAreRecorded() throws {
        let place = directory.path + "/logged"
        try Files.makeDirectory(place)
        // A log that nothing empties the outbox into.
        try Files.makeDirectory(place + "/audit")
        let world = try World(at: place) { $0.audit = .none }
        let agent = try world.start()
        let id = try agent.id()
        try agent.park(for: 60)
        let taken = try world.authority.unpark(agent: id)
        let events = try world.authority.registry.read { try $0.events(limit: 10) }
            .map { try JSON(parsing: $0.line).root }
        #expect(events.compactMap { $0["event"]?.string } == ["created", "granted", "parked", "unparked"])
        #expect(events.last?["chain"]?.elements.map { $0.string } == [try taken.current().held.grant.id])
    }

    @Test func aRestoredBackupTakesNobodyUp() throws {
        let agent = try world.start()
        let id = try agent.id()
        try agent.park(for: 3600)
        world.authority.close()
        _ = try Authority.acceptRestored(directory: path, passphrase: nil, clock: world.clock)
        #expect(refusal { _ = try other().unpark(agent: id) } == "parking_over")
    }

    @Test func aLapsedLeaseIsTakenUpAgainWithinTheTimeThatPolicyAllows() throws {
        let world = try World { $0.resumeWithin = 600 }
        let agent = try longLived(in: world.authority)
        world.pass(seconds: 899)
        #expect(try reason(agent) == "lease_lapsed")
        #expect(try world.authority.reap() == 0)
        try world.authority.lifecycle.renew()
        #expect(try reason(agent) == nil)
        world.pass(seconds: 900)
        try world.authority.lifecycle.renew()
        #expect(try reason(agent) == "lease_lapsed")
        #expect(try world.authority.reap() == 1)
    }

    @Test func reapingInAnotherProcessWaitsAsLong() throws {
        let patient = try other { $0.resumeWithin = 600 }
        let agent = try longLived(in: patient)
        world.pass(seconds: 899)
        #expect(try world.authority.reap() == 0)
        world.pass(seconds: 1)
        #expect(try world.authority.reap() == 1)
        try patient.lifecycle.renew()
        #expect(try reason(agent) != nil)
    }

    @Test func whoIsTakenUpAgainGetsTheGrantThatExpiredMeanwhile() throws {
        let world = try World { $0.resumeWithin = 600 }
        let agent = try world.start()
        world.pass(seconds: 899)
        #expect(try reason(agent) == "expired")
        try world.authority.lifecycle.renew()
        #expect(try reason(agent) == nil)
    }

    @Test func byItselfALapsedLeaseIsNeverRenewed() throws {
        let agent = try longLived(in: world.authority)
        world.pass(seconds: 300)
        try world.authority.lifecycle.renew()
        #expect(try reason(agent) == "lease_lapsed")
        #expect(throws: AgentIDError.self) { _ = try other { $0.resumeWithin = -1 } }
        #expect(throws: AgentIDError.self) { _ = try other { $0.resumeWithin = 2_592_001 } }
    }
}
