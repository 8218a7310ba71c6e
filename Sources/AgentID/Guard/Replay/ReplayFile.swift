internal import CProcess
internal import Glibc
internal import StrictJSON

/// The file behind a ``ReplayTable`` that guards share: one page, then its segments, one after the other.
///
/// A process that dies while it adds a segment leaves unannounced room. The next process that needs it starts again.
final class ReplayFile: Sendable {
    let header: ReplayHeader
    private let shared: SharedFile

    /// Opens the file at `path`. Makes it with the header `initial` if it does not exist, or if making it was
    /// interrupted.
    init(path: String, initial: ReplayHeader, isHurried: Bool = false) throws(AgentIDError) {
        shared = try SharedFile(
            path: path, name: "replay_memory",
            reason: "remember used proofs: run as its owner, or choose a guard with replay memory of its own")
        header =
            try shared.begin(
                waiting: isHurried ? 0 : SharedFile.patience, room: Self.size(buckets: initial.buckets),
                firstPage: ReplayPage.first(initial).littleEndianBytes, Self.read) ?? initial
    }

    var path: String { shared.path }

    static func size(buckets: Int) -> Int { ReplayHeader.size + buckets * ReplayTable.bucketSize }

    /// Refuses a file that guards would refuse, or that has taken fewer proofs than are known, and changes nothing. A missing
    /// or unfinished file passes.
    static func check(_ path: String, taken known: UInt64) throws(AgentIDError) {
        guard let file = try Files.openIfPresent(path, .read, forbidden: 0o077) else { return }
        defer { _ = close(file) }
        guard try read(file, path) != nil else { return }
        var bytes = [UInt8](repeating: 0, count: ReplayHeader.size)
        guard unsafe pread(file, &bytes, bytes.count, 0) == bytes.count else {
            throw Files.failure("cannot read", path)
        }
        let taken = ReplayPage.taken(in: bytes.littleEndianWords)
        guard taken >= known else {
            throw ReplayHeader.refusal(
                path, "knows \(taken) of \(known) used proofs, as an older copy does, or one that lost power")
        }
    }

    /// The header; `nil` if nobody has mapped the file yet.
    private static func read(_ file: Int32, _ path: String) throws(AgentIDError) -> ReplayHeader? {
        var bytes = [UInt8](repeating: 0, count: ReplayHeader.size)
        let count = unsafe pread(file, &bytes, bytes.count, 0)
        guard count >= 0 else { throw Files.failure("cannot read", path) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw Files.failure("cannot look at", path) }
        bytes.removeLast(bytes.count - count)
        let largest = size(buckets: ReplayTable.mostBuckets)
        if bytes.allSatisfy({ $0 == 0 }), status.st_size <= largest { return nil }
        let header = try ReplayHeader(reading: bytes, path: path)
        guard count == ReplayHeader.size else { throw ReplayHeader.refusal(path, "is too short") }
        let segments = try ReplayPage.segments(in: bytes.littleEndianWords, header, path: path)
        guard (size(buckets: segments.reduce(0, +))...largest).contains(Int(status.st_size)) else {
            throw ReplayHeader.refusal(path, "has not the size that it says")
        }
        return header
    }

    /// Runs `body` while no other process adds a segment. Does not wait; returns `false` if another does.
    func growing(_ body: () throws(AgentIDError) -> Void) throws(AgentIDError) -> Bool {
        try shared.exclusively(waiting: 0, body)
    }

    /// Reserves room for more buckets after the present ones: within ``growing(_:)``.
    ///
    /// Synced before it is announced, together with all that was announced before: a power cut leaves no page that
    /// names missing room.
    func allocate(_ buckets: Int, after there: Int) throws(AgentIDError) {
        try shared.allocate(from: Self.size(buckets: there), to: Self.size(buckets: there + buckets))
        guard shared.sync() else { throw Files.failure("cannot write", path) }
    }

    /// Whether `buckets` can be touched, and whether the file still has its name.
    func holds(_ buckets: Int) -> Bool {
        guard let length = shared.length else { return false }
        return length >= Self.size(buckets: buckets)
    }

    /// Whether the path still names this file.
    var isInPlace: Bool { shared.isInPlace }

    /// Maps bytes of the file.
    func map(from start: Int, count: Int) throws(AgentIDError) -> MappedMemory {
        try shared.map(from: start, count: count)
    }
}
