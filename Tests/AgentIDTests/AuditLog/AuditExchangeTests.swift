import Foundation
import JOSE
import Testing

@testable import AgentID

/// The directory of a log is exchanged for a copy while it is worked on.
@Suite struct AuditExchangeTests {
    /// At each step of integration. The copy is then another log, which others may use.
    @Test func whatIntegratesALogWritesNothingIntoACopyInItsPlace() throws {
        var (steps, isExchanged) = (0, true)
        while isExchanged {
            steps += 1
            let (fixture, living) = try AuditCrashTests.prepared()
            let files = try ExchangingFiles(fixture, at: steps)
            _ = try AuditCrashTests.sequencer(fixture, files).integrate(waiting: 10_000)
            isExchanged = try files.putBack()
            living.close()
            _ = try AuditCrashTests.sequencer(fixture).integrate(waiting: 10_000)
            try AuditCrashTests.check(fixture, ["a": 250, "b": 40, "c": 10, "d": 30], torn: 1, "step \(steps)")
        }
        #expect(steps > 30)
    }

    @Test func aSegmentIsMadeInTheLogThatWasOpened() throws {
        var (steps, isExchanged) = (0, true)
        while isExchanged {
            steps += 1
            let fixture = try AuditFixture()
            _ = try fixture.sequencer().integrate(waiting: 10_000)
            let files = try ExchangingFiles(fixture, at: steps)
            let made = try AuditSegment(
                AuditSegmentName(owner: UUIDv7.make(at: 1), number: 1), in: fixture.segments, capacity: 4096,
                clock: SystemClock(), files: files)
            #expect(made.isThere, "step \(steps)")
            isExchanged = try files.putBack()
            #expect(made.append([0x61], at: AuditSegmentMemory.start) != nil)
            _ = try fixture.sequencer().integrate(waiting: 10_000)
            #expect(try fixture.entries() == ["a"], "step \(steps)")
        }
        #expect(steps > 3)
    }

    /// Entries are removed where they were read.
    @Test func anArchiveTakesEntriesOutOfTheLogThatWasOpened() throws {
        let fixture = try AuditFixture()
        let target = fixture.directory + ".archive"
        defer { try? FileManager.default.removeItem(atPath: target) }
        try fixture.leaveBehind((0..<1000).map { "line \($0)" })
        _ = try fixture.sequencer().integrate(waiting: 10_000)
        let exchange = Exchange(fixture)
        let range = try fixture.reader().archive(first: 600, to: target) { written, _ in
            if written == 256 { exchange.begin() }
        }
        #expect(range == 0..<512)
        #expect(try exchange.end())
        #expect(try fixture.reader().first == 512)
        #expect(try fixture.reader().verify().isSound)
    }
}

/// A copy that takes the name of a log's directory, and the directory that comes back.
private final class Exchange: Sendable {
    private let fixture: AuditFixture
    private let copied = Locked<[String: [UInt8]]?>(nil)
    private var away: String { fixture.directory + ".away" }

    init(_ fixture: AuditFixture) { self.fixture = fixture }

    private func content() throws -> [String: [UInt8]] {
        Dictionary(uniqueKeysWithValues: try fixture.paths().map { ($0, try fixture.bytes($0)) })
    }

    func begin() {
        copied.withLock { copied in
            #expect(throws: Never.self) {
                try FileManager.default.moveItem(atPath: fixture.directory, toPath: away)
                try FileManager.default.copyItem(atPath: away, toPath: fixture.directory)
                copied = try content()
            }
        }
    }

    /// Whether it was begun. The copy must be as it was made.
    func end() throws -> Bool {
        guard let copied = copied.withLock({ $0 }) else { return false }
        let now = try content()
        #expect(now.keys.sorted() == copied.keys.sorted())
        for (path, bytes) in copied { #expect(now[path] == bytes, "\(path)") }
        try FileManager.default.removeItem(atPath: fixture.directory)
        try FileManager.default.moveItem(atPath: away, toPath: fixture.directory)
        return true
    }
}

/// Files of a log whose directory is exchanged before one of their steps.
private final class ExchangingFiles: AuditFiles {
    private let system: SystemAuditFiles
    private let exchange: Exchange
    private let left: Locked<Int>
    var held: HeldDirectory? { system.held }

    init(_ fixture: AuditFixture, at step: Int) throws {
        system = try SystemAuditFiles(holding: fixture.directory)
        exchange = Exchange(fixture)
        left = Locked(step)
    }

    func putBack() throws -> Bool { try exchange.end() }

    private func step() {
        let isIt = left.withLock { left in
            left -= 1
            return left == 0
        }
        if isIt { exchange.begin() }
    }

    func read(_ path: String, limit: Int) throws(AgentIDError) -> [UInt8]? {
        step()
        return try system.read(path, limit: limit)
    }

    func list(_ path: String) throws(AgentIDError) -> [String] {
        step()
        return try system.list(path)
    }

    func replace(_ path: String, with bytes: [UInt8]) throws(AgentIDError) {
        step()
        try system.replace(path, with: bytes)
    }

    func write(_ path: String, _ bytes: [UInt8]) throws(AgentIDError) {
        step()
        try system.write(path, bytes)
    }

    func sync(_ path: String) throws(AgentIDError) {
        step()
        try system.sync(path)
    }

    func makeDirectory(_ path: String) throws(AgentIDError) {
        step()
        try system.makeDirectory(path)
    }

    func remove(_ path: String) throws(AgentIDError) {
        step()
        try system.remove(path)
    }

    func rename(_ path: String, to target: String) throws(AgentIDError) {
        step()
        try system.rename(path, to: target)
    }

    func allocate(_ file: Int32, size: Int) -> Int32 {
        step()
        return system.allocate(file, size: size)
    }
}
