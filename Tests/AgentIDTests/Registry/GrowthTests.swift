import StrictJSON
import Scopes
import Testing

@testable import AgentID

/// What an agent leaves in the registry is little, and less when it is pruned.
@Suite struct GrowthTests {
    let world: World
    private var path: String { world.path }

    init() throws { world = try .inDirectory() }

    /// Of what is in the registry for good: events wait there until they are entries of the log.
    private func pages() throws -> Int64 {
        try world.authority.integrate()
        let database = try SQLite(path: "\(path)/registry.db", .write, busyMilliseconds: 1000)
        return try (database.number("PRAGMA page_count") ?? 0) - (database.number("PRAGMA freelist_count") ?? 0)
    }

    @Test func anEndedAgentTakesTwoKilobytesAtMost() throws {
        for i in 0..<20 { _ = try world.start().end(reason: "done \(i)") }
        let before = try pages()
        let count = 200
        for i in 0..<count {
            let agent = try world.authority.startAgent(
                profile: "researcher",
                AgentRequest(
                    principal: "user:p\(i % 17)@acme.example", task: "review of ticket \(i)",
                    scope: Scope("read_file(path under '/data/q\(i % 4)'); search(query: *)"), intent: "summarise"))
            _ = try agent.end(reason: "done")
        }
        let each = Int(try pages() - before) * 4096 / count
        #expect(each <= 2048, "\(each) bytes")
        for agent in try world.authority.agents() {
            let gone = try world.authority.verifyGone(agent: agent.id)
            #expect(gone.isGone && gone.chains == 1)
        }
    }

    @Test func whatIsPrunedLeavesItsTombstoneAndIsKnownToNobody() throws {
        let parent = try world.start()
        let child = try parent.spawn("below", .sameScope())
        let (id, below, chain) = try (parent.id(), child.id(), parent.chain())
        let kept = try world.start()
        let tombstone = try #require(try world.authority.deprovision(agent: id, reason: "done"))
        world.pass(seconds: 1)
        let now = world.clock.milliseconds / 1000
        // Their grants are not over for long enough.
        #expect(try world.authority.prune(endedBefore: now) == 0)
        world.pass(seconds: 7200)
        let guardian = try world.authority.guarding(Guard.Options.forTests(world))
        #expect(try world.authority.prune(endedBefore: now - 100) == 0)
        #expect(try world.authority.prune(endedBefore: now) == 2)
        #expect(try world.authority.prune(endedBefore: now) == 0)
        #expect(try world.authority.agents().map(\.id) == [try kept.id()])
        #expect(try world.authority.deprovision(agent: id) == tombstone)
        let gone = try world.authority.verifyGone(agent: id)
        #expect(gone.isGone && gone.tombstone == tombstone)
        #expect(try world.authority.verifyGone(agent: below).isGone)
        #expect(throws: Denial.self) { try guardian.admit(chain: bytes(chain)) }
        #expect(throws: AgentIDError.self) { try world.authority.prune(endedBefore: world.clock.milliseconds) }
        #expect(throws: AgentIDError.self) { try world.authority.prune(endedBefore: -1) }
    }

    @Test func aRegistryOfBeforeIsBroughtUpToDate() throws {

        let database = try SQLite(path: nil, .create, busyMilliseconds: 0)
        for migration in SQLiteSchema.migrations.dropLast() { try database.script(migration) }
        try database.script(
            """
            INSERT INTO agents VALUES ('spiffe://a.example/agent/p/1', NULL, 'p', 'team:x', 'user:x', 't', NULL, 'k',
                'deprovisioned', 1, 2, 'done', 'a.tomb.stone');
            INSERT INTO grants VALUES ('j', 'spiffe://a.example/agent/p/1', 'a.cha.in', 1, 2);
            INSERT INTO leases (agent, expires, renewed, holder) VALUES ('spiffe://a.example/agent/p/1', 1, 1, 'h');
            PRAGMA foreign_keys=OFF;
            """)
        try database.script(try #require(SQLiteSchema.migrations.last))
        try database.script("PRAGMA foreign_keys=ON; PRAGMA foreign_key_check")
        let session = SQLiteSession(database)
        let agent = try #require(try session.agent("spiffe://a.example/agent/p/1"))
        #expect(agent.tombstone == "a.tomb.stone" && agent.endReason == "done")
        #expect(try session.grants(of: agent.id).map(\.chain) == ["a.cha.in"])
        #expect(try session.lease(of: agent.id)?.expires == 1)

    }
}
