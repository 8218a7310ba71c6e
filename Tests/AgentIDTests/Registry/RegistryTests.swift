import Foundation
import JOSE
import Scopes
import Testing
import TestSupport

@testable import AgentID

/// What may be behind a registry.
enum Engine: String, CaseIterable { case sqlite, memory }

/// A registry of `acme.example`, and shorthands for what is put into it.
struct Shelf {
    let registry: any Registry
    /// Of one in a file that has no other place.
    private var directory: TemporaryDirectory?

    init(_ engine: Engine = .memory, keys: [KeyRecord]? = nil) throws {
        let keys = try keys ?? [KeyRecord(key: try SigningKey.generate().publicKey, role: .active)]
        switch engine {
        case .memory: registry = try MemoryRegistry(of: TrustDomain("acme.example"), keys: keys)
        case .sqlite:
            let directory = try TemporaryDirectory()
            registry = try Shelf.make("\(directory.path)/registry.db", keys: keys)
            self.directory = directory
        }
    }

    /// One in a file.
    init(at path: String) throws { registry = try Shelf.make(path) }

    static func make(_ path: String, keys: [KeyRecord]? = nil) throws -> SQLiteRegistry {
        let keys = try keys ?? [KeyRecord(key: try SigningKey.generate().publicKey, role: .active)]
        try SQLiteRegistry.create(path, trustDomain: TrustDomain("acme.example")) { keys }
        return try open(path)
    }

    static func open(_ path: String, _ access: SQLite.Access = .write) throws -> SQLiteRegistry {
        try SQLiteRegistry.open(
            path, access: access, page: SharedSequence(path: "\(path).sequence", isWriter: access == .write))
    }

    static func agent(_ id: String, parent: String? = nil) -> AgentRecord {
        AgentRecord(
            id: id, parent: parent, profile: "p", owner: "team:x", principal: "user:alice", task: "t", key: "k",
            created: 1)
    }

    func write<Result>(_ body: (any RegistryWriter) throws -> Result) throws -> Result {
        try registry.write(body)
    }

    func read<Result>(_ body: (any RegistryReader) throws -> Result) throws -> Result {
        try registry.read(body)
    }
}

@Suite struct RegistryTests {
    @Test func whatIsPutComesBackAfterReopening() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/registry.db"
        var agent = Shelf.agent("spiffe://acme.example/agent/p/1")
        let profile = try Profile(name: "p", owner: "team:x", ceiling: Scope("read(path under '/data')"))
        let hook = HookRecord(
            name: "h", kind: .command, events: ["created", "revoked"], command: ["/bin/true", "it's", "\u{0}"],
            deadline: 5, maxAttempts: 3)
        let broker = BrokerLeaseRecord(
            id: "b", agent: agent.id, provider: "vault", resource: "db", releaseCommand: ["/bin/true", "x"],
            acquired: 1,
            expires: 9, state: .held)
        let revocation = Revocation(unchecked: .key, "thumb")
        do {
            let shelf = try Shelf(at: path)
            try shelf.write { registry in
                try registry.put(ProfileRecord(profile: profile, certifiedAt: 7))
                try registry.insert(agent)
                (agent.state, agent.ended, agent.endReason, agent.tombstone) = (.deprovisioned, 9, "done", "t.o.mb")
                try registry.update(agent)
                try registry.insert(GrantRecord(id: "j", agent: agent.id, chain: "a~b", issued: 1, expires: 2))
                try registry.put(LeaseRecord(agent: agent.id, expires: 5, renewed: 1, holder: "1:2"))
                _ = try registry.add([revocation], at: 4, reason: "left")
                try registry.put(hook)
                try registry.enqueue(hook: "h", agent: agent.id, event: "created", payload: "{}", source: "", at: 3)
                try registry.append(event: [0, 255])
                try registry.add(40, to: "c")
                try registry.put(broker)
            }
        }
        let registry = try Shelf.open(path)
        try registry.read { registry throws in
            #expect(try registry.meta().trustDomain == "acme.example")
            #expect(try registry.keys().map(\.role) == [.active])
            #expect(try registry.profiles() == [ProfileRecord(profile: profile, certifiedAt: 7)])
            #expect(try registry.agent(agent.id) == agent)
            #expect(try registry.grants(of: agent.id).map(\.chain) == ["a~b"])
            #expect(try registry.lease(of: agent.id)?.holder == "1:2")
            #expect(try registry.revocations(after: 0, limit: 9).map(\.revocation) == [revocation])
            #expect(try registry.firstRevoked(of: [Revocation(unchecked: .key, "x"), revocation]) == revocation)
            #expect(try registry.hooks() == [hook])
            #expect(try registry.deliveries(.pending, hook: nil, limit: 9).map(\.payload) == ["{}"])
            #expect(try registry.events(limit: 9).map(\.line) == [[0, 255]])
            #expect(try registry.counter("c") == 40)
            #expect(try registry.brokerLeases(dueBy: 9, SteadyTime(boot: "", milliseconds: 0), limit: 9) == [broker])
        }
    }

    @Test(arguments: Engine.allCases) func thrownTransactionLeavesNothing(_ engine: Engine) throws {
        let shelf = try Shelf(engine)
        let before = shelf.registry.changes
        #expect(throws: AgentIDError.self) {
            try shelf.write { registry in
                _ = try registry.add([Revocation(unchecked: .key, "k")], at: 1, reason: nil)
                try registry.insert(Shelf.agent("spiffe://acme.example/agent/p/1"))
                throw AgentIDError(.state, name: "test", message: "taken back")
            }
        }
        #expect(try shelf.read { try $0.revocationCount() } == 0)
        #expect(try shelf.read { try $0.agents(AgentFilter()) }.isEmpty)
        #expect(shelf.registry.changes == before)
    }

    @Test(arguments: Engine.allCases) func onlyNewRevocationsAreAnnounced(_ engine: Engine) throws {
        let shelf = try Shelf(engine)
        let (one, two) = (try Revocation(.grant, "1"), try Revocation(.grant, "2"))
        let start = try shelf.read { try $0.meta().sequence }
        #expect(try shelf.write { try $0.add([one], at: 1, reason: nil) } == [one])
        let changes = shelf.registry.changes
        #expect(try shelf.write { try $0.add([one], at: 2, reason: nil) } == [])
        #expect(shelf.registry.changes == changes)
        #expect(try shelf.write { try $0.add([one, two], at: 3, reason: nil) } == [two])
        #expect(shelf.registry.changes != changes)
        #expect(try shelf.read { try $0.meta().sequence } == start + 2)
        let last = try shelf.read { try $0.revocations(after: 1, limit: 10) }
        #expect(last.map(\.revocation) == [two])
    }

    @Test(arguments: Engine.allCases) func subtreeIsWhatDescendsByParentOrByIDAndNothingBeside(_ engine: Engine) throws
    {
        let shelf = try Shelf(engine)
        let root = "spiffe://acme.example/agent/p/1"
        let ids = [root, root + "/a/2", root + "/a/2/b/3", "spiffe://acme.example/agent/q/9", root + "0", root + "-x"]
        try shelf.write { registry in
            for id in ids where !id.hasSuffix("9") { try registry.insert(Shelf.agent(id)) }
            // A sub-agent with an ID of its own, and one under that.
            try registry.insert(Shelf.agent(ids[3], parent: root + "/a/2"))
            try registry.insert(Shelf.agent(ids[3] + "/c/4", parent: nil))
            try registry.insert(Shelf.agent("spiffe://acme.example/agent/r/5", parent: ids[3]))
        }
        let found = try shelf.read { try $0.subtree(of: root) }.map(\.id)
        let expected = [root, root + "/a/2", root + "/a/2/b/3", ids[3], "spiffe://acme.example/agent/r/5"]
        #expect(Set(expected).isSubset(of: found))
        #expect(!found.contains(root + "0") && !found.contains(root + "-x"))
    }

    @Test(arguments: Engine.allCases) func filterFindsExactlyWhatMatchesAll(_ engine: Engine) throws {
        let shelf = try Shelf(engine)
        var generator = Seeded(seed: Seeded.chosen("filter"))
        var all: [AgentRecord] = []
        for i in 0..<60 {
            var agent = Shelf.agent("spiffe://acme.example/agent/p/\(100 + i)")
            agent.profile = "p\(Int.random(in: 0..<3, using: &generator))"
            agent.principal = "user:\(Int.random(in: 0..<3, using: &generator))"
            agent.state = Bool.random(using: &generator) ? .active : .suspended
            all.append(agent)
        }
        try shelf.write { registry in for agent in all { try registry.insert(agent) } }
        for profile in [nil, "p0", "p1"] {
            for principal in [nil, "user:1"] {
                for state in [nil, AgentRecord.State.suspended] {
                    var filter = AgentFilter()
                    (filter.profile, filter.principal, filter.state) = (profile, principal, state)
                    (filter.offset, filter.limit) = (1, 7)
                    let expected = all.filter {
                        (profile == nil || $0.profile == profile) && (principal == nil || $0.principal == principal)
                            && (state == nil || $0.state == state)
                    }
                    #expect(try shelf.read { try $0.agents(filter) } == Array(expected.dropFirst(1).prefix(7)))
                }
            }
        }
    }

    @Test(arguments: Engine.allCases) func leaseOnceLapsedOrEndedIsNotRenewed(_ engine: Engine) throws {
        let shelf = try Shelf(engine)
        let ids = (1...3).map { "spiffe://acme.example/agent/p/\($0)" }
        try shelf.write { registry in
            for (i, id) in ids.enumerated() {
                var agent = Shelf.agent(id)
                if i == 2 { agent.state = .deprovisioned }
                try registry.insert(agent)
                try registry.put(LeaseRecord(agent: id, expires: i == 1 ? 50 : 200, renewed: 0, holder: "h"))
            }
        }
        #expect(
            try shelf.write { registry in
                try registry.renewLeases(
                    of: ids, at: 100, until: 400, runsUntil: SteadyTime(boot: "run", milliseconds: 7),
                    orRunningAt: .max)
            } == [ids[0]])
        let renewed = try #require(try shelf.read { try $0.lease(of: ids[0]) })
        #expect(renewed.runsUntil == SteadyTime(boot: "run", milliseconds: 7))
        #expect(try shelf.read { try $0.leases(lapsedBy: 399, limit: 9) }.map(\.agent) == [ids[1]])
        let standing = try shelf.read { try $0.standing(of: ids + ["spiffe://acme.example/unknown"]) }
        #expect(standing.map(\.leaseExpires) == [400, 50, 200])
    }

    @Test(arguments: Engine.allCases) func deliveriesComeInOrderForEachAgentAndNoneIsLost(_ engine: Engine) throws {
        let shelf = try Shelf(engine)
        let seed = Seeded.chosen("deliveries")
        var generator = Seeded(seed: seed)
        try shelf.write { registry in
            try registry.put(
                HookRecord(name: "h", kind: .callback, events: [], command: [], deadline: 1, maxAttempts: 9))
        }
        var waiting: [String: [String]] = [:]
        var claimed: [DeliveryRecord] = []
        var now: Int64 = 0
        for step in 0..<1200 {
            now += 1
            if Bool.random(using: &generator), step < 600 {
                let agent = "a\(Int.random(in: 0..<4, using: &generator))"
                waiting[agent, default: []].append("\(step)")
                try shelf.write {
                    try $0.enqueue(hook: "h", agent: agent, event: "e", payload: "\(step)", source: "", at: now)
                }
            } else if Bool.random(using: &generator) || claimed.isEmpty {
                let (most, before) = (Int.random(in: 1...4, using: &generator), claimed)
                let taken = try shelf.write {
                    try $0.claimDeliveries(of: "h", by: "me", at: now, until: now + 1000, limit: most)
                }
                #expect(taken.count <= most)
                for next in taken {
                    let ahead = taken.filter { $0.agent == next.agent && $0.id < next.id }.count
                    #expect(waiting[next.agent]?.dropFirst(ahead).first == next.payload, "seed \(seed) step \(step)")
                    #expect(!before.contains { $0.agent == next.agent }, "seed \(seed) step \(step)")
                }
                #expect(taken.map(\.id) == taken.map(\.id).sorted())
                claimed += taken
            } else if let done = claimed.popLast() {
                switch Int.random(in: 0..<8, using: &generator) {
                case 0, 1:
                    let at = now
                    #expect(try shelf.write { try $0.fail(done.id, by: "me", error: "no", retryAt: at + 3) })
                    #expect(try !shelf.write { try $0.complete(done.id, by: "me") })
                case 2:
                    #expect(try !shelf.write { try $0.release(done.id, by: "another") })
                    #expect(try shelf.write { try $0.release(done.id, by: "me") })
                    let back = try shelf.read { try $0.deliveries(.pending, hook: "h", limit: 1000) }
                    #expect(back.first { $0.id == done.id }?.attempts == done.attempts - 1)
                default:
                    #expect(try !shelf.write { try $0.complete(done.id, by: "another") })
                    #expect(try shelf.write { try $0.complete(done.id, by: "me") })
                    waiting[done.agent]?.removeAll { $0 == done.payload }
                }
            }
        }
        let left = try shelf.read { try $0.deliveries(.pending, hook: "h", limit: 1000) }
        #expect(
            Dictionary(grouping: left, by: \.agent).mapValues { $0.map(\.payload) }
                == waiting.filter { !$0.value.isEmpty })
    }

    @Test(arguments: Engine.allCases) func deadDeliveryLetsTheNextPassAndComesBackWhenRetried(_ engine: Engine) throws {
        let shelf = try Shelf(engine)
        try shelf.write { registry in
            try registry.put(
                HookRecord(name: "h", kind: .callback, events: [], command: [], deadline: 1, maxAttempts: 1))
            for payload in ["1", "2"] {
                try registry.enqueue(hook: "h", agent: "a", event: "e", payload: payload, source: "", at: 0)
            }
        }
        func claim(_ now: Int64) throws -> DeliveryRecord? {
            try shelf.write { try $0.claimDeliveries(of: "h", by: "me", at: now, until: now + 10, limit: 1) }.first
        }
        let first = try #require(try claim(1))
        #expect(try claim(2) == nil)
        #expect(try !shelf.read { try $0.hasDelivery(of: "h", dueBy: 10) })
        #expect(try shelf.read { try $0.hasDelivery(of: "h", dueBy: 11) })
        // Whoever claimed it is gone: after the deadline it is anyone's.
        #expect(try claim(11)?.id == first.id)
        #expect(try shelf.write { try $0.fail(first.id, by: "me", error: "gone", retryAt: nil) })
        #expect(try shelf.read { try $0.deliveries(.dead, hook: nil, limit: 9) }.map(\.error) == ["gone"])
        #expect(try claim(12)?.payload == "2")
        #expect(try shelf.write { try $0.retry(first.id, at: 12) })
        #expect(try claim(13)?.payload == "1")
        #expect(try shelf.write { try $0.removeHook(named: "h") })
        #expect(try shelf.read { try $0.deliveries(.pending, hook: nil, limit: 9) }.isEmpty)
    }

    @Test(arguments: Engine.allCases) func counterAddsExactlyAndRefusesToOverflow(_ engine: Engine) throws {
        let shelf = try Shelf(engine)
        #expect(try shelf.write { try $0.add(.max, to: "c") } == .max)
        #expect(throws: AgentIDError.self) { try shelf.write { try $0.add(1, to: "c") } }
        #expect(try shelf.write { try $0.add(-5, to: "c") } == .max - 5)
        #expect(try shelf.read { try $0.counter("none") } == 0)
    }
}
