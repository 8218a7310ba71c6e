import JOSE
import StrictJSON
import Scopes
import Testing

@testable import AgentID

/// What happens to an agent is registered, told to the audit log and to hooks, or it did not happen.
@Suite struct LifecycleEventTests {
    private let directory: TemporaryDirectory
    private let world: World

    init() throws {
        directory = try TemporaryDirectory()
        // A log that nothing empties the outbox into.
        try Files.makeDirectory(directory.path + "/audit")
        world = try World(at: directory.path) { $0.audit = .none }
    }

    private func events(_ world: World) throws -> [JSON.Value] {
        try world.authority.registry.read { try $0.events(limit: 1000) }
            .map { try JSON(parsing: $0.line).root }
    }

    @Test func everyStepLeavesItsLineWithTheWholeChain() throws {
        let agent = try world.start()
        let child = try agent.spawn("reader", .sameScope())
        try child.rotateKey()
        _ = try child.delegate(to: SigningKey.generate().publicKey, .sameScope())
        try world.authority.revoke(Revocation(.principal, "user:bob@acme.example"), reason: "left")
        try child.end()
        let found = try events(world)
        #expect(
            found.compactMap { $0["event"]?.string } == [
                "created", "granted", "created", "delegated", "rotated", "delegated", "revoked",
                "deprovisioning", "deprovisioned",
            ])
        let ids = try [agent.id(), agent.id() + "/reader"]
        #expect(found[0]["agent"]?.string == ids[0])
        #expect(found[2]["agent"]?.string?.hasPrefix(ids[1]) == true)
        #expect(found.map { $0["chain"]?.count ?? 0 } == [1, 1, 2, 2, 3, 4, 0, 2, 0])
        for event in found.prefix(6) {
            #expect(event["principal"]?.string == "user:alice@acme.example")
            #expect(event["owner"]?.string == "team:research@acme.example")
            #expect(event["profile"]?.string == "researcher")
            #expect(event["task"]?.string == "Q3 review")
        }
        #expect(found[6]["reason"]?.string == "left")
        let sequences = found.compactMap { $0["sequence"]?.int }
        #expect(sequences == sequences.sorted() && sequences.count == found.count)
        let lines = try world.authority.registry.read { try $0.events(limit: 1000) }
        for line in lines { #expect(try JSON(parsing: line.line).root.canonical() == line.line) }
    }

    @Test func registryKnowsAgentsGrantsAndKeys() throws {
        let agent = try world.start()
        let child = try agent.spawn("reader", .sameScope())
        let id = try child.id()
        let before = try child.chain()
        try child.rotateKey()
        let (record, grants) = try world.authority.registry.read {
            (try $0.agent(id), try $0.grants(of: id).map(\.chain))
        }
        #expect(try record?.parent == agent.id())
        #expect(try record?.key == child.publicKey().thumbprint)
        #expect(try Set(grants) == [before, child.chain()])
        #expect(try world.authority.registry.read { try $0.subtree(of: try agent.id()) }.count == 2)
    }

    @Test func hooksGetExactlyWhatTheyAskedForInOrder() throws {
        try world.authority.registry.write { registry in
            for (name, events) in [("all", LifecycleEvent.Name.allCases.map(\.rawValue)), ("some", ["rotated"])] {
                try registry.put(
                    HookRecord(name: name, kind: .callback, events: events, command: [], deadline: 1, maxAttempts: 1))
            }
        }
        let agent = try world.start()
        try agent.rotateKey()
        let lines = try events(world).map { String(decoding: $0.canonical(), as: UTF8.self) }
        let deliveries = try world.authority.registry.read { registry in
            (
                try registry.deliveries(.pending, hook: "all", limit: 99),
                try registry.deliveries(.pending, hook: "some", limit: 99)
            )
        }
        #expect(deliveries.0.map(\.payload) == lines)
        #expect(deliveries.1.map(\.event) == ["rotated"])
        #expect(try Set(deliveries.0.map(\.agent)) == [agent.id()])
    }

    @Test func whatWasDelegatedOfflineWritesNothing() throws {
        let key = try SigningKey.generate()
        let issued = try world.authority.issue(
            profile: "researcher", to: key.publicKey,
            AgentRequest(principal: "user:a@b", task: "t", scope: Scope("read_file(path under '/data')")))
        let before = try events(world).count
        let agent = try Agent.open(key: key, chain: issued.chain, clock: world.clock)
        let child = try agent.spawn("x", .sameScope())
        try agent.rotateKey()
        child.close()
        #expect(try events(world).count == before)
        #expect(try world.authority.registry.read { try $0.agents(AgentFilter()) }.count == 1)
        // Its root's lease is the only one there is.
        let guardian = try world.authority.guarding(.forTests(world))
        #expect(try guardian.check(agent, tool: "read_file", arguments: bytes(#"{"path":"/data"}"#)).isPermitted)
    }

    @Test func nothingIsHandedOutThatCouldNotBeRegistered() throws {
        let agent = try world.start()
        let before = try events(world).count
        try world.authority.revoke(Revocation(.principal, "user:alice@acme.example"))
        #expect(throws: AgentIDError.self) { try world.start() }
        #expect(try events(world).count == before + 1)
        let count = try world.authority.registry.read { try $0.agents(AgentFilter()) }.count
        #expect(count == 1)
        withExtendedLifetime(agent) {}
    }
}
