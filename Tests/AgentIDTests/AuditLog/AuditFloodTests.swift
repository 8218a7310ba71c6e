import Foundation
import JOSE
import StrictJSON
import Testing

@testable import AgentID

/// Floods of denials are counted: every denial is in the log, and no flood fills it.
@Suite struct AuditFloodTests {
    private func entries(_ directory: TemporaryDirectory) throws -> [JSON.Value] {
        let reader = try AuditReader(authority: directory.path)
        var entries: [JSON.Value] = []
        while entries.count < reader.count {
            entries += try reader.entries(from: UInt64(entries.count)).map { try JSON(parsing: $0).root }
        }
        return entries
    }

    /// How many denials these entries tell of.
    private func told(_ entries: [JSON.Value]) -> Int {
        entries.reduce(0) { sum, entry in
            if entry["kind"]?.equals("denials") == true { return sum + (entry["count"]?.int ?? 0) }
            return sum
                + (entry["decision"]?.equals("deny") == true && entry["kind"]?.equals("decision") == true ? 1 : 0)
        }
    }

    /// The seconds begun since a time, in each of which a root may have a hundred entries for a reason: a slow machine makes
    /// no flood.
    private func seconds(since begun: Int64) -> Int { Int((MonotonicClock.milliseconds - begun) / 1000) + 1 }

    @Test func strangersAreCountedByReasonAndEachIsInTheLog() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let guardian = try world.authority.guarding(.forTests(world))
        var ids: Set<String> = []
        for i in 0..<5000 {
            let chain = i.isMultiple(of: 5) ? [] : Array("garbage".utf8)
            let decision = guardian.check(
                chain: chain, proof: [], tool: String(repeating: "p", count: 1 + i % 300), arguments: Array("{}".utf8))
            ids.insert(decision.id)
        }
        try world.authority.integrate()
        let found = try entries(directory)
        #expect(told(found) == 5000)
        let ours = found.filter { $0["reason"] != nil && $0["kind"]?.equals("event") != true }
        #expect(ours.count < 100)
        // A decision's ID leads to the entry that it is counted in.
        #expect(ids == Set(ours.compactMap { $0["id"]?.string }))
        #expect(Set(ours.compactMap { $0["reason"]?.string }).count == 2)
        #expect(world.authority.trail?.unrecorded == 0)
    }

    @Test func aHoldersFirstDenialsAreEntriesAndItsFloodIsCounted() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let (agent, other) = (try world.start(), try world.start())
        let begun = MonotonicClock.milliseconds
        for _ in 0..<2000 { _ = try agent.check(tool: "other", arguments: Array("{}".utf8)) }
        _ = try other.check(tool: "other", arguments: Array("{}".utf8))
        world.authority.trail?.log?.close()
        let found = try entries(directory)
        #expect(told(found) == 2001)
        let single = found.filter { $0["kind"]?.equals("decision") == true }
        #expect(single.contains { $0["agent"]?.string == (try? other.id()) })
        #expect((101...(1 + 100 * (seconds(since: begun) + 1))).contains(single.count))
        let counted = found.filter { $0["kind"]?.equals("denials") == true }
        #expect(counted.isEmpty == (single.count == 2001))
        #expect(try counted.allSatisfy { try $0["agent"]?.string == agent.id() && $0["grant"] != nil })
    }

    @Test func aCountNamesNoAgentForWhatAnotherOneDid() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let parent = try world.start()
        let (one, two) = (try parent.spawn("one", .sameScope()), try parent.spawn("two", .sameScope()))
        let deny = { (agent: Agent, tool: String) in _ = try agent.check(tool: tool, arguments: Array("{}".utf8)) }
        let begun = MonotonicClock.milliseconds
        for _ in 0..<300 { try deny(one, "other") }
        for _ in 0..<300 { try deny(two, "other") }
        for _ in 0..<300 { try deny(two, "read_file") }
        world.authority.trail?.log?.close()
        let found = try entries(directory)
        #expect(told(found) == 900)
        let isSlow = seconds(since: begun) > 1
        for entry in found where entry["kind"]?.equals("denials") == true {
            let isBoth = entry["reason"]?.equals("tool_not_authorized") == true
            // What took longer than a count may be in one for each.
            if isBoth, isSlow, entry["agent"] != nil { continue }
            #expect(try entry["agent"]?.string == (isBoth ? nil : two.id()))
            #expect(entry["grant"] != nil && entry["principal"] != nil)
        }
        // What each did by itself is under its own name.
        let single = found.filter { $0["kind"]?.equals("decision") == true }
        let names = try [one.id(), two.id()]
        #expect(single.allSatisfy { entry in names.contains { entry["agent"]?.equals($0) == true } })
        #expect(names.allSatisfy { name in single.contains { $0["agent"]?.equals(name) == true } })
    }

    @Test func manyRootsAtOnceLetNoFloodThrough() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let guardian = try world.authority.guarding(.forTests(world))
        let holder = try SigningKey.generate().publicKey
        let roots = try (0..<1100).map { _ in
            try world.authority.issue(
                profile: "researcher", to: holder,
                AgentRequest(
                    principal: "user:alice@acme.example", task: "t", scope: Scope("read_file(path under '/data/q3')"))
            ).chain
        }
        let deny = { (chain: String) in
            _ = guardian.check(
                chain: Array(chain.utf8), proof: Array("x.y.z".utf8), tool: "read_file", arguments: Array("{}".utf8))
        }
        let begun = MonotonicClock.milliseconds
        for root in roots { deny(root) }
        for _ in 0..<3000 { deny("x.y.z") }
        for _ in 0..<3000 { deny(roots[1099]) }
        world.authority.trail?.log?.close()
        let found = try entries(directory)
        #expect(told(found) == 1100 + 6000)
        // Those of the roots that had a window of their own, a hundred a second of the rest, and a few counts.
        let seconds = seconds(since: begun)
        #expect(found.filter { $0["kind"]?.equals("event") != true }.count < 1024 + 300 + 200 * seconds)
        let together = found.filter {
            $0["kind"]?.equals("denials") == true && $0["issuer"] != nil && $0["agent"] == nil
        }
        #expect(!together.isEmpty || seconds > 20)
        #expect(together.allSatisfy { $0["principal"] == nil && $0["grant"] == nil })
    }

    @Test func aFloodOfAnyLengthIsWrittenEverMoreSeldom() throws {
        let time = Locked<Int64>(0)
        let flood = AuditFlood { time.withLock { $0 } }
        let process = AuditProcess()
        var (lines, singles) = (0, 0)
        for number in 0..<100_000 {
            var decision = Decision(tool: "x", time: Int64(number))
            decision.denial = Denial("chain_empty", "the chain is empty")
            let sample = AuditFlood.Sample(
                try #require(decision.denial), on: decision.tool, at: decision.time, chain: decision.chain,
                guardian: "files")
            let record = AuditRecord(process: process, number: UInt64(number))
            if case .single = flood.take(sample, as: record, lost: LostDecisions()) { singles += 1 }
            time.withLock { $0 += 10 }
            flood.flush(isLast: false) { line throws(AgentIDError) in
                lines += 1
                #expect(line.count < 1000)
            }
        }
        // 1000 s at 100 a second.
        #expect(singles == 1 && lines < 30)
    }

    @Test func whatCannotBeCountedInTheLogIsCountedAsLost() throws {
        let flood = AuditFlood()
        let lost = LostDecisions()
        for _ in 0..<10 {
            var decision = Decision(tool: "x", time: 1)
            decision.denial = Denial("chain_empty", "the chain is empty")
            let sample = AuditFlood.Sample(
                try #require(decision.denial), on: decision.tool, at: decision.time, chain: decision.chain,
                guardian: nil)
            _ = flood.take(sample, as: AuditRecord(process: AuditProcess(), number: 1), lost: lost)
        }
        flood.flush(isLast: true) { _ throws(AgentIDError) in
            throw AgentIDError(.io, name: "audit_unavailable", message: "full")
        }
        #expect(lost.count == 9)
    }
}

/// What hooks are told of denials is bounded, whatever is denied.
@Suite struct DenialNewsTests {
    /// Whoever holds a root makes up as many agents below it as there are names, and as many roots as it was given.
    @Test func madeUpSubAgentsTakeNoMoreRoomThanTheirRoot() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        try world.authority.add(Hook("siem", on: [.denied], action: .command(["/bin/false"])))
        let (agent, other) = (try world.start(), try world.start())
        let (denials, registry) = (world.authority.lifecycle.denials, world.authority.registry)
        let guardian = try world.authority.guarding(.forTests(world))
        for i in 0..<200 {
            let request = DelegationRequest.sameScope(agent: "\(try agent.id())/made-up/\(i)")
            let chain = try agent.delegate(to: SigningKey.generate().publicKey, request)
            _ = guardian.check(chain: Array(chain.utf8), proof: [], tool: "read_file", arguments: Array("{}".utf8))
            if i % 10 == 0 { denials.flush() }
        }
        denials.flush()
        func waiting() throws -> [DeliveryRecord] {
            try registry.read { try $0.deliveries(.pending, hook: "siem", limit: 1000) }
                + registry.read { try $0.deliveries(.dead, hook: "siem", limit: 1000) }
        }
        #expect(try waiting().count == DenialBacklog.most)
        // And nobody else loses news of its own.
        _ = try other.check(tool: "other", arguments: Array("{}".utf8))
        denials.flush()
        #expect(try waiting().count { $0.agent == (try? other.id()) } == 1)
        #expect(try waiting().count == DenialBacklog.most + 1)
    }

    @Test func allRootsTogetherHaveOneBoundAndWhatIsLeftOutIsTold() throws {
        let world = try World()
        let (denials, registry) = (world.authority.lifecycle.denials, world.authority.registry)
        // Run by nobody here.
        try registry.write { registry in
            try registry.put(
                HookRecord(
                    name: "siem", kind: .callback, events: ["denied"], command: [], deadline: 10, maxAttempts: 3))
        }
        let issuer = try world.guarding().admit(chain: world.start().chainBytes()).issuer
        func tell(_ n: Int) {
            var event = LifecycleEvent(.denied, at: 1)
            (event.reason, event.tool, event.chain, event.issuer) = ("x", "t", ["\(n)"], issuer)
            (event.source, event.agent) = ("root-\(n)", "spiffe://acme.example/agent/p/\(n)")
            event.task = String(repeating: "t", count: n % 500)
            denials.add(event)
        }
        func waiting() throws -> [DeliveryRecord] {
            try registry.read { try $0.deliveries(.pending, hook: "siem", limit: 10_000) }
        }
        let all = 3 * DenialBacklog.mostInAll
        for n in 0..<all { tell(n) }
        denials.flush()
        let first = try waiting()
        #expect((100...DenialBacklog.mostInAll).contains(first.count))
        #expect(first.reduce(0) { $0 + $1.payload.utf8.count } <= DenialBacklog.mostBytes)
        // The hook takes them, and is told of one more, and of how many there were.
        var told = 0
        for _ in 0..<4 {
            told += try waiting().reduce(0) { sum, delivery in
                let event = try JSON(parsing: delivery.payload).root
                return sum + (event["count"]?.int ?? 1) + (event["omitted"]?.int ?? 0)
            }
            try registry.write { registry in
                let taken = try registry.claimDeliveries(of: "siem", by: "test", at: 2, until: 9, limit: 10_000)
                for delivery in taken { try registry.complete(delivery.id, by: "test") }
            }
            if told < all + 1 { tell(all) }
            denials.flush()
        }
        #expect(told >= all && told <= all + 4)
    }

    @Test func aHookHasAFewDenialsOfAnAgentAndTheNumberOfTheRest() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        try world.authority.add(Hook("siem", on: [.denied], action: .command(["/bin/false"])))
        let (agent, other) = (try world.start(), try world.start())
        let denials = world.authority.lifecycle.denials
        let long = String(repeating: "\u{1}", count: 1_000_000)
        for _ in 0..<40 {
            _ = try agent.check(tool: long, arguments: Array("{}".utf8))
            denials.flush()
        }
        _ = try other.check(tool: "other", arguments: Array("{}".utf8))
        denials.flush()
        let registry = world.authority.registry
        let waiting = try registry.read { registry in
            try registry.deliveries(.pending, hook: "siem", limit: 1000)
                + registry.deliveries(.dead, hook: "siem", limit: 1000)
        }
        #expect(waiting.count { $0.agent == (try? agent.id()) } == DenialBacklog.most)
        #expect(waiting.count { $0.agent == (try? other.id()) } == 1)
        #expect(waiting.allSatisfy { $0.payload.utf8.count < 8192 })
        #expect(try JSON(parsing: waiting[0].payload).root["cut"]?["tool"]?["bytes"]?.int == 1_000_000)
        // As soon as the hook has taken some, it is told of the number of those after them.
        let tomorrow = SystemClock().milliseconds + 86_400_000
        try registry.write { registry in
            let taken = try registry.claimDeliveries(
                of: "siem", by: "test", at: tomorrow, until: tomorrow, limit: 1000)
            for delivery in taken { try registry.complete(delivery.id, by: "test") }
        }
        denials.flush()
        let last = try registry.read { try $0.deliveries(.pending, hook: "siem", limit: 10) }
        #expect(try last.map { try JSON(parsing: $0.payload).root["count"]?.int } == [40 - DenialBacklog.most])
    }
}
