import Foundation
import JOSE
import StrictJSON
import Testing

@testable import AgentID

/// A log takes its own segments only, and notices what is done to them.
@Suite struct AuditPlaceTests {
    private let call = Array(#"{"path":"/data/q3/a"}"#.utf8)

    private func entries(_ directory: TemporaryDirectory) throws -> [JSON.Value] {
        let reader = try AuditReader(authority: directory.path)
        var entries: [JSON.Value] = []
        while entries.count < reader.count {
            entries += try reader.entries(from: UInt64(entries.count)).map { try JSON(parsing: $0).root }
        }
        return entries
    }

    private func segments(_ directory: TemporaryDirectory) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path + "/audit/segments")
            .filter { $0.hasSuffix(".seg") }.map { "\(directory.path)/audit/segments/\($0)" }
    }

    @Test func anotherAuthoritysSegmentIsNeverIntegratedAndReported() throws {
        let (ours, theirs) = (try TemporaryDirectory(), try TemporaryDirectory())
        let foreign = try World(at: theirs.path)
        let agent = try foreign.start()
        #expect(try agent.check(tool: "read_file", arguments: call).isPermitted)
        let world = try World(at: ours.path)
        let segment = try #require(try segments(theirs).first)
        let name = try #require(segment.split(separator: "/").last)
        try FileManager.default.copyItem(atPath: segment, toPath: "\(ours.path)/audit/segments/\(name)")
        let found = try AuditReader(authority: ours.path).verify().findings
        #expect(found.contains { $0.message.contains("another log") })
        for _ in 0..<2 {
            try world.authority.integrate()
            let entries = try entries(ours)
            #expect(entries.allSatisfy { $0["kind"]?.equals("decision") != true })
            #expect(entries.count { $0["kind"]?.equals("foreign") == true } == 1)
            #expect(
                try AuditReader(authority: ours.path).verify().findings.contains { $0.message.contains("set aside") })
        }
        // What is ours goes on.
        let own = try world.start()
        #expect(try own.check(tool: "read_file", arguments: call).isPermitted)
        try world.authority.integrate()
        #expect(try entries(ours).count { $0["kind"]?.equals("decision") == true } == 1)
    }

    @Test func whatWasAppendedToARemovedSegmentIsWrittenAnewAndTheGapToldOf() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start()
        let log = try #require(world.authority.trail?.log)
        func decide(_ count: Int) throws {
            for _ in 0..<count { #expect(try agent.check(tool: "read_file", arguments: call).isPermitted) }
        }
        try decide(10)
        try world.authority.integrate()
        for path in try segments(directory) { try FileManager.default.removeItem(atPath: path) }
        try decide(100)
        // The thread looks every 50 ms.
        while !log.gaps.contains(where: { $0.kind == .removedSegment }) { usleep(1000) }
        try decide(10)
        try world.authority.integrate()
        let found = try entries(directory)
        let ids = found.compactMap { $0["kind"]?.equals("decision") == true ? $0["id"]?.string : nil }
        #expect(Set(ids).count == 120)
        #expect(found.contains { $0["kind"]?.equals("removed_segment") == true })
        #expect(world.authority.trail?.unrecorded == 0)
    }

    @Test func aHeaderThatWasChangedUnderItsWriterIsWrittenAgain() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start()
        func decide(_ count: Int) throws {
            for _ in 0..<count { #expect(try agent.check(tool: "read_file", arguments: call).isPermitted) }
        }
        try decide(10)
        let paths = try segments(directory)
        #expect(!paths.isEmpty)
        for path in paths {
            let file = try #require(FileHandle(forUpdatingAtPath: path))
            let byte = Int.random(in: 0..<AuditSegmentHeader.size)
            try file.seek(toOffset: UInt64(byte))
            let was = try #require(try file.read(upToCount: 1)?.first)
            try file.seek(toOffset: UInt64(byte))
            try file.write(contentsOf: [was ^ 1])
            try decide(10)
            // The thread looks every 50 ms.
            while true {
                try file.seek(toOffset: UInt64(byte))
                if try file.read(upToCount: 1)?.first == was { break }
                usleep(1000)
            }
        }
        try decide(10)
        try world.authority.integrate()
        let decisions = try entries(directory).filter { $0["kind"]?.equals("decision") == true }
        #expect(decisions.count == 20 + 10 * paths.count)
        #expect(world.authority.trail?.log?.gaps.isEmpty == true && world.authority.trail?.unrecorded == 0)
    }

    @Test func aLockThatIsRemovedUnderItsHolderLetsNobodyElseIn() throws {
        let fixture = try AuditFixture()
        let log = try fixture.open()
        _ = try log.append(Array("one".utf8).span)
        let held = try HeldDirectory(fixture.directory)
        let turn = try #require(try AuditTurn(in: fixture.directory, within: 0, held))
        #expect(try fixture.sequencer().integrate(waiting: 0).isBusy)
        for _ in 0..<3 {
            try FileManager.default.removeItem(atPath: "\(fixture.directory)/lock")
            #expect(try fixture.sequencer().integrate(waiting: 20).isBusy)
        }
        turn.end()
        let after = try fixture.sequencer().integrate(waiting: 0)
        #expect(!after.isBusy && after.size == 1)
    }

    /// Also those of before the last look, which were not integrated yet.
    @Test func whatWasDecidedBeforeAllSegmentsWereRemovedIsWrittenOnceThereIsAPlace() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start()
        try world.authority.integrate()
        var permitted: [String] = []
        func decide(_ count: Int) throws {
            for _ in 0..<count {
                let decision = try agent.check(tool: "read_file", arguments: call)
                if decision.isPermitted { permitted.append(decision.id) }
            }
        }
        try decide(20)
        usleep(150_000)
        try FileManager.default.removeItem(atPath: directory.path + "/audit/segments")
        usleep(150_000)
        try decide(3)
        #expect(permitted.count == 20)
        #expect((world.authority.trail?.unrecorded ?? 0) > 20)
        try FileManager.default.createDirectory(
            atPath: directory.path + "/audit/segments", withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700])
        usleep(200_000)
        try decide(10)
        #expect(permitted.count == 30)
        try world.authority.integrate()
        let found = try entries(directory)
        let ids = found.compactMap { $0["kind"]?.equals("decision") == true ? $0["id"]?.string : nil }
        #expect(permitted.allSatisfy { id in ids.count { $0.isSame(as: id) } == 1 })
        #expect(found.contains { $0["kind"]?.equals("removed_segment") == true })
    }

    /// A backup that is being copied has a name, and no entries yet.
    @Test func aDirectoryThatIsHalfCopiedBeginsNoNewTree() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        _ = try world.start()
        try world.authority.integrate()
        for name in ["sequence", "checkpoint", "tile"] {
            try FileManager.default.removeItem(atPath: directory.path + "/audit/" + name)
        }
        #expect(throws: AgentIDError.self) { try world.authority.integrate() }
        usleep(1_200_000)
        #expect(!FileManager.default.fileExists(atPath: directory.path + "/audit/sequence"))
    }

    @Test(arguments: ["identity", "checkpoint", "sequence"], ["link", "fifo", "directory", "huge"])
    func whatStandsInThePlaceOfAFileDeniesUntilThatIsBack(_ name: String, _ kind: String) throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start()
        try world.authority.integrate()
        let log = try #require(world.authority.trail?.log)
        let (path, aside) = ("\(directory.path)/audit/\(name)", "\(directory.path)/aside")
        try FileManager.default.moveItem(atPath: path, toPath: aside)
        switch kind {
        case "link": try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: aside)
        case "fifo": #expect(unsafe mkfifo(path, 0o600) == 0)
        case "directory": try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        default:
            #expect(FileManager.default.createFile(atPath: path, contents: nil))
            #expect(unsafe truncate(path, 1 << 40) == 0)
        }
        // The thread looks every 50 ms; until it has seen it, nothing is lost.
        for _ in 0..<20_000 where log.apart == nil { usleep(1000) }
        let denied = try agent.check(tool: "read_file", arguments: call)
        #expect(denied.denial?.reason.rawValue == "audit_replaced")
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: aside, toPath: path)
        for _ in 0..<20_000 where log.apart != nil { usleep(1000) }
        #expect(try agent.check(tool: "read_file", arguments: call).isPermitted)
    }

    @Test func nothingIsWrittenIntoAnotherLogThatTookThePlaceOfThisOne() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start()
        #expect(try agent.check(tool: "read_file", arguments: call).isPermitted)
        let log = try #require(world.authority.trail?.log)
        try FileManager.default.removeItem(atPath: directory.path + "/audit")
        let signer = try SigningKey.generate()
        let other = try AuditLog.open(
            directory: directory.path + "/audit", origin: "acme.example/audit", signer: signer)
        while log.apart == nil { usleep(1000) }
        let denied = try agent.check(tool: "read_file", arguments: call)
        #expect(denied.denial?.reason.rawValue == "audit_replaced" && denied.id.isEmpty)
        #expect((world.authority.trail?.unrecorded ?? 0) >= 1)
        #expect(throws: AgentIDError.self) { try world.authority.integrate() }
        other.close()
    }
}

/// What a client sends is never a reason not to decide.
@Suite struct CallFaultTests {
    @Test func whatCannotBeReadIsDeniedCountedAndRecorded() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start()
        let guardian = try world.authority.guarding(.forTests(world))
        let chain = try agent.chainBytes()
        let faults: [CallFault] = [
            .notText(.tool, at: 3), .tooLong(.tool, 1 << 21), .tooLong(.arguments, 1 << 21), .tooLong(.proof, 1 << 21),
        ]
        for fault in faults {
            let decision = guardian.refuse(fault, tool: "read\u{FFFD}", chain: chain)
            #expect(!decision.isPermitted && decision.agent != nil && !decision.id.isEmpty)
        }
        let stranger = guardian.refuse(.tooLong(.chain, 1 << 21), tool: "x", chain: [])
        #expect(stranger.denial?.reason.rawValue == "chain_too_long" && !stranger.id.isEmpty)
        #expect(throws: Denial.self) { try guardian.admit(chain: Array("garbage".utf8)) }
        try world.authority.integrate()
        let reader = try AuditReader(authority: directory.path)
        let entries = try reader.entries(from: 0).map { try JSON(parsing: $0).root }
        #expect(entries.count { $0["kind"]?.equals("decision") == true } == 6)
        let denied = guardian.statistics()
        #expect(denied.text.contains("tool_not_authorized"))
    }

    @Test func aReaderSaysThatAnotherLogStandsThere() throws {
        let fixture = try AuditFixture()
        let copy = fixture.directory + ".copy"
        defer { try? FileManager.default.removeItem(atPath: copy) }
        func grow(_ word: String, _ count: Int) throws {
            let log = try fixture.open()
            for i in 0..<count { try log.append(bytes("\(word) \(i)")) }
            try log.integrate()
            log.close()
        }
        func restore() throws {
            try? FileManager.default.removeItem(atPath: fixture.directory)
            try FileManager.default.copyItem(atPath: copy, toPath: fixture.directory)
        }
        func fault(_ reader: AuditReader) -> String {
            do { _ = try reader.entries(from: 650) } catch { return error.name }
            return "read"
        }
        try grow("first", 600)
        try FileManager.default.copyItem(atPath: fixture.directory, toPath: copy)
        try grow("second", 100)
        let reader = try fixture.reader()
        try restore()
        #expect(fault(reader) == "audit_rolled_back")
        try grow("other", 100)
        #expect(fault(reader) == "audit_replaced")
        try grow("more", 300)
        #expect(fault(reader) == "audit_replaced")
        #expect(fault(try fixture.reader()) == "read")
        let last = try fixture.reader()
        _ = try AuditVerifyTests.flip(fixture, "tile/entries/002", at: 1600, bit: 3)
        #expect(fault(last) == "audit_damaged")
        try FileManager.default.removeItem(atPath: fixture.directory)
        #expect(fault(reader) == "audit_replaced")
    }
}
