import Foundation
import Glibc
import StrictJSON
import Testing
import TransparencyLog
import TestSupport

@testable import AgentID

/// Segments as hostile input: whatever is done to one, its good lines are taken, and what is not taken is told.
@Suite struct AuditSegmentTests {
    let seed = UInt64.random(in: 0 ... .max)

    static func line(_ index: Int) -> String { "line-\(index)-" + String(repeating: "x", count: index % 50) }

    /// A segment whose owner is gone, as bytes, and where its frames begin.
    static func segment(_ count: Int) throws -> (fixture: AuditFixture, path: String, bytes: [UInt8], starts: [Int]) {
        let fixture = try AuditFixture()
        try fixture.leaveBehind((0..<count).map(line))
        let path = try #require(try fixture.paths(under: "segments").first)
        var starts: [Int] = []
        var position = AuditSegmentMemory.start
        for i in 0..<count {
            starts.append(position)
            position += AuditFrame.size(of: line(i).utf8.count)
        }
        return (fixture, path, try fixture.bytes(path), starts + [position])
    }

    /// Integrates, and checks that each line is either there, once and in order, or covered by a reported gap.
    static func check(_ fixture: AuditFixture, _ starts: [Int], _ what: String) throws -> [AuditGap] {
        let gaps = try fixture.sequencer().integrate(waiting: 10_000).gaps
        let entries = try fixture.entries()
        let kept = entries.filter { !$0.contains("audit.gap") }
        #expect(entries.count - kept.count == gaps.count, "\(what)")
        var rest = kept[...]
        for i in 0..<starts.count - 1 {
            if rest.first == line(i) {
                rest.removeFirst()
            } else {
                #expect(
                    gaps.contains { $0.from <= starts[i] && ($0.to > starts[i] || $0.kind == .tornTail) },
                    "\(what) \(i)")
            }
        }
        #expect(rest.isEmpty, "\(what): \(rest)")
        #expect(try fixture.reader().verify().isSound)
        return gaps
    }

    @Test func aFlippedBitCostsOneLineAndIsReported() throws {
        print("seed \(seed)")
        var random = Seeded(seed: seed)
        let (_, _, bytes, starts) = try Self.segment(40)
        let end = try #require(starts.last)
        for _ in 0..<150 {
            let (fixture, path, _, _) = try Self.segment(1)
            let byte = Int.random(in: AuditSegmentMemory.start..<end, using: &random)
            var changed = bytes
            changed[byte] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            try fixture.write(path, changed)
            #expect(try fixture.verifyPending(), "byte \(byte)")
            let gaps = try Self.check(fixture, starts, "byte \(byte)")
            let frame = try #require(starts.lastIndex { $0 <= byte })
            let padding = byte >= starts[frame] + 16 + Self.line(frame).utf8.count
            // Padding says nothing, so there is nothing to lose.
            #expect(gaps.isEmpty == padding, "byte \(byte): \(gaps)")
            if let gap = gaps.first { #expect(gap.from == starts[frame] && gaps.count == 1, "byte \(byte): \(gaps)") }
            let name = path.dropFirst("segments/".count).dropLast(4)
            let isKept = try fixture.paths(under: "segments").contains("segments/\(name).torn")
            #expect(isKept == (gaps.first?.kind == .tornTail))
        }
    }

    @Test func aCutSegmentIsReportedFromWhereItEnds() throws {
        print("seed \(seed)")
        var random = Seeded(seed: seed)
        let (_, _, bytes, starts) = try Self.segment(40)
        for _ in 0..<60 {
            let (fixture, path, _, _) = try Self.segment(1)
            let length = Int.random(in: 0..<bytes.count, using: &random)
            try fixture.write(path, Array(bytes[..<length]))
            let gaps = try Self.check(fixture, starts, "length \(length)")
            #expect(gaps.map(\.kind) == [.tornTail], "length \(length)")
        }
    }

    @Test func pagesThatDidNotReachTheDiskAreReportedAndThoseBehindThemRead() throws {
        print("seed \(seed)")
        var random = Seeded(seed: seed)
        for _ in 0..<20 {
            let (fixture, path, bytes, starts) = try Self.segment(600)
            var changed = bytes
            let page = 4096 * Int.random(in: 1..<(starts[600] / 4096), using: &random)
            changed.replaceSubrange(page..<page + 4096, with: [UInt8](repeating: 0, count: 4096))
            try fixture.write(path, changed)
            let gaps = try Self.check(fixture, starts, "page \(page)")
            #expect(gaps.count == 1 && gaps[0].kind == .damaged && gaps[0].to >= page + 4096, "\(gaps)")
        }
    }

    @Test(arguments: [8, 200, 4096]) func zeroedBytesOfALivingWriterHoldUpNothingThatFollows(_ count: Int) throws {
        let fixture = try AuditFixture()
        let log = try fixture.open()
        for i in 0..<200 { try log.append(bytes(Self.line(i))) }
        let path = try #require(try fixture.paths(under: "segments").first { try fixture.bytes($0).count > 0 })
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: "\(fixture.directory)/\(path)"))
        let start = (0..<40).reduce(AuditSegmentReader.start) { $0 + AuditFrame.size(of: Self.line($1).utf8.count) }
        try file.seek(toOffset: UInt64(start))
        try file.write(contentsOf: [UInt8](repeating: 0, count: count))
        try file.close()
        let gaps = try fixture.sequencer().integrate(waiting: 10_000).gaps
        #expect(gaps.map(\.kind) == [.damaged])
        try log.append(bytes("after it"))
        #expect(try fixture.sequencer().integrate(waiting: 10_000).gaps.isEmpty)
        let entries = try fixture.entries()
        #expect(entries.contains(Self.line(199)) && entries.last == "after it")
        #expect(entries.filter { $0.contains("audit.gap") }.count == 1)
        log.close()
    }

    @Test func noBytesWhateverTheyAreTrapTheReader() throws {
        print("seed \(seed)")
        var random = Seeded(seed: seed)
        let (_, _, bytes, starts) = try Self.segment(40)
        for round in 0..<150 {
            let (fixture, path, _, _) = try Self.segment(1)
            var changed = bytes
            for _ in 0..<Int.random(in: 1...30, using: &random) {
                let at = Int.random(in: (round % 3 == 0 ? 0 : 64)..<starts[40], using: &random) & ~3
                let words: [[UInt8]] = [
                    [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0], [0x52, 0x4C, 0x41, 0x47], [0x53, 0x4C, 0x41, 0x47],
                    [0xFF, 0xFF, 0, 0], (0..<4).map { _ in UInt8.random(in: 0...255, using: &random) },
                ]
                changed.replaceSubrange(at..<at + 4, with: words[Int.random(in: words.indices, using: &random)])
            }
            try fixture.write(path, changed)
            // Lines that come out are lines that went in: a frame cannot be made up.
            let gaps = try fixture.sequencer().integrate(waiting: 10_000).gaps
            let kept = try fixture.entries().filter { !$0.contains("audit.gap") }
            #expect(Set(kept).isSubset(of: Set((0..<40).map(Self.line))) && Set(kept).count == kept.count)
            #expect(kept.count == 40 || !gaps.isEmpty)
        }
    }

    @Test func aSegmentWhoseBeginningCannotBeReadIsNotTakenForATornOne() throws {
        let (fixture, path, _, _) = try Self.segment(3)
        // Nothing is read from what is open to be written only.
        let place = "\(fixture.directory)/\(path)"
        let file = unsafe open(place, O_WRONLY | O_CLOEXEC)
        try #require(file >= 0)
        defer { close(file) }
        let error = #expect(throws: AgentIDError.self) {
            let reader = try AuditSegmentReader(sharing: file, place)
            Issue.record("has a header: \(reader.hasHeader)")
        }
        #expect(error?.code == .io)
        withExtendedLifetime(fixture) {}
    }

    @Test func aSegmentThatVanishesIsReported() throws {
        let fixture = try AuditFixture()
        // Of an owner that does not notice.
        let living = try AuditSegment(
            AuditSegmentName(owner: UUIDv7.make(at: 1), number: 1), in: fixture.segments, capacity: 4096,
            clock: SystemClock(), files: SystemAuditFiles())
        let behind = try #require(living.append([0x61], at: AuditSegmentMemory.start))
        _ = try fixture.sequencer().integrate(waiting: 10_000)
        _ = living.append([0x62], at: behind)
        let path = try #require(try fixture.paths(under: "segments").first)
        #expect(try fixture.reader().verify().pending == 1)
        try FileManager.default.removeItem(atPath: "\(fixture.directory)/\(path)")
        #expect(try fixture.reader().verify().findings.count == 1)
        let gaps = try fixture.sequencer().integrate(waiting: 10_000).gaps
        #expect(gaps.map(\.kind) == [.missingSegment])
        #expect(try fixture.sequencer().integrate(waiting: 10_000).gaps.isEmpty)
        #expect(try fixture.entries().count == 2)
        withExtendedLifetime(living) {}
    }

    @Test func aLivingOwnersUnfinishedFrameIsWaitedFor() throws {
        let fixture = try AuditFixture()
        let segment = try AuditSegment(
            AuditSegmentName(owner: UUIDv7.make(at: 1), number: 1), in: fixture.segments, capacity: 4096,
            clock: SystemClock(), files: SystemAuditFiles())
        let next = try #require(segment.append([1, 2, 3], at: AuditSegmentMemory.start))
        let path = "\(fixture.segments)/\(segment.name.file)"
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seek(toOffset: UInt64(next + 16))
        try file.write(contentsOf: [9, 9, 9])
        func item(at position: Int) throws -> AuditSegmentReader.Item? {
            guard var reader = try AuditSegmentReader(path) else { return nil }
            return try reader.item(at: position)
        }
        #expect(try item(at: AuditSegmentMemory.start) == .line([1, 2, 3], next: next))
        #expect(try item(at: next) == .waiting)
        // The owner commits it.
        let end = try #require(segment.append([9, 9, 9], at: next))
        #expect(try item(at: next) == .line([9, 9, 9], next: end))
        #expect(try item(at: end) == .waiting)
        segment.memory.seal(at: end)
        #expect(try item(at: end) == .end)
    }

    @Test func anUnnamedSegmentIsRemovedOnceItsMakerMustBeDead() throws {
        let fixture = try AuditFixture()
        // The date of a file is whatever its owner set; a file system in memory keeps any.
        let ages = [time(nil) - 100, .min, time(nil), .max]
        let paths = ages.indices.map { "segments/\(UUIDv7.make(at: Int64($0)))-00000001.new" }
        for (path, age) in zip(paths, ages) {
            try fixture.write(path, [1])
            let times = [timespec(tv_sec: age, tv_nsec: 0), timespec(tv_sec: age, tv_nsec: 0)]
            #expect(unsafe utimensat(AT_FDCWD, "\(fixture.directory)/\(path)", times, 0) == 0)
        }
        _ = try fixture.sequencer().integrate(waiting: 10_000)
        #expect(try fixture.paths(under: "segments") == Array(paths[2...]))
    }

    @Test func foreignFilesInTheDirectoryAreLeftAlone() throws {
        let fixture = try AuditFixture()
        let names = ["x.seg", "../escape.seg", "notes", String(repeating: "a", count: 45) + ".seg"]
        for name in names where !name.contains("/") { try fixture.write("segments/\(name)", [1]) }
        try fixture.leaveBehind(["a"])
        _ = try fixture.sequencer().integrate(waiting: 10_000)
        #expect(try fixture.entries() == ["a"])
        #expect(try fixture.paths(under: "segments").count == 3)
        for name in names { #expect(AuditSegmentName(file: name) == nil) }
    }
}

extension AuditFixture {
    /// Signs an empty log, so that a reader sees the segments as pending; whether it reads them without an error.
    func verifyPending() throws -> Bool {
        let checkpoint = Checkpoint(origin: origin, size: 0, root: .empty)
        try write("checkpoint", checkpoint.signed(by: key) { signer.sign($0.span) })
        try write("sequence", AuditSequence(key: key).bytes)
        let report = try reader().verify()
        return report.pending <= 40
            && report.findings.allSatisfy { if case .segment = $0.place { true } else { false } }
    }

    @Test func whatItsOwnerWentOnBehindHoldsNothingUp() throws {
        let fixture = try AuditFixture()
        let owner = UUIDv7.make(at: SystemClock().milliseconds)
        // Filled to its end without a seal; made ahead and not needed; in use. All of a process that lives.
        let made = try (1...3).map { number in
            try AuditSegment(
                AuditSegmentName(owner: owner, number: number), in: fixture.segments, capacity: 1 << 16,
                clock: SystemClock(), files: SystemAuditFiles())
        }
        func append(_ line: String, to segment: AuditSegment, at position: Int) throws -> Int {
            try #require(segment.append(Array(line.utf8), at: position))
        }
        let sequencer = try fixture.sequencer()
        let first = try append("a", to: made[0], at: AuditSegmentMemory.start)
        _ = try sequencer.integrate(waiting: 10_000)
        _ = try append("b", to: made[0], at: first)
        let third = try append("c", to: made[2], at: AuditSegmentMemory.start)
        _ = try sequencer.integrate(waiting: 10_000)
        #expect(try fixture.entries() == ["a", "b", "c"])
        _ = try append("d", to: made[2], at: third)
        _ = try sequencer.integrate(waiting: 10_000)
        #expect(try fixture.entries() == ["a", "b", "c", "d"])
        withExtendedLifetime(made) {}
    }
}
