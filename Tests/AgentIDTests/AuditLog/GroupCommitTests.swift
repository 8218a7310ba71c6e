import Foundation
import JOSE
import Synchronization
import Testing

@testable import AgentID

/// One sync for many.
@Suite struct GroupCommitTests {
    static let failure = AgentIDError(.io, name: "audit_unavailable", message: "no disk")

    @Test func linesThatWaitTogetherShareASync() throws {
        let commits = GroupCommit()
        let appended = Atomic<UInt64>(0)
        let syncs = Atomic<Int>(0)
        let threads = (0..<8).map { _ in
            Thread {
                let line = appended.add(1, ordering: .acquiringAndReleasing).newValue
                try? commits.wait(for: line) {
                    // The first to come syncs when the last has come.
                    while appended.load(ordering: .acquiring) < 8 { usleep(100) }
                    syncs.add(1, ordering: .relaxed)
                    return (8, nil)
                }
            }
        }
        for thread in threads { thread.start() }
        while !threads.allSatisfy(\.isFinished) { usleep(1000) }
        let count = syncs.load(ordering: .relaxed)
        #expect(count == 1)
    }

    @Test func whoReturnsIsDurable() throws {
        let commits = GroupCommit()
        let appended = Atomic<UInt64>(0)
        let durable = Atomic<UInt64>(0)
        let early = Locked(0)
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<50 {
                let line = appended.add(1, ordering: .acquiringAndReleasing).newValue
                try? commits.wait(for: line) {
                    let covered = appended.load(ordering: .acquiring)
                    usleep(100)
                    durable.store(covered, ordering: .releasing)
                    return (covered, nil)
                }
                if durable.load(ordering: .acquiring) < line { early.withLock { $0 += 1 } }
            }
        }
        #expect(early.withLock { $0 } == 0)
    }

    @Test func aFailedSyncFailsExactlyTheLinesItWasFor() throws {
        let commits = GroupCommit()
        try commits.wait(for: 3) { (3, nil) }
        #expect(throws: Self.failure) { try commits.wait(for: 4) { (6, Self.failure) } }
        for line in [UInt64(1), 2, 3] { try commits.wait(for: line) { (9, Self.failure) } }
        for line in [UInt64(5), 6] { #expect(throws: Self.failure) { try commits.wait(for: line) { (9, nil) } } }
        try commits.wait(for: 7) { (7, nil) }
    }

    @Test func aSecondFailureDoesNotHideTheFirst() throws {
        let commits = GroupCommit()
        #expect(throws: Self.failure) { try commits.wait(for: 1) { (3, Self.failure) } }
        try commits.wait(for: 4) { (4, nil) }
        #expect(throws: Self.failure) { try commits.wait(for: 5) { (6, Self.failure) } }
        for line in [UInt64(2), 6, 3] { #expect(throws: Self.failure) { try commits.wait(for: line) { (9, nil) } } }
        try commits.wait(for: 7) { (7, nil) }
    }
}
