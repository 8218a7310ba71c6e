import Foundation
import StrictJSON
import Testing

@testable import AgentID

/// The numbers that operators watch.
@Suite struct StatisticsTests {
    private func read(_ world: World) throws -> JSON.Value {
        try JSON(parsing: world.authority.statistics().canonical()).root
    }

    private func counts(_ value: JSON.Value, _ path: String...) -> Int? {
        path.reduce(Optional(value)) { $0?[$1] }?.int
    }

    @Test(arguments: [false, true]) func agentsAreCountedByTheirStandingInEveryEngine(inDirectory: Bool) throws {
        let place = try TemporaryDirectory()
        let world = try World(at: inDirectory ? "\(place.path)/acme" : nil)
        let agents = try (0..<5).map { _ in try world.start() }
        try world.authority.suspend(agent: agents[0].id())
        try agents[1].park(for: 3600)
        _ = try world.authority.deprovision(agent: agents[2].id())
        var found = try read(world)
        let standing = ["active", "lapsing_soon", "lapsed", "suspended", "parked", "ended"]
        #expect(standing.map { counts(found, "agents", $0) } == [2, 0, 0, 1, 1, 1])
        world.pass(seconds: 250)
        found = try read(world)
        #expect(standing.map { counts(found, "agents", $0) } == [2, 2, 0, 1, 1, 1], "a minute before they lapse")
        world.pass(seconds: 60)
        found = try read(world)
        #expect(standing.map { counts(found, "agents", $0) } == [0, 0, 2, 1, 1, 1])
        withExtendedLifetime(agents) {}
    }

    /// What a guard denies is not counted as active, whatever denies it.
    @Test(arguments: [false, true]) func whoIsRevokedIsNotCountedAsActive(inDirectory: Bool) throws {
        let place = try TemporaryDirectory()
        let world = try World(at: inDirectory ? "\(place.path)/acme" : nil)
        let agents = try (0..<6).map { _ in try world.start() }
        let (parent, child) = (agents[0], try agents[0].spawn("child", .sameScope()))
        let keys = try world.authority.registry.read { try $0.keys() }
        func denied() throws -> [Int?] {
            let found = try read(world)
            return [counts(found, "agents", "active"), counts(found, "agents", "denied")]
        }
        #expect(try denied() == [7, 0])
        try world.authority.revoke(Revocation(.agent, parent.id()))
        #expect(try denied() == [5, 2], "with what is below it")
        try world.authority.revoke(Revocation(.grant, agents[1].current().held.grant.id))
        #expect(try denied() == [4, 3])
        try world.authority.revoke(Revocation(.key, agents[2].publicKey().thumbprint))
        #expect(try denied() == [3, 4])
        try world.authority.revoke(Revocation(.issuer, #require(keys.first?.key.thumbprint)))
        #expect(try denied() == [0, 7], "all that the key signed")
        withExtendedLifetime((agents, child)) {}
    }

    @Test func decisionsOfHandlesHereAreCountedByReason() throws {
        let world = try World()
        let agent = try world.start()
        for path in ["/data/q3/a", "/data/q3/b", "/etc/passwd"] {
            _ = try agent.check(tool: "read_file", arguments: Array(#"{"path":"\#(path)"}"#.utf8))
        }
        let found = try read(world)
        #expect(counts(found, "guard", "permitted") == 2)
        #expect(counts(found, "guard", "denied", "argument_constraint_violated") == 1)
        #expect(found["audit"]?.kind == .null && found["replay"]?.kind == .null, "there are none in memory")
    }

    @Test func whatWaitsForHooksAndForTheTreeIsCounted() throws {
        let place = try TemporaryDirectory()
        let world = try World(at: "\(place.path)/acme")
        struct Refused: Error {}
        try world.authority.add(
            Hook("siem", on: [.created], maxAttempts: 1, action: .callback { _ in throw Refused() }))
        let agent = try world.start()
        _ = try agent.check(tool: "read_file", arguments: Array(#"{"path":"/data/q3/a"}"#.utf8))
        _ = try world.authority.settle(milliseconds: 5000)
        var found = try read(world)
        let hook = try #require(found["hooks"]?.elements.first { _ in true })
        #expect(hook["name"]?.string == "siem" && hook["dead"]?.int == 1 && hook["waiting"]?.int == 0)
        let entries = try #require(counts(found, "audit", "entries"))
        let waiting = try #require(counts(found, "audit", "waiting"))
        try world.authority.integrate()
        found = try read(world)
        #expect(counts(found, "audit", "waiting") == 0)
        #expect(try #require(counts(found, "audit", "entries")) >= entries + waiting && entries + waiting > 0)
    }

    @Test func readingThemChangesNothingInTheDirectory() throws {
        let place = try TemporaryDirectory()
        let world = try World(at: "\(place.path)/acme")
        _ = try world.start()
        let before = try FileManager.default.contentsOfDirectory(atPath: "\(place.path)/acme").sorted()
        _ = try world.authority.statistics()
        _ = try RegistryInspection(of: "\(place.path)/acme").statistics()
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(place.path)/acme").sorted() == before)
    }
}
