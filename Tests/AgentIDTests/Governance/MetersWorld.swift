import Foundation
import Policy
import Synchronization

@testable import AgentID

/// A directory of a test's own with a file of meters, gone with it.
final class MetersWorld: Sendable {
    let directory: TemporaryDirectory
    var file: String { directory.path + "/meters" }

    init() throws { directory = try TemporaryDirectory() }

    static let start: Int64 = 1_790_000_000_000
    /// The number of the word that the slots begin with.
    static let slots = 1024

    func page(
        buckets: Int = 4, isMachine: Bool = false, now: Int64 = start, steady: SteadyClock = .machine
    ) throws -> MetersPage {
        try MetersPage(path: file, buckets: buckets, believesSteps: !isMachine, now: now, steady: steady)
    }

    /// Writes words into the file as it stands.
    func write(_ words: [UInt64], at index: Int) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
        try handle.seek(toOffset: UInt64(index * 8))
        try handle.write(contentsOf: Data(words.littleEndianBytes))
        try handle.close()
    }

    /// The page of the directory's marks, beside the file.
    func makeSequence() throws { _ = try SharedSequence(path: directory.path + "/sequence", isWriter: true) }

    func read() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: file)) }
}

extension MetersPage {
    /// Takes one call of a meter by its name, as a decision does.
    func take(_ name: String, _ rate: GCRA, now: Int64) throws(Denial) -> Int64? {
        let time = try look(now)
        return try take(slot(of: key([name]), .rate, at: time), rate, at: time)
    }
}

/// A steady clock that a test moves.
final class MovedClock: Sendable {
    private let time: Atomic<Int64>
    private let run: String

    init(_ time: Int64 = 1_000_000, run: String = "this run") {
        self.time = Atomic(time)
        self.run = run
    }

    func move(by milliseconds: Int64) { time.add(milliseconds, ordering: .relaxed) }

    var steady: SteadyClock {
        SteadyClock { SteadyTime(boot: self.run, milliseconds: self.time.load(ordering: .relaxed)) }
    }
}
