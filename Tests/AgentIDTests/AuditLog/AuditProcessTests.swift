import Foundation
import StrictJSON
import Testing
import TestSupport

@testable import AgentID

/// Real processes: several at once, killed while they append and integrate, and forked.
@Suite struct AuditProcessTests {
    let seed = UInt64.random(in: 0 ... .max)

    static let tool = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appendingPathComponent("audit-process")

    static func start(_ arguments: [String]) throws -> (process: Process, output: Pipe) {
        let (process, pipe) = (Process(), Pipe())
        process.executableURL = tool
        process.arguments = arguments
        // ThreadSanitizer would end a child that starts a thread of its own.
        process.environment = ProcessInfo.processInfo.environment.merging(["TSAN_OPTIONS": "die_after_fork=0"]) { $1 }
        process.standardOutput = pipe
        try process.run()
        return (process, pipe)
    }

    @Test func killedProcessesLoseNoLineThatWasAcknowledged() throws {
        print("seed \(seed)")
        var random = Seeded(seed: seed)
        let fixture = try AuditFixture()
        let key = "\(fixture.directory)/key.jwk"
        try Data(fixture.signer.withExportedJWK { jwk in (0..<jwk.count).map { jwk[$0] } })
            .write(to: URL(fileURLWithPath: key))
        var acknowledged: [String: Int] = [:]
        for round in 0..<8 {
            let names = (0..<3).map { "r\(round)p\($0)" }
            // Two of three sign too: when the one that holds the lock is killed, the other goes on.
            let started = try names.enumerated().map { n, name in
                try Self.start(
                    ["append", fixture.directory, fixture.origin, name, "1000000"] + (n < 2 ? [key] : []))
            }
            Thread.sleep(forTimeInterval: Double.random(in: 0.05...0.25, using: &random))
            for (n, (process, pipe)) in started.enumerated() {
                // One ends as it should not, the others, too, a little later.
                kill(process.processIdentifier, SIGKILL)
                let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                acknowledged[names[n]] = said.split(separator: "\n").count
            }
        }
        _ = try fixture.sequencer().integrate(waiting: 10_000)
        #expect(acknowledged.values.reduce(0, +) > 0)
        var found: [String: [Int]] = [:]
        for entry in try fixture.entries() where !entry.contains("audit.gap") {
            let parts = entry.split(separator: "-")
            found[String(parts[0]), default: []].append(try #require(Int(parts[1])))
        }
        for (name, count) in acknowledged {
            let numbers = found[name] ?? []
            #expect(numbers == Array(0..<numbers.count), "\(name)")
            #expect(numbers.count >= count, "\(name)")
        }
        #expect(try fixture.reader().verify().isSound)
        #expect(try fixture.paths(under: "segments").filter { $0.hasSuffix(".seg") }.isEmpty)
    }

    @Test func aForkedChildDoesNotAppendThroughItsParentsLog() throws {
        let fixture = try AuditFixture()
        let (process, pipe) = try Self.start(["fork", fixture.directory, fixture.origin])
        let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(said == "child 0\n")
        _ = try fixture.sequencer().integrate(waiting: 10_000)
        #expect(try fixture.entries().sorted() == ["child-1", "parent-0", "parent-1", "parent-2"])
    }
}
