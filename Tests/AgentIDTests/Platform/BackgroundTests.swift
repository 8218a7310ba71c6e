import Foundation
import JOSE
import Synchronization
import Testing

@testable import AgentID

/// The library's own threads.
@Suite struct BackgroundTests {
    @Test func aWokenThreadRunsAndAStoppedOneHasEnded() throws {
        let turns = Monitor(0)
        let hasEnded = Atomic(false)
        let thread = try BackgroundThread.start(name: "test") { thread in
            while thread.wait(milliseconds: 3_600_000) { turns.change { $0 += 1 } }
            hasEnded.store(true, ordering: .releasing)
        }
        for turn in 1...5 {
            thread.wake()
            #expect(turns.wait { $0 >= turn ? $0 : nil } == turn)
        }
        thread.stop()
        let isOver = hasEnded.load(ordering: .acquiring)
        #expect(isOver)
        thread.stop()
    }

    @Test func manyMayStopAThreadAtOnceAndEachReturnsAfterItsEnd() throws {
        let hasEnded = Atomic(false)
        let thread = try BackgroundThread.start(name: "test") { thread in
            while thread.wait(milliseconds: 1) {}
            hasEnded.store(true, ordering: .releasing)
        }
        let seen = Locked([Bool]())
        let stoppers = (0..<4).map { _ in
            Thread {
                thread.stop()
                seen.withLock { $0.append(hasEnded.load(ordering: .acquiring)) }
            }
        }
        for stopper in stoppers { stopper.start() }
        while seen.withLock({ $0.count }) < 4 { Thread.sleep(forTimeInterval: 0.001) }
        #expect(seen.withLock { $0 } == [true, true, true, true])
    }

    @Test func aThreadHasItsNameAndNoneOfTheHostsSignals() throws {
        let found = Monitor<(name: String, mask: String)?>(nil)
        let thread = try BackgroundThread.start(name: "agentid-test") { _ in
            let status = (try? String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8)) ?? ""
            func field(_ name: String) -> String {
                let line = status.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
                return line.split(separator: "\t").last.map(String.init) ?? ""
            }
            found.change { $0 = (field("Name:"), field("SigBlk:")) }
        }
        let result = try #require(found.wait { $0.map { $0 } })
        thread.stop()
        #expect(result.name == "agentid-test")
        // SIGTERM (15) and SIGINT (2) among them.
        let mask = try #require(UInt64(result.mask, radix: 16))
        #expect(mask >> 14 & 1 == 1 && mask >> 1 & 1 == 1)
    }

    @Test func aWaitEndsByItself() {
        #expect(Monitor(0).wait(milliseconds: 1) { $0 > 0 ? true : nil } == nil)
    }
}
