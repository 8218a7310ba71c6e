import Foundation
import StrictJSON
import Testing
import TransparencyLog

@testable import AgentID

/// Old entries are moved away, and nothing that was signed becomes unprovable.
@Suite struct AuditArchiveTests {
    private func name(_ body: () throws -> Void) -> String {
        do { try body() } catch { return (error as? AgentIDError)?.name ?? "\(error)" }
        return "done"
    }

    private func fill(_ log: AuditLog, _ range: Range<Int>) throws {
        for i in range { try log.append(bytes(#"{"entry":\#(i)}"#)) }
        try log.integrate()
    }

    private func text(_ entry: [UInt8]) -> String { String(decoding: entry, as: UTF8.self) }

    @Test func whatIsArchivedWhileALogIsReadIsNotTakenForMissing() throws {
        let fixture = try AuditFixture()
        let target = fixture.directory + "-archive"
        defer { try? FileManager.default.removeItem(atPath: target) }
        try fill(fixture.open(), 0..<1000)
        let reading = try fixture.reader()
        #expect(try fixture.reader().archive(first: 600, to: target) == 0..<512)
        let found = try reading.verify()
        #expect(found.isSound && found.archived == 512 && found.sound == 488, "\(found.findings)")
        #expect(name { _ = try reading.entries(from: 3) } == "audit_archived")
        #expect(try text(reading.entry(at: 512)) == #"{"entry":512}"#)
        // What nobody archived is missing all the same.
        try FileManager.default.removeItem(atPath: fixture.directory + "/tile/entries/002")
        #expect(try !reading.verify().isSound)
        #expect(name { _ = try reading.entries(from: 600) } == "audit_damaged")
    }

    @Test(arguments: [1, 255, 1000, 1024, 1_000_000]) func noLogSaysThatMoreIsArchivedThanMayBe(from: UInt64) throws {
        let fixture = try AuditFixture()
        try fill(fixture.open(), 0..<1000)
        try Data(AuditKept(from: from, to: nil).bytes).write(to: URL(fileURLWithPath: fixture.directory + "/kept"))
        #expect(name { _ = try fixture.reader().verify() } == "audit_damaged")
    }

    @Test(arguments: ["0,0", "256,256", "512,256", "0,255", "0,1024", "7,512", "0,-1"])
    func noArchiveSaysThatItHasWhatItCannotHave(range: String) throws {
        let fixture = try AuditFixture()
        try fill(fixture.open(), 0..<1000)
        let ends = range.split(separator: ",")
        let kept = #"{"from":\#(ends[0]),"to":\#(ends[1])}"#
        try Data(kept.utf8).write(to: URL(fileURLWithPath: fixture.directory + "/kept"))
        #expect(name { _ = try fixture.reader().entries(from: 1) } == "audit_damaged")
    }

    @Test func whatIsSaidToBeArchivedIsInTheReport() throws {
        let fixture = try AuditFixture()
        try fill(fixture.open(), 0..<1000)
        try Data(AuditKept(from: 256, to: nil).bytes).write(to: URL(fileURLWithPath: fixture.directory + "/kept"))
        try FileManager.default.removeItem(atPath: fixture.directory + "/tile/entries/000")
        let report = try JSON(parsing: fixture.reader().verify().document.canonical()).root
        #expect(report["sound"]?.bool == true && report["archived"]?.int == 256)
    }

    @Test func anArchiveThatWasCutShortIsGoneOnWith() throws {
        let fixture = try AuditFixture()
        let target = fixture.directory + "-archive"
        defer { try? FileManager.default.removeItem(atPath: target) }
        try fill(fixture.open(), 0..<1000)
        let kept = fixture.directory + "/kept"
        // As a full disk leaves it: some of its files, all of them, or all and nothing recorded in the log.
        try FileManager.default.createDirectory(atPath: target + "/tile/entries", withIntermediateDirectories: true)
        try Data("half of a bundle".utf8).write(to: URL(fileURLWithPath: target + "/tile/entries/000"))
        try Data("half".utf8).write(to: URL(fileURLWithPath: target + "/checkpoint.new"))
        // And as a power cut leaves it.
        try FileManager.default.createDirectory(atPath: target + "/tile/0", withIntermediateDirectories: true)
        try Data(repeating: 0, count: 256 * 32).write(to: URL(fileURLWithPath: target + "/tile/0/000"))
        #expect(try fixture.reader().archive(first: 256, to: target) == 0..<256)
        try Data(AuditKept(from: 0, to: 256).bytes).write(to: URL(fileURLWithPath: target + "/kept"))
        let bundle = try Data(contentsOf: URL(fileURLWithPath: target + "/tile/entries/000"))
        try bundle.write(to: URL(fileURLWithPath: fixture.directory + "/tile/entries/000"))
        try FileManager.default.removeItem(atPath: kept)
        #expect(try fixture.reader().archive(first: 512, to: target) == 0..<512)
        let archive = try AuditReader(directory: target, key: fixture.key.description)
        let found = try archive.verify()
        #expect(found.isSound && found.sound == 512)
        #expect(try fixture.reader().verify().isSound)
    }

    @Test func whatIsArchivedVerifiesAndProvesAsBefore() throws {
        let fixture = try AuditFixture()
        let target = fixture.directory + "-archive"
        defer { try? FileManager.default.removeItem(atPath: target) }
        let log = try fixture.open()
        try fill(log, 0..<1000)
        let before = try fixture.reader()
        let proof = try before.inclusionProof(of: 3)
        #expect(try before.archive(first: 600, to: target) == 0..<512)

        let archive = try AuditReader(directory: target, key: fixture.key.description)
        #expect(try archive.verify().isSound)
        #expect(try text(archive.entry(at: 3)) == #"{"entry":3}"#)
        #expect(try archive.inclusionProof(of: 3).path == proof.path)
        #expect(name { _ = try archive.entry(at: 512) } == "audit_archived")
        #expect(!FileManager.default.fileExists(atPath: fixture.directory + "/tile/entries/000"))

        // The log goes on, and is sound by the hashes that stayed.
        try fill(log, 1000..<1300)
        let after = try fixture.reader()
        let found = try after.verify()
        #expect(found.isSound && found.archived == 512 && found.sound == 788, "\(found.findings)")
        #expect(name { _ = try after.entry(at: 511) } == "audit_archived")
        #expect(try text(after.entry(at: 512)) == #"{"entry":512}"#)
        #expect(try after.continues(archive))
        _ = try after.inclusionProof(of: 3)
        _ = try after.consistencyProof(from: 100)

        // The same archive is gone on with; another place gets what is left.
        #expect(try after.archive(first: 800, to: target) == 512..<768)
        let both = try AuditReader(directory: target, key: fixture.key.description)
        #expect(try both.verify().isSound)
        #expect(try text(both.entry(at: 700)) == #"{"entry":700}"# && text(both.entry(at: 3)) == #"{"entry":3}"#)
        let other = fixture.directory + "-other"
        defer { try? FileManager.default.removeItem(atPath: other) }
        #expect(try fixture.reader().archive(first: .max, to: other) == 768..<1280)
        #expect(try AuditReader(directory: other, key: fixture.key.description).verify().isSound)
        #expect(try fixture.reader().verify().isSound)
        #expect(name { _ = try fixture.reader().archive(first: .max, to: other) } == "archive")
        #expect(name { _ = try both.archive(first: .max, to: target) } == "archive")
        log.close()
        let last = try fixture.open()
        try fill(last, 1300..<1301)
        #expect(try fixture.reader().verify().isSound)
        last.close()
    }

    @Test func anArchiveThatIsAnothersOrDamagedIsRefusedOrFound() throws {
        let (fixture, stranger) = (try AuditFixture(), try AuditFixture())
        let target = fixture.directory + "-archive"
        defer { try? FileManager.default.removeItem(atPath: target) }
        let logs = try [fixture, stranger].map { try $0.open() }
        for log in logs { try fill(log, 0..<600) }
        _ = try fixture.reader().archive(first: 256, to: target)
        #expect(name { _ = try stranger.reader().archive(first: 512, to: target) } != "done")
        #expect(try stranger.reader().verify().archived == 0)
        // Too little for a bundle.
        #expect(name { _ = try stranger.reader().archive(first: 255, to: target + "-none") } == "archive")

        let path = target + "/tile/entries/000"
        var bundle = try Data(contentsOf: URL(fileURLWithPath: path))
        bundle[7] ^= 1
        try bundle.write(to: URL(fileURLWithPath: path))
        let archive = try AuditReader(directory: target, key: fixture.key.description)
        #expect(try !archive.verify().isSound)
        // A missing hash is found where the entry is elsewhere, too.
        try FileManager.default.removeItem(atPath: fixture.directory + "/tile/0/000")
        #expect(try !fixture.reader().verify().isSound)
        for log in logs { log.close() }
    }

    @Test func entriesThatAreMissingAndNotArchivedAreFound() throws {
        let fixture = try AuditFixture()
        let log = try fixture.open()
        try fill(log, 0..<600)
        try FileManager.default.removeItem(atPath: fixture.directory + "/tile/entries/001")
        let found = try fixture.reader().verify()
        #expect(!found.isSound && found.archived == 0)
        log.close()
    }
}
