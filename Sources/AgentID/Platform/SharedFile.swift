internal import CProcess
internal import Glibc

/// A file that processes share as mapped memory: a page, then what its format says.
///
/// Room is taken from the disk before it is mapped or announced: a full disk is an error there, and never a SIGBUS. A
/// process that dies while it makes the file leaves a blank first page, and the next one begins anew.
final class SharedFile: Sendable {
    let path: String
    private let file: Int32
    private let identity: FileIdentity?
    private let isCopy: Bool

    /// The longest wait for another process that makes the file, in milliseconds: a stopped one delays nobody further.
    static let patience = 5000

    /// Opens the file at `path`, and makes an empty one where there is none.
    ///
    /// - Parameters:
    ///   - name: of the error where this user may not write it.
    ///   - reason: what the guards of a directory do with it, and what this user can do, for that error.
    ///   - isCopy: whether it is only looked at: the file must be there, and what is stored stays in this process.
    init(path: String, name: String, reason: String, isCopy: Bool = false) throws(AgentIDError) {
        self.isCopy = isCopy
        do throws(AgentIDError) { file = try Files.open(path, isCopy ? .read : .create, forbidden: 0o077) } catch {
            guard PermissionDenied.isSystem(error), errno == EACCES || errno == EPERM else {
                throw error
            }
            throw AgentIDError(
                .io, name: name,
                message: "this user cannot write \(path), where the guards of this directory \(reason)", at: path)
        }
        (self.path, identity) = (path, FileIdentity(of: file))
    }

    deinit { _ = close(file) }

    /// Reads the header of the file, or makes the file: takes `room` bytes and writes its first page.
    ///
    /// - Parameter read: `nil` where the file was not made yet.
    /// - Returns: `nil` where it was made here.
    func begin<Header>(
        waiting patience: Int = SharedFile.patience, room: Int, firstPage: [UInt8],
        _ read: (Int32, String) throws(AgentIDError) -> Header?
    ) throws(AgentIDError) -> Header? {
        if let header = try read(file, path) {
            try Files.fillHoles(of: file, path)
            return header
        }
        guard lock(waiting: patience) else {
            throw AgentIDError(
                .state, name: "busy", message: "another process has been making \(path) for 5 s: end it, or try again",
                at: path)
        }
        defer { _ = flock(file, LOCK_UN) }
        if let header = try read(file, path) { return header }
        try allocate(from: 0, to: room)
        // In one piece: it is written whole, or the page stays blank.
        guard unsafe pwrite(file, firstPage, firstPage.count, 0) == firstPage.count, sync() else {
            throw Files.failure("cannot write", path)
        }
        return nil
    }

    /// Takes room from the disk; where it cannot, the file stays as long as `start`.
    func allocate(from start: Int, to end: Int) throws(AgentIDError) {
        var error = EINTR
        for _ in 0..<100 where error == EINTR { error = posix_fallocate(file, start, end - start) }
        guard error == 0 else {
            errno = error
            let failure = Files.failure("cannot take the room for", path)
            _ = ftruncate(file, start)
            throw failure
        }
    }

    private func lock(waiting patience: Int) -> Bool {
        for waited in 0...patience {
            if flock(file, LOCK_EX | LOCK_NB) == 0 { return true }
            guard errno == EINTR || errno == EWOULDBLOCK else { return false }
            if waited < patience { usleep(1000) }
        }
        return false
    }

    /// Runs `body` while no other process does the same; `false` where one has been at it for `patience` milliseconds.
    func exclusively(
        waiting patience: Int = SharedFile.patience, _ body: () throws(AgentIDError) -> Void
    ) throws(AgentIDError) -> Bool {
        guard lock(waiting: patience) else { return false }
        defer { _ = flock(file, LOCK_UN) }
        try body()
        return true
    }

    /// The length, in bytes; `nil` where the file has lost its name. Touching what was cut off is SIGBUS.
    var length: Int? {
        var status = stat()
        guard unsafe fstat(file, &status) == 0, status.st_nlink == 1 else { return nil }
        return Int(clamping: status.st_size)
    }

    /// Whether it is this file that stands under its path.
    var isInPlace: Bool { identity != nil && FileIdentity(at: path) == identity }

    /// Writes all to the disk; `false` where it cannot.
    func sync() -> Bool {
        for _ in 0..<100 {
            if fdatasync(file) == 0 { return true }
            guard errno == EINTR else { return false }
        }
        return false
    }

    /// Maps bytes of the file.
    func map(from start: Int, count: Int) throws(AgentIDError) -> MappedMemory {
        guard let mapping = MappedMemory(file, from: start, count: count, isCopy: isCopy) else {
            throw Files.failure("cannot map", path)
        }
        return mapping
    }
}
