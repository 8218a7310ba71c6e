import Testing

@testable import AgentID

/// A tombstone that is signed before the end it confirms is stored with it, or not at all.
@Suite struct BurialTests {
    /// What may happen between the signature and the end.
    enum Change: CaseIterable {
        case nothing, child, secret, agentKey, signingKey, buriedByAnother, otherReason
    }

    private func make(_ change: Change, of agent: Agent, in authority: Authority) throws {
        let registry = authority.registry
        switch change {
        case .nothing, .buriedByAnother, .otherReason: break
        case .child: _ = try agent.spawn("below", .sameScope())
        case .secret:
            let lease = try BrokerLeaseRecord(
                id: "b", agent: agent.id(), provider: "vault", resource: "db", acquired: 1, expires: 9, state: .held)
            try registry.write { try $0.put(lease) }
        case .agentKey: try agent.rotateKey()
        case .signingKey:
            try authority.publishKey()
            try authority.activateKey()
        }
    }

    @Test(arguments: [true, false], Change.allCases)
    func isStoredOnlyWhereItIsTrue(_ isFile: Bool, _ change: Change) throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: isFile ? directory.path + "/acme" : nil)
        let lifecycle = world.authority.lifecycle
        let agent = try world.start()
        let id = try agent.id()
        let time = lifecycle.clock.milliseconds
        let record = try #require(try lifecycle.registry.read { try $0.agent(id) })
        let burial = try #require(lifecycle.burialAhead(of: record, reason: "done", at: time))
        try make(change, of: agent, in: world.authority)

        let reason = change == .otherReason ? "another" : "done"
        let stored = try lifecycle.registry.write { registry in
            _ = try lifecycle.end(id, reason: reason, isLapsed: false, now: time, in: registry)
            if change == .buriedByAnother {
                var record = burial.agent
                record.tombstone = "t.o.mb"
                try registry.update(record)
            }
            return try lifecycle.bury(burial, in: registry)
        }
        #expect((stored != nil) == (change == .nothing))
        let kept = try lifecycle.registry.read { try $0.agent(id)?.tombstone }
        #expect(kept == (change == .nothing ? burial.tombstone : change == .buriedByAnother ? "t.o.mb" : nil))
    }

    @Test(arguments: [true, false]) func ofWhatHasMoreToEndIsNotSignedAhead(_ hasSecret: Bool) throws {
        let world = try World()
        let lifecycle = world.authority.lifecycle
        let agent = try world.start()
        let id = try agent.id()
        let record = try #require(try lifecycle.registry.read { try $0.agent(id) })
        try make(hasSecret ? .secret : .child, of: agent, in: world.authority)
        #expect(lifecycle.burialAhead(of: record, reason: "done", at: lifecycle.clock.milliseconds) == nil)
    }

    @Test(arguments: [true, false]) func whatAnEndReturnsIsKept(_ isFile: Bool) throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: isFile ? directory.path + "/acme" : nil)
        let agent = try world.start()
        let id = try agent.id()
        let token = try #require(try world.authority.deprovision(agent: id, reason: "done"))
        let tombstone = try Tombstone(
            verifying: token, bundle: Array(world.authority.bundle().utf8), trustDomain: "acme.example")
        #expect(tombstone.agent == id && tombstone.reason == "done" && tombstone.claims["below"]?.int == 0)
        let record = try #require(try world.authority.registry.read { try $0.agent(id) })
        #expect(record.tombstone == token && record.ended == tombstone.ended && record.endReason == "done")
        #expect(try world.authority.deprovision(agent: id) == token)
    }

    /// The transactions that stand in a log of SQLite: frames that a commit ends, of the log's present round.
    private func commits(in path: String) throws -> Int {
        let log = try Files.read(path)
        let (header, frame) = (32, 24 + 4096)
        return stride(from: header, to: log.count - frame + 1, by: frame).count { start in
            log[(start + 8)..<(start + 16)] == log[16..<24] && log[(start + 4)..<(start + 8)].contains { $0 != 0 }
        }
    }

    @Test(arguments: [false, true]) func anEndIsOneTransactionIfNothingElseIsToBeDone(_ hasSecret: Bool) throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path + "/acme") { $0.audit = .none }
        let agent = try world.start()
        if hasSecret { try make(.secret, of: agent, in: world.authority) }
        let log = directory.path + "/acme/registry.db-wal"
        let before = try commits(in: log)
        _ = try? world.authority.deprovision(agent: agent.id(), reason: "done")
        let made = try commits(in: log) - before
        #expect(before > 0 && (made == 1) == !hasSecret && made > 0, "\(made)")
    }
}
