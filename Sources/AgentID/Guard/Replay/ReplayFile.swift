internal import CProcess
internal import Glibc
internal import StrictJSON

/// The file behind a ``ReplayTable`` that guards share: one page, then its segments, one after the other.
///
/// Room is reserved on the disk before it is mapped or announced: a full disk is an error there, and never a SIGBUS. A
/// process that dies while it makes the file leaves a blank first page; one that dies while it adds a segment leaves
/// unannounced room. The next process that needs either starts again.
final class ReplayFile: Sendable {
    let header: ReplayHeader
    let path: String
    private let file: Int32
    private let (device, inode): (dev_t, ino_t)

    /// Opens the file at `path`. Makes it with the header `initial` if it does not exist, or if making it was
    /// interrupted.
    init(path: String, initial: ReplayHeader, isHurried: Bool = false) throws(AgentIDError) {
        let file: Int32
        do throws(AgentIDError) { file = try Files.open(path, .create, forbidden: 0o077) } catch {
            guard PermissionDenied.isSystem(error), errno == EACCES || errno == EROFS || errno == EPERM else {
                throw error
            }
            throw AgentIDError(
                .io, name: "replay_memory",
                message: "this user cannot write \(path), where the guards of this directory remember used proofs: "
                    + "run as its owner, or choose a guard with replay memory of its own",
                at: path)
        }
        var status = stat()
        do throws(AgentIDError) {
            guard unsafe fstat(file, &status) == 0 else { throw Files.failure("cannot look at", path) }
            header = try Self.prepare(file, path, initial, patience: isHurried ? 0 : Self.patience)
        } catch {
            _ = close(file)
            throw error
        }
        (self.path, self.file, device, inode) = (path, file, status.st_dev, status.st_ino)
    }

    deinit { _ = close(file) }

    /// The longest wait for another process that makes the file, in milliseconds: a stopped one delays nobody further.
    private static let patience = 5000

    static func size(buckets: Int) -> Int { ReplayHeader.size + buckets * ReplayTable.bucketSize }

    /// Refuses a file that guards would refuse, and changes nothing. A missing or unfinished file passes.
    static func check(_ path: String) throws(AgentIDError) {
        guard let file = try Files.openIfPresent(path, .read, forbidden: 0o077) else { return }
        defer { _ = close(file) }
        _ = try read(file, path)
    }

    private static func prepare(
        _ file: Int32, _ path: String, _ initial: ReplayHeader, patience: Int
    ) throws(AgentIDError) -> ReplayHeader {
        if let header = try read(file, path) {
            try Files.fillHoles(of: file, path)
            return header
        }
        guard lock(file, patience: patience) else {
            throw AgentIDError(
                .state, name: "busy", message: "another process has been making \(path) for 5 s: end it, or try again",
                at: path)
        }
        defer { _ = flock(file, LOCK_UN) }
        if let header = try read(file, path) { return header }
        try allocate(file, path, from: 0, to: size(buckets: initial.buckets), orCutTo: 0)
        // In one piece: it is written whole, or the page stays blank.
        let page = ReplayPage.first(initial).littleEndianBytes
        guard unsafe pwrite(file, page, page.count, 0) == page.count, fdatasync(file) == 0 else {
            throw Files.failure("cannot write", path)
        }
        return initial
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

    private static func lock(_ file: Int32, patience: Int) -> Bool {
        for waited in 0...patience {
            if flock(file, LOCK_EX | LOCK_NB) == 0 { return true }
            guard errno == EINTR || errno == EWOULDBLOCK else { return false }
            if waited < patience { usleep(1000) }
        }
        return false
    }

    private static func allocate(
        _ file: Int32, _ path: String, from start: Int, to end: Int, orCutTo length: Int
    ) throws(AgentIDError) {
        var error = EINTR
        for _ in 0..<100 where error == EINTR { error = posix_fallocate(file, start, end - start) }
        guard error == 0 else {
            errno = error
            let failure = Files.failure("cannot take the room for", path)
            _ = ftruncate(file, length)
            throw failure
        }
    }

    /// Runs `body` while no other process adds a segment. Does not wait; returns `false` if another does.
    func growing(_ body: () throws(AgentIDError) -> Void) throws(AgentIDError) -> Bool {
        guard Self.lock(file, patience: 0) else { return false }
        defer { _ = flock(file, LOCK_UN) }
        try body()
        return true
    }

    /// Reserves room for more buckets after the present ones: within ``growing(_:)``.
    ///
    /// Synced before it is announced, together with all that was announced before: a power cut leaves no page that
    /// names missing room.
    func allocate(_ buckets: Int, behind there: Int) throws(AgentIDError) {
        let end = Self.size(buckets: there)
        try Self.allocate(file, path, from: end, to: Self.size(buckets: there + buckets), orCutTo: end)
        guard fdatasync(file) == 0 else { throw Files.failure("cannot write", path) }
    }

    /// Whether `buckets` can be touched, since touching a truncated part raises SIGBUS, and whether the file still has
    /// its name.
    func holds(_ buckets: Int) -> Bool {
        var status = stat()
        guard unsafe fstat(file, &status) == 0, status.st_nlink == 1 else { return false }
        return status.st_size >= Self.size(buckets: buckets)
    }

    /// Whether the path still names this file.
    var isInPlace: Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0 && status.st_dev == device && status.st_ino == inode
    }

    /// Maps bytes of the file.
    func map(from start: Int, count: Int) throws(AgentIDError) -> MappedMemory {
        guard let mapping = MappedMemory(file, from: start, count: count) else {
            throw Files.failure("cannot map", path)
        }
        return mapping
    }
}
