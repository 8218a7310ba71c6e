import JOSE
import Scopes
import StrictJSON
import TestSupport
import Testing

@testable import AgentID

/// Both engines behind the registry's protocol answer alike, whatever is asked of them and in whatever order.
@Suite struct RegistryEngineTests {
    /// One question or change, the same for both engines; what it answers, as text.
    private typealias Step = (any RegistryWriter) throws -> String

    private struct Stop: Error {}

    /// Draws operations over few names, so that they meet.
    private struct Drawing {
        var generator: Seeded
        private let root = "spiffe://acme.example/agent/p/"

        init(seed: UInt64) { generator = Seeded(seed: seed) }

        mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        mutating func time() -> Int64 { Int64(number(0...40)) }
        mutating func limit() -> Int { number(0...12) == 0 ? .max : number(0...6) }

        mutating func agent() -> String {
            let id = root + "\(number(0...9))"
            switch number(0...5) {
            case 0: return id + "/sub/\(number(0...3))"
            case 1: return id + "/sub/\(number(0...3))/sub/\(number(0...2))"
            case 2: return id + ["0", "-x", "/"][number(0...2)]
            default: return id
            }
        }

        mutating func name(_ kind: String) -> String {
            "\(kind)\(["", "\u{212A}", "K", "é", "e\u{301}"][number(0...4)])\(number(0...2))"
        }

        mutating func record() -> AgentRecord {
            var agent = AgentRecord(
                id: agent(), parent: number(0...2) == 0 ? self.agent() : nil, profile: name("p"), owner: name("team:"),
                principal: name("user:"), task: "t", intent: number(0...1) == 0 ? "i" : nil, key: name("k"),
                created: time())
            state(of: &agent)
            return agent
        }

        mutating func state(of agent: inout AgentRecord) {
            agent.state = [.active, .active, .suspended, .parked, .deprovisioned][number(0...4)]
            if agent.state == .deprovisioned {
                agent.ended = time()
                agent.endReason = "done"
                if number(0...2) > 0 {
                    agent.tombstone = String(repeating: "t\(number(0...9))", count: number(1...200))
                }
            }
        }

        mutating func revocation() -> Revocation {
            let kind = Revocation.Kind.allCases[number(0...5)]
            switch kind {
            case .agent: return Revocation(unchecked: kind, agent())
            case .grant: return Revocation(unchecked: kind, "j\(number(0...20))")
            case .key: return Revocation(unchecked: kind, name("k"))
            case .profile: return Revocation(unchecked: kind, name("p"))
            case .principal: return Revocation(unchecked: kind, name(["user:", "team:"][number(0...1)]))
            case .issuer: return Revocation(unchecked: kind, "no key")
            }
        }

        mutating func steady() -> SteadyTime { SteadyTime(boot: ["", "a", "b"][number(0...2)], milliseconds: time()) }
    }

    private static func told(_ values: Any...) -> String { values.map { "\($0)" }.joined(separator: " | ") }

    /// A change.
    private func change(_ draw: inout Drawing) -> Step {
        switch draw.number(0...24) {
        case 0...3:
            let agent = draw.record()
            return { registry in
                try registry.insert(agent); return "inserted"
            }
        case 4, 5:
            var agent = draw.record()
            draw.state(of: &agent)
            return { [agent] registry in Self.told(try registry.update(agent)) }
        case 6, 7, 8:
            let grant = GrantRecord(
                id: "j\(draw.number(0...20))", agent: draw.agent(),
                chain: String(repeating: "abc\(draw.number(0...3)).", count: draw.number(0...120)), issued: draw.time(),
                expires: draw.time())
            return { registry in
                try registry.insert(grant); return "granted"
            }
        case 9:
            let (agent, time) = (draw.agent(), draw.time())
            return { registry in
                try registry.removeGrants(of: agent, expiredBefore: time); return "removed"
            }
        case 10:
            let (ended, expired, limit) = (draw.time(), draw.time(), draw.number(0...3) * 100)
            return { registry in
                Self.told(try registry.prune(endedBefore: ended, expiredBefore: expired, limit: limit))
            }
        case 11, 12, 13:
            let lease = LeaseRecord(
                agent: draw.agent(), expires: draw.time(), renewed: draw.time(), holder: "h", runsUntil: draw.steady(),
                grace: Int64(draw.number(0...4)), sealed: draw.number(0...3) == 0 ? [1, 2] : nil)
            return { registry in
                try registry.put(lease); return "leased"
            }
        case 14:
            let agents = (0..<draw.number(0...6)).map { _ in draw.agent() }
            let (now, until, steady, running) = (draw.time(), draw.time(), draw.steady(), draw.steady())
            return { registry in
                Self.told(
                    try registry.renewLeases(
                        of: agents, at: now, until: until, runsUntil: steady, orRunningAt: running.milliseconds))
            }
        case 15:
            let agent = draw.agent()
            return { registry in
                try registry.removeLease(of: agent)
                return Self.told(try registry.releaseBrokerLeases(of: agent, at: 20))
            }
        case 16, 17:
            let (revocations, time) = ((0..<draw.number(0...3)).map { _ in draw.revocation() }, draw.time())
            return { registry in Self.told(try registry.add(revocations, at: time, reason: "r")) }
        case 18:
            let departure = Departure(Revocation(unchecked: .principal, draw.name("user:")), reason: "left")
            let isOver = draw.number(0...1) == 0
            return { registry in
                if isOver { try registry.remove(departure) } else { try registry.put(departure) }
                return "departed"
            }
        case 19:
            let hook = HookRecord(
                name: draw.name("h"), kind: .command, events: ["created"], command: ["/bin/true"], deadline: 5,
                maxAttempts: 3)
            let isRemoved = draw.number(0...5) == 0
            return { registry in
                if isRemoved { return Self.told(try registry.removeHook(named: hook.name)) }
                try registry.put(hook)
                return "hooked"
            }
        case 20, 21:
            let (hook, agent, source, time) = (draw.name("h"), draw.agent(), draw.name(""), draw.time())
            let payload = String(repeating: "é", count: draw.number(0...5))
            return { registry in
                try registry.enqueue(
                    hook: hook, agent: agent, event: "e", payload: payload, source: source, at: time)
                return "queued"
            }
        case 22:
            let (hook, now, limit) = (draw.name("h"), draw.time(), draw.number(0...4))
            let (choice, retryAt) = (draw.number(0...4), draw.number(0...2) == 0 ? nil : draw.time())
            return { registry in
                let claimed = try registry.claimDeliveries(of: hook, by: "me", at: now, until: now + 9, limit: limit)
                var done: [Bool] = []
                for delivery in claimed {
                    switch choice {
                    case 0: done.append(try registry.release(delivery.id, by: "me"))
                    case 1: done.append(try registry.complete(delivery.id, by: "me"))
                    case 2: done.append(try registry.fail(delivery.id, by: "me", error: "no", retryAt: retryAt))
                    case 3: done.append(try registry.retry(delivery.id - 1, at: now))
                    default: done.append(try registry.complete(delivery.id, by: "another"))
                    }
                }
                return Self.told(claimed, done)
            }
        case 23:
            var lease = BrokerLeaseRecord(
                id: "b\(draw.number(0...5))", agent: draw.agent(), provider: "v", resource: "r", acquired: 1,
                expires: draw.time(), state: [.acquiring, .held, .releasing][draw.number(0...2)])
            lease.nextAt = draw.time() + (draw.number(0...3) == 0 ? RetryDelay.longest : 0)
            lease.runsUntil = SteadyTime(boot: ["", "b", "c"][draw.number(0...2)], milliseconds: Int64(draw.time()))
            let isRemoved = draw.number(0...3) == 0
            return { [lease] registry in
                if isRemoved { try registry.removeBrokerLease(lease.id) } else { try registry.put(lease) }
                return "held"
            }
        default:
            let (line, through, name) = (UInt8(draw.number(0...255)), draw.time(), draw.name("c"))
            let (owner, until) = (draw.number(0...2) == 0 ? nil : draw.agent(), draw.time() * 1000)
            let profile = try? Profile(name: "p\(draw.number(0...4))", owner: draw.name("team:"), ceiling: Scope("a()"))
            return { registry in
                try registry.append(event: [line])
                try registry.removeEvents(through: through)
                if let profile { try registry.put(ProfileRecord(profile: profile, certifiedAt: through)) }
                try registry.setLog(LogMark(identity: name, size: through))
                return Self.told(
                    try registry.add(through, to: name, of: owner, until: until),
                    try registry.pruneCounters(endedBefore: through / 8, limit: 100))
            }
        }
    }

    /// A question about a part.
    private func question(_ draw: inout Drawing) -> Step {
        let (agent, limit, time, key) = (draw.agent(), draw.limit(), draw.time(), draw.name("k"))
        switch draw.number(0...10) {
        case 0:
            var filter = AgentFilter()
            if draw.number(0...2) == 0 { filter.principal = draw.name("user:") }
            if draw.number(0...2) == 0 { filter.owner = draw.name("team:") }
            if draw.number(0...2) == 0 { filter.profile = draw.name("p") }
            if draw.number(0...3) == 0 { filter.parent = agent }
            filter.state = [nil, .active, .parked, .suspended, .deprovisioned][draw.number(0...4)]
            (filter.limit, filter.offset) = (limit, draw.number(0...3))
            return { [filter] registry in Self.told(try registry.agents(filter)) }
        case 1: return { registry in Self.told(try registry.subtree(of: agent)) }
        case 2: return { registry in Self.told(try registry.agentsWithoutTombstone(limit: limit)) }
        case 3:
            // In no order of their own, and cut anywhere: all of them.
            return { registry in
                Self.told(
                    try registry.holders(of: key, limit: .max).map { "\($0)" }.sorted(),
                    try registry.formerKeys(of: agent).inByteOrder(), try registry.isFormerKey(key, of: agent))
            }
        case 4: return { registry in Self.told(try registry.leases(lapsedBy: time, limit: limit)) }
        case 5:
            let over = LeaseTime(wall: time, steady: draw.steady(), leaseDuration: 1)
            return { registry in
                let first = try registry.leases(overBy: over, after: nil, limit: limit)
                return Self.told(first, try registry.leases(overBy: over, after: first.last, limit: limit))
            }
        case 6:
            let revocations = (0..<4).map { _ in draw.revocation() }
            return { registry in
                Self.told(
                    try registry.firstRevoked(of: revocations) as Any,
                    try revocations.map { try registry.knows($0) },
                    try revocations.map { try registry.revocationTime(of: $0) },
                    // Numbered alike in order alone: one engine leaves gaps.
                    try registry.revocations(after: 0, limit: limit).map { "\($0.revocation) \($0.at)" })
            }
        case 7:
            let hook = draw.name("h")
            return { registry in
                Self.told(
                    try registry.deliveries(.pending, hook: hook, limit: limit),
                    try registry.deliveries(.dead, hook: nil, limit: limit), try registry.deliveryCounts(of: hook),
                    try registry.deliveryLoads(of: hook), try registry.deliveryCount(about: agent),
                    try registry.hasDelivery(of: hook, dueBy: time))
            }
        case 8:
            return { registry in
                Self.told(
                    try registry.brokerLeases(of: agent, limit: limit),
                    try registry.brokerLeases(of: nil, limit: limit),
                    try registry.brokerLeases(dueBy: time, SteadyTime(boot: "b", milliseconds: time), limit: limit))
            }
        case 9:
            return { registry in
                Self.told(
                    try registry.grants(of: agent), try registry.lastGrants(of: [agent, "none"]),
                    try registry.lastGrantExpiry() as Any, try registry.lastGrantIssue(after: time) as Any,
                    try registry.grant("j3") as Any)
            }
        default:
            return { registry in
                Self.told(
                    try registry.agent(agent) as Any, try registry.standing(of: [agent, "none"]),
                    try registry.lease(of: agent) as Any, try registry.prunedTombstone(of: agent) as Any)
            }
        }
    }

    /// All that is little.
    private func rest(_ registry: any RegistryReader, of agent: String) throws -> String {
        let meta = try registry.meta()
        return Self.told(
            meta.sequence, meta.keysSequence, meta.log, try registry.keys().map(\.role),
            try registry.profiles(), try registry.hooks(), try registry.departures(), try registry.events(limit: 9),
            try registry.revocationCount(), try registry.counter("cK1"),
            try registry.counters(of: agent).map(\.exact).sorted())
    }

    @Test func bothAnswerAlikeToRandomTransactions() throws {
        let seed = Seeded.chosen("engines")
        var draw = Drawing(seed: seed)
        let keys = [KeyRecord(key: try SigningKey.generate().publicKey, role: .active)]
        let shelves = try Engine.allCases.map { try Shelf($0, keys: keys) }
        for turn in 0..<400 {
            let changes = (0..<draw.number(1...6)).map { _ in change(&draw) }
            let questions = (0..<4).map { _ in question(&draw) }
            let agent = draw.agent()
            let isTakenBack = draw.number(0...4) == 0
            let answers = try shelves.map { shelf in
                let before = shelf.registry.changes
                var told: [String] = []
                do {
                    try shelf.registry.write { registry in
                        for step in changes {
                            // What one of them refuses does not keep the others from it.
                            do { told.append(try step(registry)) } catch {
                                told.append("refused: \((error as? AgentIDError)?.name ?? "\(error)")")
                            }
                        }
                        if isTakenBack { throw AgentIDError(.state, name: "stop", message: "") }
                    }
                } catch { told.append((error as? AgentIDError)?.name ?? "\(error)") }
                told.append("announced: \(shelf.registry.changes != before)")
                try shelf.registry.write { registry in told += try questions.map { try $0(registry) } }
                told.append(try shelf.registry.read { try rest($0, of: agent) })
                return told
            }
            guard answers[0].isSame(as: answers[1]) else {
                for (one, other) in zip(answers[0], answers[1]) where !one.isSame(as: other) {
                    Issue.record("turn \(turn), seed \(seed)\nsqlite: \(one)\nmemory: \(other)")
                }
                return
            }
        }
    }
}
