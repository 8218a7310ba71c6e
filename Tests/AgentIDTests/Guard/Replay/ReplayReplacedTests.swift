import Foundation
import StrictJSON
import Testing

@testable import AgentID

/// The file of used proofs under guards that have it open.
@Suite struct ReplayReplacedTests {
    private static let wait = ReplayTable.hold(window: 60)

    private func memory(_ directory: ReplayDirectory) throws -> SharedReplayMemory {
        try SharedReplayMemory(path: directory.file, capacity: 1000, window: 30, now: 0)
    }

    /// What can be done to a file, and whether it shows at once rather than within 50 ms.
    private static let changes: [(String, Bool, @Sendable (ReplayDirectory) throws -> Void)] = [
        ("removed", true, { try FileManager.default.removeItem(atPath: $0.file) }),
        ("renamed", false, { try FileManager.default.moveItem(atPath: $0.file, toPath: $0.file + "-old") }),
        (
            "replaced", true,
            { directory in
                let copy = try directory.read()
                try directory.write(copy)
            }
        ),
        ("emptied", true, { #expect(unsafe truncate($0.file, 0) == 0) }),
        ("cut", true, { #expect(unsafe truncate($0.file, 8192) == 0) }),
        (
            "blanked", true,
            { directory in
                let size = try directory.read().count
                let file = try FileHandle(forWritingTo: URL(fileURLWithPath: directory.file))
                try file.write(contentsOf: Data(count: size))
            }
        ),
        (
            "directory renamed", false,
            { directory in
                try FileManager.default.moveItem(atPath: directory.path, toPath: directory.path + "-old")
                try FileManager.default.createDirectory(
                    atPath: directory.path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
                try FileManager.default.removeItem(atPath: directory.path + "-old")
            }
        ),
    ]

    @Test(arguments: changes.indices) func fileThatIsNotWhatItWasDeniesUntilAllItKnewIsOver(_ change: Int) throws {
        let (name, isSeenAtOnce, change) = Self.changes[change]
        let directory = try ReplayDirectory()
        let memory = try memory(directory)
        func answer(_ proof: String, at now: Int64) -> ReplayAnswer {
            memory.remember(UsedProof(name: proof, tree: "tree"), since: now) { now }
        }
        #expect(answer("before", at: 10) == .fresh)
        try change(directory)
        if isSeenAtOnce { #expect(answer("after", at: 20) == .replaced, "\(name)") }
        #expect(answer("after", at: 60) == .replaced, "\(name)")
        #expect(answer("after", at: Self.wait - 1) == .replaced, "\(name)")
        #expect(answer("before", at: Self.wait - 1) == .replaced, "\(name)")
        // What stands there now cannot be used, in two cases, and is a new or older memory in the others.
        let later = answer("later", at: Self.wait + 2000)
        let isUsable = !["emptied", "cut"].contains(name) || directory.refusal() == nil
        #expect(later == (isUsable ? .fresh : .replaced), "\(name)")
        if later == .replaced {
            try FileManager.default.removeItem(atPath: directory.file)
            #expect(answer("mended", at: Self.wait + 4000) == .fresh)
        }
        // And the next time it is noticed as well.
        try FileManager.default.removeItem(atPath: directory.file)
        #expect(answer("again", at: Self.wait + 5000) == .replaced)
        #expect(answer("again", at: 2 * Self.wait + 7000) == .fresh)
    }

    @Test func copyThatIsWrittenBackOverTheFileIsNoticed() throws {
        let directory = try ReplayDirectory()
        let memory = try memory(directory)
        func answer(_ proof: String, at now: Int64) -> ReplayAnswer {
            memory.remember(UsedProof(name: proof, tree: "tree"), since: now) { now }
        }
        #expect(answer("before", at: 100) == .fresh)
        let copy = try directory.read()
        #expect(answer("between", at: 200) == .fresh)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: directory.file))
        try file.write(contentsOf: copy)
        #expect(answer("between", at: 210) == .replaced)
        #expect(try directory.table().remember("before") == .replayed)
    }

    @Test func olderCopyIsNoticedByWhoRememberedNothingSinceIt() throws {
        let directory = try ReplayDirectory()
        _ = try SharedSequence(path: directory.path + "/sequence", isWriter: true)
        let (busy, idle, third) = try (memory(directory), memory(directory), memory(directory))
        func answer(_ memory: SharedReplayMemory, _ proof: String, at now: Int64) -> ReplayAnswer {
            memory.remember(UsedProof(name: proof, tree: "tree"), since: now) { now }
        }
        #expect(answer(busy, "before", at: 100) == .fresh)
        #expect(answer(idle, "own", at: 110) == .fresh)
        let copy = try directory.read()
        #expect(answer(busy, "between", at: 120) == .fresh)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: directory.file))
        try file.write(contentsOf: copy)
        #expect(answer(idle, "between", at: 130) == .replaced)
        // Whoever opens it anew takes it up, and who had it open before notices that too.
        let new = try memory(directory)
        #expect(answer(new, "later", at: 140) == .fresh)
        #expect(answer(third, "between", at: 150) == .replaced)
        #expect(answer(busy, "between", at: 150) == .replaced)
    }

    /// Its proofs are of chains that are no longer valid, and its secret makes nonces: whoever had the backup may know it.
    @Test func aRestoredBackupBeginsWithoutTheFileThatCameWithIt() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let file = directory.path + "/replay"
        _ = try Guard.open(directory: directory.path, .forTests(world))
        world.authority.close()
        #expect(FileManager.default.fileExists(atPath: file))
        _ = try Authority.acceptRestored(directory: directory.path, passphrase: nil, clock: world.clock)
        #expect(!FileManager.default.fileExists(atPath: file))
    }

    @Test func guardThatIsOpenedAnewTakesUpWhatStandsThere() throws {
        let directory = try ReplayDirectory()
        let old = try memory(directory)
        try FileManager.default.removeItem(atPath: directory.file)
        let new = try memory(directory)
        let proof = UsedProof(name: "proof", tree: "tree")
        #expect(new.remember(proof, since: 10) { 10 } == .fresh)
        #expect(old.remember(proof, since: 10) { 10 } == .replaced)
        // Later both have the same.
        #expect(old.remember(proof, since: Self.wait + 100) { Self.wait + 100 } == .replayed)
    }
}
