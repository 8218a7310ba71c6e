import Foundation
import StrictJSON
import TestSupport
import Testing

@testable import AgentID

/// Facts and their template are the entry that was meant, or no entry.
@Suite struct AuditTemplateTests {
    let seed = UInt64.random(in: 0 ... .max)

    /// A segment of an owner that is gone, with two templates, facts of both and lines; what its lines are.
    private static func fill(_ fixture: AuditFixture, _ random: inout Seeded) throws -> (lines: [String], starts: [Int])
    {
        let segment = try AuditSegment(
            AuditSegmentName(owner: UUIDv7.make(at: SystemClock().milliseconds), number: 1), in: fixture.segments,
            capacity: 1 << 16, clock: SystemClock(), files: SystemAuditFiles())
        var (position, lines, starts) = (AuditSegmentMemory.start, [String](), [Int]())
        func append(_ kind: AuditFrame.Kind, _ bytes: [UInt8], of template: Int? = nil) throws {
            starts.append(position)
            let next = segment.memory.append(kind, bytes.span, of: template, at: position)
            position = try #require(next)
        }
        let texts = ["{\u{1}\"a\":\u{3},\u{2}\u{6}}", "[\u{6},\u{4},\u{5},\u{3}]"]
        var places: [Int] = []
        for text in texts {
            places.append(position)
            try append(.template, Array(text.utf8))
        }
        for i in 0..<30 {
            let which = Int.random(in: 0...2, using: &random)
            guard which < 2 else {
                lines.append("line-\(i)")
                try append(.line, Array("line-\(i)".utf8))
                continue
            }
            let facts = AuditFacts(
                number: UInt64(i), sequence: Int64.random(in: 0 ... .max, using: &random), time: Int64(i),
                digest: Bool.random(using: &random) ? SIMD2(UInt64(i), 7) : nil, text: Array("[\"x\"]\"tool\"".utf8),
                argumentsCount: Bool.random(using: &random) ? 5 : 0)
            lines.append(String(decoding: AuditTemplate(Array(texts[which].utf8)).line(facts), as: UTF8.self))
            try append(.facts, ByteWriter.bytes(facts.size) { facts.put(to: &$0) }, of: places[which])
        }
        return (lines, starts + [position])
    }

    @Test func aSegmentHasTheLinesThatWereMeant() throws {
        print("seed \(seed)")
        var random = Seeded(seed: seed)
        let fixture = try AuditFixture()
        let (lines, _) = try Self.fill(fixture, &random)
        #expect(try fixture.sequencer().integrate(waiting: 10_000).gaps.isEmpty)
        #expect(try fixture.entries() == lines)
        let facts = AuditFacts(
            number: 255, sequence: 12, time: 34, digest: nil, text: Array("[][]".utf8), argumentsCount: 2)
        let line = AuditTemplate(Array("<\u{1}|\u{2}|\u{3}|\u{4}|\u{5}|\u{6}>".utf8)).line(facts)
        #expect(String(decoding: line, as: UTF8.self) == "<\"arguments\":[],||00000000000000ff|12|34|[]>")
    }

    @Test func aFlippedBitLosesNoOtherLinesThanThoseOfItsFrameAndIsReported() throws {
        print("seed \(seed)")
        var random = Seeded(seed: seed)
        for _ in 0..<100 {
            let fixture = try AuditFixture()
            let (lines, starts) = try Self.fill(fixture, &random)
            let path = try #require(try fixture.paths(under: "segments").first)
            var bytes = try fixture.bytes(path)
            let end = try #require(starts.last)
            let byte = Int.random(in: AuditSegmentMemory.start..<end, using: &random)
            bytes[byte] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            try fixture.write(path, bytes)
            let gaps = try fixture.sequencer().integrate(waiting: 10_000).gaps
            let kept = try fixture.entries().filter { !$0.contains("audit.gap") }
            var rest = lines[...]
            for line in kept {
                let place = try #require(rest.firstIndex(of: line), "an entry that was never meant: \(line)")
                rest = rest[(place + 1)...]
            }
            let isInTemplate = byte < starts[2]
            // Padding is covered by no checksum and means nothing.
            #expect(kept.count == lines.count || !gaps.isEmpty)
            #expect(isInTemplate || kept.count >= lines.count - 1, "\(byte)")
            #expect(try fixture.reader().verify().isSound)
        }
    }

    @Test func anyBytesInAnyFrameAreALineOrAGap() throws {
        print("seed \(seed)")
        var random = Seeded(seed: seed)
        for _ in 0..<200 {
            let fixture = try AuditFixture()
            let segment = try AuditSegment(
                AuditSegmentName(owner: UUIDv7.make(at: SystemClock().milliseconds), number: 1), in: fixture.segments,
                capacity: 1 << 18, clock: SystemClock(), files: SystemAuditFiles())
            var (position, places) = (AuditSegmentMemory.start, [0, 63, 64, 1 << 40])
            for _ in 0..<8 {
                let kind = try #require(AuditFrame.Kind.allCases.randomElement(using: &random))
                let longest = Bool.random(using: &random) ? 80 : 60_000
                let most = Bool.random(using: &random) ? UInt8(6) : 255
                var bytes = (0..<Int.random(in: 1...longest, using: &random)).map { _ in
                    UInt8.random(in: 0...most, using: &random)
                }
                if kind == .facts, Bool.random(using: &random) {
                    let facts = AuditFacts(
                        number: 1, sequence: -1, time: .max, digest: nil, text: bytes, argumentsCount: bytes.count / 2)
                    bytes = ByteWriter.bytes(facts.size) { facts.put(to: &$0) }
                }
                let template = kind == .facts ? places.randomElement(using: &random) : nil
                places.append(position)
                position = segment.memory.append(kind, bytes.span, of: template, at: position) ?? position
            }
            segment.memory.seal(at: position)
            _ = try fixture.sequencer().integrate(waiting: 10_000)
            #expect(try fixture.entries().allSatisfy { $0.utf8.count <= 3 * AuditFrame.longestLine })
            #expect(try fixture.reader().verify().isSound)
        }
    }
}
