import Foundation
import JOSE
import TestSupport
import Testing

@testable import AgentID

/// Segments that are put back from a copy: no line becomes an entry twice, and none that was not one is lost unnoticed.
@Suite struct AuditPutBackTests {
    let seed = UInt64.random(in: 0 ... .max)

    private static func copy(_ fixture: AuditFixture) throws -> [String: [UInt8]] {
        var copy: [String: [UInt8]] = [:]
        for path in try fixture.paths(under: "segments") where path.hasSuffix(".seg") {
            copy[path] = try fixture.bytes(path)
        }
        return copy
    }

    private static func isThere(_ fixture: AuditFixture, _ path: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(fixture.directory)/\(path)")
    }

    @Test func aSegmentWhoseLinesAreEntriesIsSetAside() throws {
        for stepsBetween in 0...3 {
            let fixture = try AuditFixture()
            let sequencer = try fixture.sequencer()
            _ = try sequencer.integrate(waiting: 10_000)
            try fixture.leaveBehind(["a", "b"])
            let copy = try Self.copy(fixture)
            for i in 0..<stepsBetween {
                _ = try sequencer.integrate(waiting: 10_000)
                try fixture.leaveBehind(["then-\(i)"])
            }
            _ = try sequencer.integrate(waiting: 10_000)
            for (path, bytes) in copy { try fixture.write(path, bytes) }
            let found = try fixture.reader().verify().findings
            #expect(stepsBetween == 0 || found.contains { $0.message.contains("put back") })
            for _ in 0..<2 { _ = try sequencer.integrate(waiting: 10_000) }
            let entries = try fixture.entries()
            let lines = ["a", "b"] + (0..<stepsBetween).map { "then-\($0)" }
            #expect(entries.filter { !$0.contains("audit.gap") } == lines)
            #expect(entries.count { $0.contains("repeated") } == (stepsBetween == 0 ? 0 : 1))
            #expect(try fixture.reader().verify().findings.allSatisfy { $0.message.contains("put back") })
        }
    }

    /// Owners that live, die and go on in other segments; steps of any size; copies of any age.
    @Test func whateverIsPutBackEveryLineIsOneEntry() throws {
        print("seed \(seed)")
        var random = Seeded(seed: seed)
        for _ in 0..<20 {
            let fixture = try AuditFixture()
            var sequencer = try fixture.sequencer()
            sequencer.stepEntries = 3
            _ = try sequencer.integrate(waiting: 10_000)
            var (written, copies) = ([String](), [[String: [UInt8]]]())
            var open: [(segment: AuditSegment, position: Int)] = []
            for _ in 0..<80 {
                switch Int.random(in: 0..<10, using: &random) {
                case 0:
                    let name = AuditSegmentName(owner: UUIDv7.make(at: 1), number: 1)
                    let made = try AuditSegment(
                        name, in: fixture.segments, capacity: 4096, clock: SystemClock(), files: SystemAuditFiles())
                    open.append((made, AuditSegmentMemory.start))
                case 1 where !open.isEmpty:
                    let ended = open.remove(at: Int.random(in: open.indices, using: &random))
                    ended.segment.memory.seal(at: ended.position)
                case 2: copies.append(try Self.copy(fixture))
                case 3, 4, 5: _ = try sequencer.integrate(waiting: 10_000, steps: Int.random(in: 1...4, using: &random))
                case 6:
                    for (path, bytes) in copies.randomElement(using: &random) ?? [:]
                    where !Self.isThere(fixture, path) { try fixture.write(path, bytes) }
                default:
                    guard !open.isEmpty else { continue }
                    let i = Int.random(in: open.indices, using: &random)
                    let line = "line-\(written.count)"
                    guard let next = open[i].segment.append(Array(line.utf8), at: open[i].position) else { continue }
                    open[i].position = next
                    written.append(line)
                }
            }
            for one in open { one.segment.memory.seal(at: one.position) }
            _ = try sequencer.integrate(waiting: 10_000)
            let entries = try fixture.entries().filter { !$0.contains("audit.gap") }
            #expect(entries.count == Set(entries).count, "a line is an entry twice")
            #expect(Set(entries) == Set(written), "a line is lost")
        }
    }

    /// Steps that others commit while a segment is made, at each moment of it.
    @Test func aNewSegmentIsNeverTakenForOneThatWasPutBack() throws {
        for moment in BusyFiles.Moment.allCases {
            let fixture = try AuditFixture()
            let sequencer = try fixture.sequencer()
            _ = try sequencer.integrate(waiting: 10_000)
            let busy = BusyFiles(moment) {
                for i in 0..<4 {
                    try? fixture.leaveBehind(["\(moment)-\(i)"])
                    _ = try? sequencer.integrate(waiting: 10_000)
                }
            }
            let made = try AuditSegment(
                AuditSegmentName(owner: UUIDv7.make(at: 1), number: 1), in: fixture.segments, capacity: 4096,
                clock: SystemClock(), files: busy)
            busy.work()
            #expect(made.append([0x61], at: AuditSegmentMemory.start) != nil)
            _ = try sequencer.integrate(waiting: 10_000)
            let entries = try fixture.entries()
            #expect(entries.contains("a") && entries.count == 5, "\(moment): \(entries)")
        }
    }

    @Test func aSegmentThatWasAwayIsGoneOnWith() throws {
        let fixture = try AuditFixture()
        let sequencer = try fixture.sequencer()
        _ = try sequencer.integrate(waiting: 10_000)
        let made = try AuditSegment(
            AuditSegmentName(owner: UUIDv7.make(at: 1), number: 1), in: fixture.segments, capacity: 4096,
            clock: SystemClock(), files: SystemAuditFiles())
        let second = try #require(made.append([0x61], at: AuditSegmentMemory.start))
        _ = try sequencer.integrate(waiting: 10_000)
        #expect(made.append([0x62], at: second) != nil)
        let (path, away) = ("\(fixture.segments)/\(made.name.file)", "\(fixture.directory)/away")
        try FileManager.default.moveItem(atPath: path, toPath: away)
        for i in 0..<4 {
            try fixture.leaveBehind(["meanwhile-\(i)"])
            _ = try sequencer.integrate(waiting: 10_000)
        }
        try FileManager.default.moveItem(atPath: away, toPath: path)
        _ = try sequencer.integrate(waiting: 10_000)
        let entries = try fixture.entries()
        #expect(entries.count { $0.contains("missing_segment") } == 1)
        #expect(entries.filter { !$0.contains("audit.gap") } == ["a"] + (0..<4).map { "meanwhile-\($0)" } + ["b"])
    }

    @Test func anOlderFileOverANewerOneIsAGap() throws {
        let fixture = try AuditFixture()
        let sequencer = try fixture.sequencer()
        _ = try sequencer.integrate(waiting: 10_000)
        let name: AuditSegmentName
        let older: [UInt8]
        do {
            let made = try AuditSegment(
                AuditSegmentName(owner: UUIDv7.make(at: 1), number: 1), in: fixture.segments, capacity: 4096,
                clock: SystemClock(), files: SystemAuditFiles())
            name = made.name
            older = try fixture.bytes("segments/\(name.file)")
            let second = try #require(made.append([0x61], at: AuditSegmentMemory.start))
            _ = try sequencer.integrate(waiting: 10_000)
            #expect(made.append([0x62], at: second) != nil)
        }
        try FileManager.default.removeItem(atPath: "\(fixture.segments)/\(name.file)")
        try fixture.write("segments/\(name.file)", older)
        _ = try sequencer.integrate(waiting: 10_000)
        #expect(try fixture.entries().count { $0.contains("torn_tail") } == 1)
    }
}

/// The machine's files, with other work between two operations on them.
private final class BusyFiles: AuditFiles {
    enum Moment: CaseIterable { case read, rename, sync, none }

    private let moment: Moment
    private let others: @Sendable () -> Void
    private let isDone = Locked(false)
    private let system = SystemAuditFiles()
    let held: HeldDirectory? = nil

    init(_ moment: Moment, others: @escaping @Sendable () -> Void) { (self.moment, self.others) = (moment, others) }

    /// Once.
    func work() {
        let isFirst = isDone.withLock { isDone in
            defer { isDone = true }
            return !isDone
        }
        if isFirst { others() }
    }

    func read(_ path: String, limit: Int) throws(AgentIDError) -> [UInt8]? {
        let read = try system.read(path, limit: limit)
        if moment == .read { work() }
        return read
    }

    func rename(_ path: String, to target: String) throws(AgentIDError) {
        if moment == .rename { work() }
        try system.rename(path, to: target)
    }

    func sync(_ path: String) throws(AgentIDError) {
        if moment == .sync { work() }
        try system.sync(path)
    }

    func replace(_ path: String, with bytes: [UInt8]) throws(AgentIDError) { try system.replace(path, with: bytes) }
    func write(_ path: String, _ bytes: [UInt8]) throws(AgentIDError) { try system.write(path, bytes) }
    func makeDirectory(_ path: String) throws(AgentIDError) { try system.makeDirectory(path) }
    func remove(_ path: String) throws(AgentIDError) { try system.remove(path) }
    func list(_ path: String) throws(AgentIDError) -> [String] { try system.list(path) }
    func allocate(_ file: Int32, size: Int) -> Int32 { system.allocate(file, size: size) }
}
