import Foundation
import Glibc
import StrictJSON
import Testing

@testable import AgentID

/// A journal that cannot be read is not one without lines.
@Suite struct JournalReadingTests {
    private let directory: TemporaryDirectory
    private let journal: Journal

    init() throws {
        directory = try TemporaryDirectory()
        journal = Journal(path: directory.path + "/journal", lock: directory.path + "/lock")
        try journal.create()
        let revocation = try Revocation(.principal, "user:a@acme.example")
        _ = try journal.append([JournalEntry(.revoke(revocation), reason: "", time: 1)], known: 0)
    }

    /// Puts descriptors that nothing is read from in the place of those that are open to read the journal, or back.
    private func open(_ flags: Int32) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")
            guard let number = Int32(name), place == journal.path else { continue }
            let other = unsafe Glibc.open(journal.path, flags | O_CLOEXEC)
            #expect(dup2(other, number) == number)
            close(other)
        }
    }

    @Test func aFailedReadIsNotTheEnd() throws {
        let file = try #require(try JournalFile(opening: journal.path, isWriter: false))
        #expect(try file.entries(from: 0, at: journal.path).entries.count == 1)
        try open(O_WRONLY)
        let errors = [
            #expect(throws: AgentIDError.self) { try file.entries(from: 0, at: journal.path) },
            #expect(throws: AgentIDError.self) { try file.isWhole(journal.path) },
        ]
        for error in errors { #expect(error?.code == .io && error?.place == journal.path) }
        try open(O_RDONLY)
        #expect(try file.entries(from: 0, at: journal.path).entries.count == 1)
    }

    @Test func whatAReaderCouldNotReadItReadsLater() throws {
        var reader = JournalReader(journal)
        #expect(try reader.advance().count == 1)
        let revocation = try Revocation(.principal, "user:b@acme.example")
        _ = try journal.append([JournalEntry(.revoke(revocation), reason: "", time: 1)], known: 0)
        try open(O_WRONLY)
        #expect(throws: AgentIDError.self) { try reader.advance() }
        #expect(throws: AgentIDError.self) { try reader.forget(folded: JournalMark(epoch: "", offset: 0), known: 0) }
        try open(O_RDONLY)
        #expect(try reader.advance() == [revocation])
    }

    /// Writes bytes into the file, from a position that counts from its end.
    private func write(_ bytes: [UInt8], before end: Int = 0) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: journal.path))
        let size = try file.seekToEnd()
        try file.seek(toOffset: size - UInt64(end))
        try file.write(contentsOf: bytes)
        try file.close()
    }

    private func append(_ name: String) throws {
        let revocation = try Revocation(.principal, "user:\(name)@acme.example")
        _ = try journal.append([JournalEntry(.revoke(revocation), reason: "", time: 1)], known: 0)
    }

    private var start: JournalMark { JournalMark(epoch: "", offset: 0) }

    @Test(arguments: [false, true]) func aDamagedLineIsNotPassedOver(isLast: Bool) throws {
        try write([UInt8(ascii: "?")], before: 10)
        if !isLast { try append("b") }
        let error = #expect(throws: AgentIDError.self) { try journal.pending(after: start) }
        #expect(error?.name == "journal_damaged")
        // A guard reads the others, and relies on none.
        var reader = JournalReader(journal)
        #expect(try reader.advance().count == (isLast ? 0 : 1))
        #expect(try reader.forget(folded: start, known: 0)?.name == "journal_damaged")
        #expect(try reader.forget(folded: start, known: 0)?.name == "journal_damaged")
    }

    @Test func whatWasFoldedBeforeItWasDamagedIsKnown() throws {
        let folded = try journal.pending(after: start).mark
        try write([UInt8(ascii: "?")], before: 10)
        try append("b")
        #expect(try journal.pending(after: folded).entries.count == 1)
        var reader = JournalReader(journal)
        #expect(try reader.advance().count == 1)
        #expect(try reader.forget(folded: folded, known: 0) == nil)
    }

    /// What is left of a write that stopped halfway, and of one that a power cut took sectors of.
    @Test(arguments: [
        Array("\n".utf8), Array("\n0123456789abcdef {\"re".utf8),
        Array("\n0123".utf8) + [UInt8](repeating: 0, count: 512),
        [UInt8](repeating: 0, count: 512) + Array("a\"}\n".utf8),
        Array("\n0123456789abcdef {".utf8) + [UInt8](repeating: 0, count: 700) + Array("\"}\n".utf8),
        [UInt8](repeating: 0, count: 9000),
    ])
    func whatNobodyWasAnsweredForIsPassedOver(rest: [UInt8]) throws {
        try write(rest)
        #expect(try journal.pending(after: start).entries.count == 1)
        try append("b")
        let (entries, mark) = try journal.pending(after: start)
        #expect(entries.count == 2)
        var reader = JournalReader(journal)
        #expect(try reader.advance().count == 2)
        #expect(try reader.forget(folded: start, known: 0) == nil)
        try append("c")
        #expect(try journal.pending(after: mark).entries.count == 1)
    }

    @Test func linesAreTakenWhereNoFileCanBeMade() throws {
        for _ in 0..<300 {
            let revocation = try Revocation(.principal, "user:a@acme.example")
            let reason = String(repeating: "r", count: 4096)
            _ = try journal.append([JournalEntry(.revoke(revocation), reason: reason, time: 1)], known: 0)
        }
        let (entries, mark) = try journal.pending(after: start)
        // In the place of the files that are written first.
        for name in ["journal.new", "journal.next.new"] {
            try FileManager.default.createDirectory(
                atPath: "\(directory.path)/\(name)", withIntermediateDirectories: false)
        }
        _ = journal.rotate(folded: mark)
        try append("b")
        #expect(try journal.pending(after: mark).entries.count == 1)
        // Where a process died between the two names.
        if FileManager.default.fileExists(atPath: journal.path) {
            try FileManager.default.moveItem(atPath: journal.path, toPath: journal.path + ".old")
        }
        try append("c")
        #expect(try journal.pending(after: start).entries.count == entries.count + 2)
        for name in ["journal.new", "journal.next.new"] {
            try FileManager.default.removeItem(atPath: "\(directory.path)/\(name)")
        }
        try append("d")
        #expect(try journal.pending(after: start).entries.count == entries.count + 3)
        #expect(FileManager.default.fileExists(atPath: journal.path))
    }
}
