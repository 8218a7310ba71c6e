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
}
