import Foundation
import JOSE
import StrictJSON
import Scopes
import Testing

@testable import AgentID

/// Every decision and event is written down, once, before anyone is answered; and never what an argument's value was.
@Suite struct AuditTrailTests {
    private let inside = Array(#"{"path":"/data/q3/sesame.csv"}"#.utf8)

    private func entries(_ world: World, _ directory: TemporaryDirectory) throws -> [JSON.Value] {
        try world.authority.integrate()
        let reader = try AuditReader(authority: directory.path)
        #expect(try reader.verify().isSound)
        var entries: [JSON.Value] = []
        while entries.count < reader.count {
            for line in try reader.entries(from: UInt64(entries.count)) {
                let entry = try JSON(parsing: line).root
                #expect(entry.canonical() == line)
                entries.append(entry)
            }
        }
        return entries
    }

    @Test func everyDecisionSaysWhoForWhomWhatAndWhy() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let child = try world.start().spawn("reader", .sameScope())
        let permit = try child.check(tool: "read_file", arguments: inside)
        let denial = try child.check(tool: "read_file", arguments: Array(#"{"path":"/etc","mode":1}"#.utf8))
        let odd = try child.check(tool: "no\"tool", arguments: Array("[".utf8))
        let found = try entries(world, directory).filter { $0["kind"]?.equals("decision") == true }
        #expect(found.compactMap { $0["id"]?.string } == [permit.id, denial.id, odd.id])
        #expect(found.compactMap { $0["decision"]?.string } == ["permit", "deny", "deny"])
        for entry in found {
            #expect(try entry["agent"]?.string == child.id())
            #expect(entry["principal"]?.string == "user:alice@acme.example")
            #expect(entry["owner"]?.string == "team:research@acme.example")
            #expect(entry["profile"]?.string == "researcher" && entry["task"]?.string == "Q3 review")
            #expect(entry["chain"]?.elements.compactMap { $0["jti"]?.string }.count == 2)
        }
        #expect(found[0]["arguments"]?.elements.compactMap(\.string) == ["path"])
        #expect(Set(found[1]["arguments"]?.elements.compactMap(\.string) ?? []) == ["path", "mode"])
        #expect(found[1]["reason"]?.string == denial.denial?.reason.rawValue && found[1]["link"]?.int == 1)
        #expect(found[2]["tool"]?.string == "no\"tool" && found[2]["arguments"] == nil)
    }

    @Test func eventsDoNotPileUpWhereNoLogTakesThem() throws {
        let directory = try TemporaryDirectory()
        for world in [try World(), try World(at: directory.path) { $0.audit = .none }] {
            try world.start().end()
            #expect(try world.authority.registry.read { try $0.events(limit: 1) }.isEmpty)
        }
    }

    @Test func entriesAreCanonicalWhereNoChainWasVerified() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let guardian = try world.authority.guarding(.forTests(world))
        let decision = guardian.check(chain: Array("garbage".utf8), proof: [], tool: "read_file", arguments: inside)
        #expect(!decision.isPermitted)
        let found = try entries(world, directory).filter { $0["kind"]?.equals("decision") == true }
        #expect(found.count == 1 && found[0]["agent"] == nil && found[0]["chain"] == nil)
        #expect(found.first?["reason"]?.string == decision.denial?.reason.rawValue)
    }

    @Test func argumentValuesAreNowhereInTheDirectory() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start()
        _ = try agent.check(tool: "read_file", arguments: inside)
        _ = try agent.check(tool: "search", arguments: inside)
        _ = try entries(world, directory)
        let files = try #require(FileManager.default.enumerator(atPath: directory.path))
        var count = 0
        for case let name as String in files {
            guard let data = FileManager.default.contents(atPath: directory.path + "/" + name) else { continue }
            #expect(data.range(of: Data("sesame".utf8)) == nil, "\(name)")
            count += 1
        }
        #expect(count > 5)
    }

    @Test func digestsTellTheSameArgumentsFromOthersAndNothingElse() throws {
        func digests(_ calls: [String]) throws -> [String] {
            let directory = try TemporaryDirectory()
            let world = try World(at: directory.path)
            let agent = try world.start("search(query: *)")
            for call in calls { _ = try agent.check(tool: "search", arguments: Array(call.utf8)) }
            return try entries(world, directory).compactMap { $0["digest"]?.string }
        }
        let calls = [
            #"{"query":"a","limit":1}"#, #"{ "limit": 1, "query": "\u0061" }"#, #"{"query":"b","limit":1}"#,
        ]
        let (here, elsewhere) = (try digests(calls), try digests(calls))
        #expect(here.count == 3 && here[0] == here[1] && here[0] != here[2])
        #expect(here[0] != elsewhere[0])
    }

    @Test func aGuardWritesNoEntriesWithoutDigestsWhereTheirKeyIsGone() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        _ = try world.start().check(tool: "read_file", arguments: inside)
        try world.authority.integrate()
        _ = try Guard.open(directory: directory.path, .forTests(world))
        let key = URL(fileURLWithPath: "\(directory.path)/keys/digest")
        for (change, name) in [([1, 2, 3], "key_file"), (nil, "key_missing")] as [([UInt8]?, String)] {
            try FileManager.default.removeItem(at: key)
            if let change {
                try Data(change).write(to: key)
                _ = unsafe chmod(key.path, 0o600)
            }
            do {
                _ = try Guard.open(directory: directory.path, .forTests(world))
                Issue.record("it opened")
            } catch { #expect(error.name == name) }
        }
    }

    @Test func whatCannotBeWrittenDownIsDeniedOrCounted() throws {
        for isStrict in [true, false] {
            let directory = try TemporaryDirectory()
            let world = try World(at: directory.path) { $0.audit.isStrict = isStrict }
            let agent = try world.start()
            #expect(try agent.check(tool: "read_file", arguments: inside).isPermitted)
            world.authority.trail?.log?.close()
            let decision = try agent.check(tool: "read_file", arguments: inside)
            #expect(decision.isPermitted != isStrict)
            #expect(decision.denial.map(\.reason.rawValue) == (isStrict ? "audit_unavailable" : nil))
            #expect(world.authority.trail?.unrecorded == 1 && decision.id.isEmpty)
            // Another reason stays the one that is given.
            let denied = try agent.check(tool: "other", arguments: inside)
            #expect(denied.denial?.reason.rawValue == "tool_not_authorized")
        }
    }

    /// Forgets to forget, as a process does that dies in between.
    private final class Forgetful: AuditOutbox {
        struct Died: Error {}
        let inner: RegistryOutbox
        let isDying = Locked(true)
        init(_ inner: RegistryOutbox) { self.inner = inner }
        func lines(after number: Int64, limit: Int) throws(AgentIDError) -> [AuditOutboxLine] {
            try inner.lines(after: number, limit: limit)
        }
        func remove(through number: Int64) throws(AgentIDError) {
            let dies = isDying.withLock { dying in
                defer { if number > 0 { dying = false } }
                return dying && number > 0
            }
            if dies { throw AgentIDError(.internal, name: "died", message: "died here") }
            try inner.remove(through: number)
        }
    }

    @Test func eventsBecomeEntriesOnceEvenWhereTheProcessDiesBeforeItForgetsThem() throws {
        let directory = try TemporaryDirectory()
        try Files.makeDirectory(directory.path + "/audit")
        let world = try World(at: directory.path) { $0.audit = .none }
        let agent = try world.start()
        _ = try agent.spawn("a", .sameScope())
        let registry = world.authority.registry
        let waiting = try registry.read { try $0.events(limit: 100) }
        let outbox = Forgetful(RegistryOutbox(registry: registry))
        let signer = try SigningKey.generate()
        func integrate() throws {
            let log = try AuditLog(
                directory: directory.path + "/audit", origin: "acme.example/audit", signer: signer,
                options: AuditOptions(), clock: world.clock, outbox: outbox,
                files: SystemAuditFiles.making(directory.path + "/audit"))
            defer { log.close() }
            try log.integrate()
        }
        #expect(throws: AgentIDError.self) { try integrate() }
        #expect(try registry.read { try $0.events(limit: 100) }.count == waiting.count)
        _ = try agent.spawn("b", .sameScope())
        try integrate()
        try integrate()
        #expect(try registry.read { try $0.events(limit: 100) }.isEmpty)
        let key = try String(decoding: Files.read(directory.path + "/audit/checkpoint"), as: UTF8.self)
        #expect(key.hasPrefix("acme.example/audit\n\(waiting.count + 2)\n"))
    }

    @Test func outcomesAreReportedOfTheirDecision() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let guardian = try world.authority.guarding(.forTests(world))
        let agent = try world.start()
        let proof = try agent.prove(tool: "read_file", arguments: inside)
        let decision = guardian.check(
            chain: Array(try agent.chain().utf8), proof: Array(proof.utf8), tool: "read_file", arguments: inside)
        try guardian.report("failed: not found", of: decision.id)
        #expect(throws: AgentIDError.self) { try guardian.report("", of: decision.id) }
        #expect(throws: AgentIDError.self) { try world.guarding().report("x", of: decision.id) }
        // What never was a decision: of another form, of this guard's but not made. Another guard's is not known here.
        let (process, number) = (decision.id.prefix(33), String(decision.id.suffix(16)))
        let zeros = String(repeating: "0", count: 15)
        for never in [
            "", "dead-1", "\(process)1", "\(process)\(zeros)0", "\(process)\(zeros)2", "\(process)\(zeros)A",
            "\(process)\(number)0",
            decision.id.uppercased(), "é" + decision.id.dropFirst(2),
        ] {
            #expect { try guardian.report("succeeded", of: never) } throws: {
                ($0 as? AgentIDError)?.name == "decision"
            }
        }
        try guardian.report("succeeded", of: String(repeating: "a", count: 32) + "-\(zeros)1")
        try world.authority.integrate()
        let found = try JSON(parsing: AuditReader(authority: directory.path).find(decision: decision.id).text).root
        #expect(found["outcome"]?.string == "failed: not found")
        #expect(found["entry"]?["id"]?.string == decision.id)
    }
}
