import Foundation
import StrictJSON
import Scopes
import Testing

@testable import AgentID

/// An entry always fits: what is too long is refused where it is accepted, or cut with its length and hash beside it.
@Suite struct AuditBoundsTests {
    private func entries(_ world: World, _ directory: TemporaryDirectory) throws -> [JSON.Value] {
        try world.authority.integrate()
        let reader = try AuditReader(authority: directory.path)
        #expect(try reader.verify().isSound)
        var entries: [JSON.Value] = []
        while entries.count < reader.count {
            entries += try reader.entries(from: UInt64(entries.count)).map { try JSON(parsing: $0).root }
        }
        return entries
    }

    /// A text whose every byte takes six in JSON.
    private func worst(_ count: Int) -> String { String(repeating: "\u{1}", count: count) }

    @Test func theLongestDecisionFitsALine() throws {
        var denial = AuditCut()
        let long = worst(100_000)
        let refusal = AuditDenial(
            Denial("constraint_that_has_a_long_name", long, link: 63, call: long, argument: long), &denial)
        _ = denial.fit(long, AuditBounds.tool, as: "tool")
        denial.leaveOut(100_000, of: "arguments", hash: AuditCut.hash([1].span))
        let names = AuditBounds.arguments * (AuditBounds.argument + 1) + 2
        let mark = AuditMark(worst(AuditBounds.guardian), AuditProcess())
        let tool = AuditBounds.tool * AuditBounds.escaped + 2
        let sum =
            AuditBounds.context + refusal.count + denial.member.count + names + mark.bytes.count + tool
            + AuditTemplate.mostAdded + 200
        #expect(sum <= AuditFrame.longestLine)
    }

    @Test func aCallOfAnyLengthHasAnEntryWithHashesOfWhatWasCut() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start("search(query: *)")
        let tool = worst(66_000)
        let denied = try agent.check(tool: tool, arguments: Array("{}".utf8))
        #expect(denied.denial?.reason.rawValue == "tool_not_authorized" && !denied.id.isEmpty)
        let names = (0..<100).map { "\"\($0)\":1" } + ["\"\(String(repeating: "é", count: 200))\":1"]
        let many = try agent.check(tool: "search", arguments: Array("{\(names.joined(separator: ","))}".utf8))
        #expect(!many.isPermitted)
        let found = try entries(world, directory).filter { $0["kind"]?.equals("decision") == true }
        #expect(found.compactMap { $0["id"]?.string } == [denied.id, many.id])
        #expect(found[0]["tool"]?.string == worst(AuditBounds.tool))
        let cut = try #require(found[0]["cut"]?["tool"])
        #expect(cut["bytes"]?.int == 66_000)
        #expect(cut["sha256"]?.string == AuditCut.hash(Array(tool.utf8).span))
        #expect(found[1]["arguments"]?.elements.compactMap(\.string).count == AuditBounds.arguments)
        #expect(found[1]["cut"]?["arguments"]?["count"]?.int == 101 - AuditBounds.arguments)
        for entry in found { #expect(try JSON(parsing: entry.canonical()).root.canonical() == entry.canonical()) }
    }

    @Test func aPermitSaysHowManyArgumentNamesItLeftOut() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let name = String(repeating: "n", count: 300)
        try world.authority.put(
            Profile(name: "researcher", owner: "team:research@acme.example", ceiling: Scope("search(\(name): *)")))
        let agent = try world.start("search(\(name): *)")
        let permit = try agent.check(tool: "search", arguments: Array("{\"\(name)\":1}".utf8))
        #expect(permit.isPermitted)
        let entry = try #require(try entries(world, directory).first { $0["kind"]?.equals("decision") == true })
        #expect(
            entry["decision"]?.equals("permit") == true && entry["arguments"]?.elements.contains { _ in true } == false)
        #expect(entry["cut"]?["arguments"]?["count"]?.int == 1)
    }

    @Test func aCutEndsBetweenTwoCharacters() {
        for most in 0..<12 {
            let cut = "aé€😀b".prefix(bytes: most)
            #expect(cut.utf8.count <= most && "aé€😀b".utf8.starts(with: cut.utf8))
            #expect(!cut.utf8.contains(0xEF))
        }
    }

    @Test func aReasonThatIsTooLongIsRefusedAndChangesNothing() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let (agent, other) = (try world.start(), try world.start())
        let (long, id) = (String(repeating: "x", count: AuditBounds.reason + 1), try agent.id())
        let calls: [() throws -> Void] = [
            { try world.authority.suspend(agent: id, reason: long) },
            { _ = try world.authority.deprovision(agent: id, reason: long) },
            { _ = try agent.end(reason: long) },
            { _ = try world.authority.deprovision(principal: "user:alice@acme.example", reason: long) },
            { _ = try world.authority.withdraw(profile: "researcher", reason: long) },
            { try world.authority.revoke(Revocation(.agent, id), reason: long) },
        ]
        for call in calls { #expect(throws: AgentIDError.self) { try call() } }
        for agent in [agent, other] {
            #expect(
                try agent.check(tool: "read_file", arguments: Array(#"{"path":"/data/q3/a"}"#.utf8)).isPermitted)
        }
        // The longest one that is accepted, with every byte escaped.
        _ = try world.authority.deprovision(agent: id, reason: worst(AuditBounds.reason))
        let found = try entries(world, directory)
        #expect(found.contains { $0["reason"]?.equals(worst(AuditBounds.reason)) == true })
    }

    @Test func theLongestEventIsCutToFit() throws {
        var event = LifecycleEvent(.deprovisioned, at: 1)
        let long = worst(10_000)
        (event.agent, event.profile, event.owner, event.principal) = (long, long, long, long)
        (event.task, event.intent, event.key, event.reason) = (long, long, long, long)
        (event.decision, event.tool, event.tombstone) = (long, long, long)
        event.chain = Array(repeating: long, count: 65)
        let line = event.line
        #expect(line.count <= AuditFrame.longestLine)
        #expect(try JSON(parsing: line).root["cut"]?["chain"]?["count"]?.int == 57)
    }

    @Test func anEventThatIsTooLongFromBeforeBecomesAGapAndStopsNothing() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        _ = try world.start()
        try world.authority.registry.write { registry in
            try registry.append(event: Array(repeating: UInt8(ascii: "x"), count: 70_000))
            // More than `sequence` may hold at once.
            for _ in 0..<200 { try registry.append(event: Array("\"\(String(repeating: "y", count: 60_000))\"".utf8)) }
        }
        let agent = try world.start()
        #expect(try agent.check(tool: "read_file", arguments: Array(#"{"path":"/data/q3/a"}"#.utf8)).isPermitted)
        let found = try entries(world, directory)
        #expect(found.filter { $0["event"]?.equals("audit.gap") == true }.compactMap { $0["to"]?.int } == [70_000])
        #expect(found.count { $0.kind == .string } == 200)
        #expect(found.contains { $0["kind"]?.equals("decision") == true })
        #expect(try world.authority.registry.read { try $0.events(limit: 1) }.isEmpty)
    }
}
