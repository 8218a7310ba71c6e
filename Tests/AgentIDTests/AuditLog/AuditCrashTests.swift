import Foundation
import JOSE
import Testing
import TransparencyLog
import TestSupport

@testable import AgentID

/// Stops the sequencer at each of its steps, in each way, and goes on: every line exactly once, in its segment's order.
@Suite struct AuditCrashTests {
    /// Lines of one segment.
    static func lines(_ name: String, _ count: Int) -> [String] { (0..<count).map { "\(name)-\($0)" } }

    /// What must be in the log, however it came there.
    static func check(_ fixture: AuditFixture, _ segments: [String: Int], torn: Int, _ what: String) throws {
        let entries = try fixture.entries()
        for (name, count) in segments {
            #expect(entries.filter { $0.hasPrefix("\(name)-") } == lines(name, count), "\(name): \(what)")
        }
        #expect(entries.filter { $0.contains("torn_tail") }.count == torn, "\(what)")
        #expect(entries.count == segments.values.reduce(torn, +), "\(what)")
        let report = try fixture.reader().verify()
        #expect(report.isSound, "\(what): \(report.findings)")
    }

    /// A segment whose last frame was copied but not committed.
    static func leaveTorn(_ fixture: AuditFixture, _ lines: [String]) throws {
        let before = Set(try fixture.paths(under: "segments"))
        try fixture.leaveBehind(lines)
        let path = try #require(try fixture.paths(under: "segments").first { !before.contains($0) })
        var bytes = try fixture.bytes(path)
        let end = try #require(bytes.lastIndex { $0 != 0 }) / 8 * 8 + 8
        bytes.replaceSubrange(end + 16..<end + 20, with: [1, 2, 3, 4])
        try fixture.write(path, bytes)
    }

    /// A log of 250 entries, and segments that wait: of a process that died, one that died writing, one that lives.
    static func prepared() throws -> (AuditFixture, AuditLog) {
        let fixture = try AuditFixture()
        try fixture.leaveBehind(lines("a", 250))
        _ = try fixture.sequencer().integrate(waiting: 10_000)
        try fixture.leaveBehind(lines("b", 40))
        try leaveTorn(fixture, lines("c", 10))
        let living = try fixture.open(signing: false)
        for line in lines("d", 30) { try living.append(Array(line.utf8)) }
        return (fixture, living)
    }

    static func sequencer(_ fixture: AuditFixture, _ files: (any AuditFiles)? = nil) throws
        -> AuditSequencer
    {
        var sequencer = try fixture.sequencer(files)
        // Several steps, one of which fills a bundle.
        sequencer.stepEntries = 60
        return sequencer
    }

    @Test(arguments: InterruptedFiles.Way.allCases)
    func aStopAtAnyStepNeitherLosesNorRepeatsALine(_ way: InterruptedFiles.Way) throws {
        var steps = 0
        var isStopped = true
        while isStopped {
            steps += 1
            let what = "stopped \(way) at step \(steps)"
            let (fixture, living) = try Self.prepared()
            let files = try InterruptedFiles(in: fixture.directory, steps: steps, way: way)
            _ = try? Self.sequencer(fixture, files).integrate(waiting: 10_000)
            isStopped = files.isStopped
            files.cutPower()
            // What somebody may have seen by now has to stay true.
            let seen = try fixture.reader()
            #expect(
                try seen.verify().findings.allSatisfy { if case .segment = $0.place { true } else { false } }, "\(what)"
            )

            _ = try Self.sequencer(fixture).integrate(waiting: 10_000)
            try Self.check(fixture, ["a": 250, "b": 40, "c": 10, "d": 30], torn: 1, what)
            try living.append(Array("d-30".utf8))
            living.close()
            _ = try Self.sequencer(fixture).integrate(waiting: 10_000)
            try Self.check(fixture, ["a": 250, "b": 40, "c": 10, "d": 31], torn: 1, what)
            #expect(try fixture.reader().verify(against: seen.checkpoint).isSound, "\(what)")
            #expect(try fixture.paths(under: "segments").filter { $0.hasSuffix(".seg") }.isEmpty, "\(what)")
        }
        #expect(steps > 30)
    }

    @Test func stopsWhileComingBackDoNotMatterEither() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var random = Seeded(seed: seed)
        for _ in 0..<25 {
            let (fixture, living) = try Self.prepared()
            var what: [String] = []
            var heads: [Checkpoint] = []
            for _ in 0..<6 {
                let way = InterruptedFiles.Way.allCases.randomElement(using: &random) ?? .before
                let files = try InterruptedFiles(
                    in: fixture.directory, steps: Int.random(in: 1...25, using: &random), way: way)
                what.append("\(way) \(files.state.withLock { $0.left })")
                _ = try? Self.sequencer(fixture, files).integrate(waiting: 10_000)
                files.cutPower()
                heads.append(try fixture.reader().checkpoint)
            }
            living.close()
            _ = try Self.sequencer(fixture).integrate(waiting: 10_000)
            try Self.check(fixture, ["a": 250, "b": 40, "c": 10, "d": 30], torn: 1, "\(what)")
            for head in heads { #expect(try fixture.reader().verify(against: head).isSound, "\(what)") }
        }
    }

    @Test func aSignerThatFailsDelaysTheCheckpointAndNothingElse() throws {
        struct Unwilling: Signer {
            let key: SigningKey
            var publicKey: PublicKey { key.publicKey }
            func sign(_ message: [UInt8]) throws -> [UInt8] { throw JOSEError("away", "the signer is away") }
        }
        let (fixture, living) = try Self.prepared()
        let away = AuditSequencer(
            directory: fixture.directory, key: try fixture.key, signer: Unwilling(key: fixture.signer),
            clock: SystemClock(), files: SystemAuditFiles())
        for _ in 0..<3 {
            #expect { try away.integrate(waiting: 10_000) } throws: { ($0 as? AgentIDError)?.code == .signer }
            #expect(try fixture.reader().count == 250)
        }
        living.close()
        _ = try Self.sequencer(fixture).integrate(waiting: 10_000)
        try Self.check(fixture, ["a": 250, "b": 40, "c": 10, "d": 30], torn: 1, "signer")
    }

    @Test func aCheckpointOrSequenceThatWasPutBackIsNotSignedOver() throws {
        for path in ["checkpoint", "sequence"] {
            let (fixture, living) = try Self.prepared()
            defer { living.close() }
            let old = try fixture.bytes(path)
            _ = try Self.sequencer(fixture).integrate(waiting: 10_000)
            try fixture.write(path, old)
            #expect { try Self.sequencer(fixture).integrate(waiting: 10_000) } throws: {
                ($0 as? AgentIDError)?.name == "audit_damaged"
            }
            #expect(try !fixture.reader().verify().isSound)
            try FileManager.default.removeItem(atPath: "\(fixture.directory)/\(path)")
            #expect(throws: AgentIDError.self) { try Self.sequencer(fixture).integrate(waiting: 10_000) }
        }
    }

    @Test func aDamagedEdgeIsNotBuiltOn() throws {
        for path in ["tile/0/000.p/250", "tile/entries/000.p/250"] {
            let (fixture, living) = try Self.prepared()
            defer { living.close() }
            var bytes = try fixture.bytes(path)
            bytes[77] ^= 4
            try fixture.write(path, bytes)
            #expect { try Self.sequencer(fixture).integrate(waiting: 10_000) } throws: {
                ($0 as? AgentIDError)?.name == "audit_damaged"
            }
            #expect(try fixture.reader().count == 250)
        }
    }

    @Test func everyFlippedBitOfTheSequenceIsRefused() throws {
        let (fixture, living) = try Self.prepared()
        defer { living.close() }
        let bytes = try fixture.bytes("sequence")
        for i in bytes.indices {
            var changed = bytes
            changed[i] ^= 1 << UInt8(i % 8)
            #expect(throws: AgentIDError.self, "byte \(i)") { try AuditSequence(parsing: changed) }
        }
    }
}
