import Foundation
import TestSupport
import Testing

@testable import AgentID

/// Processes that take from one meter, and are killed and stopped while they do.
@Suite(.disabled(if: Sanitizer.isThread)) struct MetersProcessTests {
    private func start(_ world: MetersWorld, _ name: String, calls: Int, tries: Int) throws -> (Process, Pipe) {
        let started = try AuditProcessTests.start(
            ["meters", world.file, name, "\(calls)", "\(Int64(1) << 41)", "\(tries)"])
        return (started.process, started.output)
    }

    private func taken(_ pipe: Pipe) -> Int {
        pipe.fileHandleForReading.readDataToEndOfFile().filter { $0 == UInt8(ascii: ".") }.count
    }

    @Test func eightProcessesTakeABurstToItsLastCallAndNoFurther() throws {
        let world = try MetersWorld()
        // All make the file at once, the first time.
        let started = try (0..<8).map { _ in try start(world, "hot", calls: 3000, tries: 200) }
        #expect(started.map { taken($0.1) }.reduce(0, +) == 3000)
        #expect(started.allSatisfy { $0.0.waitUntilExit() == () && $0.0.terminationStatus == 0 })
    }

    @Test func processesThatAreKilledAndStoppedLoseNothingAndHoldNobodyUp() throws {
        var random = Seeded.announced("killed takers")
        let world = try MetersWorld()
        var (said, killed) = (0, 0)
        let stopped = try start(world, "hot", calls: 20_000, tries: 1_000_000)
        usleep(100_000)
        kill(stopped.0.processIdentifier, SIGSTOP)
        for _ in 0..<6 {
            let started = try (0..<3).map { _ in try start(world, "hot", calls: 20_000, tries: 1_000_000) }
            usleep(UInt32.random(in: 20_000...80_000, using: &random))
            for (process, pipe) in started {
                kill(process.processIdentifier, SIGKILL)
                said += taken(pipe)
                process.waitUntilExit()
                killed += 1
            }
        }
        let last = try start(world, "hot", calls: 20_000, tries: 20_000)
        said += taken(last.1)
        kill(stopped.0.processIdentifier, SIGKILL)
        said += taken(stopped.1)
        // Each of its four threads may have taken one call that it could not say.
        #expect(said <= 20_000 && said >= 20_000 - 4 * (killed + 1))
    }
}
