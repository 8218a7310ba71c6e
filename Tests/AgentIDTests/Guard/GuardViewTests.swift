import Foundation
import JOSE
import Scopes
import Synchronization
import Testing

@testable import AgentID

/// What a guard knows, how it comes to know it, and what it does when it cannot.
@Suite struct GuardViewTests {
    let inside = bytes(#"{"path":"/data/q3/a"}"#)

    private func reason(_ guardian: Guard, _ agent: Agent) throws -> String? {
        try guardian.check(agent, tool: "read_file", arguments: inside).denial?.reason.rawValue
    }

    /// Longer than the interval at which a guard looks whether the word moved or not.
    private func outlastThePoll() { usleep(80_000) }

    @Test func aFaultOfTheDiskIsNoReasonBesideAnotherOne() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/acme"
        let world = try World(at: path)
        let agent = try world.start()
        let guardian = try Guard.open(directory: path, .forTests(world))
        // An old view is good enough for a disk that is away, and not for another registry. Nor is it the log that says so.
        let patient = try Guard.open(
            directory: path, .forTests(world) { ($0.maxViewAge, $0.audit) = (60, .none) })
        for guardian in [guardian, patient] { #expect(try reason(guardian, agent) == nil) }
        try FileManager.default.moveItem(atPath: path, toPath: path + ".moved")
        outlastThePoll()
        for guardian in [guardian, patient] { #expect(try reason(guardian, agent) == "directory_replaced") }
        let view = try #require(guardian.view)
        #expect(view.isBroken)
        for name in ["file", "permission_denied", "registry_corrupt"] {
            let denial = view.denial(AgentIDError(.io, name: name, message: "Stale file handle"), "the revocations")
            #expect(denial.reason.rawValue == "revocation_view_stale" && denial.message.contains("Stale file handle"))
        }
        #expect(view.denial(Apart.registry("gone", at: path), "it").reason.rawValue == "registry_replaced")
        try FileManager.default.moveItem(atPath: path + ".moved", toPath: path)
    }

    @Test func unreadableRegistryDeniesAtOnceOrWhenTheViewIsTooOld() throws {
        let world = try World()
        let agent = try world.start()
        let brittle = BrittleRegistry(world.authority.registry)
        let view = try RegistryView(of: brittle, in: nil)
        let strict = try Guard(.forTests(world), view: view, trail: nil)
        let patient = try Guard(.forTests(world) { $0.maxViewAge = 60 }, view: view, trail: nil)
        for guardian in [strict, patient] { #expect(try reason(guardian, agent) == nil) }
        brittle.isBroken.store(true, ordering: .relaxed)
        outlastThePoll()
        #expect(try reason(strict, agent) == "revocation_view_stale")
        // Also between two looks.
        #expect(try reason(strict, agent) == "revocation_view_stale")
        #expect(try reason(patient, agent) == nil)
        world.pass(seconds: 60)
        #expect(try reason(patient, agent) == nil)
        world.pass(seconds: 1)
        #expect(try reason(patient, agent) == "revocation_view_stale")
        brittle.isBroken.store(false, ordering: .relaxed)
        outlastThePoll()
        for guardian in [strict, patient] { #expect(try reason(guardian, agent) == nil) }
    }

    @Test func toldGuardDeniesWhenNobodyToldItForTooLong() throws {
        let world = try World()
        let agent = try world.start()
        let guardian = try world.guarding { $0.maxViewAge = 60 }
        world.pass(seconds: 60)
        #expect(try reason(guardian, agent) == nil)
        world.pass(seconds: 1)
        #expect(try reason(guardian, agent) == "revocation_view_stale")
        guardian.refreshed()
        #expect(try reason(guardian, agent) == nil)
        world.pass(seconds: 61)
        guardian.revoke(try Revocation(.grant, "another"))
        #expect(try reason(guardian, agent) == nil)
        world.pass(seconds: 61)
        try guardian.addBundle(Array(world.authority.bundle().utf8), for: "acme.example")
        #expect(try reason(guardian, agent) == nil)
    }

    @Test func aGuardThatFollowsARegistryGoesByItsOwnLooksWhateverElseItIsTold() throws {
        let world = try World()
        let agent = try world.start()
        let brittle = BrittleRegistry(world.authority.registry)
        let guardian = try Guard(
            .forTests(world) { $0.maxViewAge = 60 }, view: RegistryView(of: brittle, in: nil), trail: nil)
        let partner = try TrustDomain("partner.example")
        let key = try SigningKey.generate()
        #expect(try reason(guardian, agent) == nil)
        brittle.isBroken.store(true, ordering: .relaxed)
        outlastThePoll()
        for i in 1...2 {
            world.pass(seconds: 30)
            #expect(try reason(guardian, agent) == nil)
            let bundle = TrustBundle(sequence: i, anchors: [TrustAnchor(key.publicKey, of: partner)])
            try guardian.addBundle(bundle.tree(at: 0).canonical(), for: "partner.example")
            guardian.revoke(try Revocation(.grant, "another\(i)"))
            guardian.refreshed()
        }
        world.pass(seconds: 1)
        #expect(try reason(guardian, agent) == "revocation_view_stale")
        brittle.isBroken.store(false, ordering: .relaxed)
        outlastThePoll()
        #expect(try reason(guardian, agent) == nil)
    }

    @Test func changeWhoseWriterDiedBeforeAnnouncingItIsFoundByLooking() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start()
        let guardian = try Guard.open(directory: directory.path, .forTests(world))
        #expect(try reason(guardian, agent) == nil)
        // A writer with a word of its own: nobody sees it move.
        let silent = try SQLiteRegistry.open(
            AuthorityDirectory(reading: directory.path).path + "/registry.db", access: .write, page: SharedSequence())
        let revocation = try Revocation(.agent, agent.id())
        _ = try silent.write { try $0.add([revocation], at: 1, reason: nil) }
        outlastThePoll()
        #expect(try reason(guardian, agent) == "authority_revoked")
    }

    @Test func revocationByAnotherProcessShowsAtTheNextCall() async throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start()
        let guardians = [
            try Guard.open(directory: directory.path, .forTests(world)), try world.authority.guarding(.forTests(world)),
        ]
        for guardian in guardians { #expect(try reason(guardian, agent) == nil) }
        let thumbprint = try agent.publicKey().thumbprint
        await #expect(processExitsWith: .success) {
            [path = directory.path as String, thumbprint = thumbprint as String] in
            var options = Authority.Options()
            options.mustExist = true
            try Authority.open(directory: path, options: options).revoke(Revocation(.key, thumbprint))
        }
        for guardian in guardians { #expect(try reason(guardian, agent) == "authority_revoked") }
        #expect(try reason(guardians[0], agent) == "authority_revoked")
    }

    @Test func guardTakesUpANewSigningKeyBeforeItJudgesTheFirstChainUnderIt() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let guardian = try Guard.open(directory: directory.path, .forTests(world))
        var options = Authority.Options()
        options.clock = world.clock
        let elsewhere = try Authority.open(directory: directory.path, options: options)
        try elsewhere.publishKey()
        try elsewhere.activateKey()
        // The authority that did not rotate signs with the new key as well.
        for agent in [try world.start(), try world.start(from: elsewhere)] {
            #expect(try reason(guardian, agent) == nil)
            let keyID = try CompactJWS(Array(agent.chain().utf8)).keyID
            #expect(try elsewhere.bundle().contains(#require(keyID)))
        }
    }

    @Test func revokedIDEndsEverythingUnderItWhetherItIsInTheChainOrNot() throws {
        let world = try World()
        let child = try world.start().spawn("a", .sameScope()).spawn("b", .sameScope())
        let id = try child.id()
        for ancestor in SPIFFEID.ancestry(of: id) where ancestor != "spiffe://acme.example" {
            let guardian = try world.guarding()
            #expect(try reason(guardian, child) == nil)
            guardian.revoke(try Revocation(.agent, ancestor))
            #expect(try reason(guardian, child) == "authority_revoked", "\(ancestor)")
        }
        let guardian = try world.guarding()
        for beside in [id + "/c", id + "0", String(id.dropLast())] {
            guardian.revoke(try Revocation(.agent, beside))
        }
        #expect(try reason(guardian, child) == nil)
    }

    @Test func revocationForOneGuardAloneLeavesTheOthers() throws {
        let world = try World()
        let agent = try world.start()
        let (one, other) = try (world.authority.guarding(.forTests(world)), world.authority.guarding(.forTests(world)))
        one.revoke(try Revocation(.agent, agent.id()))
        #expect(try reason(one, agent) == "authority_revoked")
        #expect(try reason(other, agent) == nil)
    }

    @Test func nothingIsPermittedAfterARevocationReturnedWhateverElseGoesOn() async throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let guardians = [
            try Guard.open(directory: directory.path, .forTests(world)), try world.authority.guarding(.forTests(world)),
        ]
        let agents = try (0..<4).map { _ in try world.start() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for agent in agents {
                let child = try agent.spawn("a", .sameScope())
                group.addTask {
                    for _ in 0..<20 {
                        for guardian in guardians { #expect(try reason(guardian, child) == nil) }
                    }
                    try world.authority.revoke(Revocation(.agent, agent.id()))
                    for guardian in guardians { #expect(try reason(guardian, child) == "authority_revoked") }
                }
                group.addTask {
                    for _ in 0..<5 {
                        try world.authority.lifecycle.renew()
                        let passing = try world.start()
                        try passing.rotateKey()
                        for guardian in guardians { #expect(try reason(guardian, passing) == nil) }
                        try passing.end()
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
