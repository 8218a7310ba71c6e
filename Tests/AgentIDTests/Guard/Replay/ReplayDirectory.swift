import Foundation
import Synchronization
import Testing

@testable import AgentID

/// A directory of a test's own with a file of used proofs, gone with it.
final class ReplayDirectory {
    let path: String
    var file: String { path + "/replay" }

    init() throws {
        path = NSTemporaryDirectory() + "agentid-replay-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func table(capacity: Int = 1000, window: Int64 = 30, now: Int64 = 0) throws -> ReplayTable {
        try ReplayTable(path: file, capacity: capacity, window: window, now: now)
    }

    func write(_ bytes: Data, mode: Int = 0o600) throws {
        try? FileManager.default.removeItem(atPath: file)
        #expect(
            FileManager.default.createFile(atPath: file, contents: bytes, attributes: [.posixPermissions: mode]))
    }

    func read() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: file)) }

    func refusal() -> AgentIDError? {
        do { _ = try table() } catch { return error as? AgentIDError }
        return nil
    }
}

extension ReplayTable {
    /// Remembers at a time of the steady clock, in milliseconds.
    func remember(_ name: String, under tree: String = "tree", at now: Int64 = 0, since begun: Int64? = nil)
        -> ReplayAnswer
    {
        remember(UsedProof(name: name, tree: tree), since: begun ?? now) { now }
    }
}

/// Counts from many threads.
final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .relaxed) }
    func add() { count.add(1, ordering: .relaxed) }
}
