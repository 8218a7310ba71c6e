internal import CProcess
internal import Glibc

/// The file behind a ``MetersPage`` that guards share: a page, then the slots.
///
/// Room is taken from the disk before it is mapped: a full disk is an error there, and never a SIGBUS. A process that dies
/// while it makes the file leaves a blank first page, and the next one begins anew.
final class MetersFile: Sendable {
    let header: MetersHeader
    let path: String
    private let file: Int32
    private let identity: FileIdentity?

    /// The longest wait for another process that makes the file, in milliseconds: a stopped one delays nobody further.
    private static let patience = 5000

    /// Opens the file at `path`; makes it with the header `initial` where there is none or making it was cut short.
    init(path: String, initial: MetersHeader) throws(AgentIDError) {
        let file: Int32
        do throws(AgentIDError) { file = try Files.open(path, .create, forbidden: 0o077) } catch {
            guard PermissionDenied.isSystem(error), errno == EACCES || errno == EROFS || errno == EPERM else {
                throw error
            }
            throw AgentIDError(
                .io, name: "meters",
                message: "this user cannot write \(path), where the guards of this directory keep rates and budgets: "
                    + "run as its owner",
                at: path)
        }
        do throws(AgentIDError) { header = try Self.prepare(file, path, initial) } catch {
            _ = close(file)
            throw error
        }
        (self.path, self.file, identity) = (path, file, FileIdentity(of: file))
    }

    deinit { _ = close(file) }

    private static func prepare(
        _ file: Int32, _ path: String, _ initial: MetersHeader
    ) throws(AgentIDError) -> MetersHeader {
        if let header = try read(file, path) {
            try Files.fillHoles(of: file, path)
            return header
        }
        guard lock(file) else {
            throw AgentIDError(
                .state, name: "busy", message: "another process has been making \(path) for 5 s: end it, or try again",
                at: path)
        }
        defer { _ = flock(file, LOCK_UN) }
        if let header = try read(file, path) { return header }
        var error = EINTR
        for _ in 0..<100 where error == EINTR { error = posix_fallocate(file, 0, initial.length) }
        guard error == 0 else {
            errno = error
            let failure = Files.failure("cannot take the room for", path)
            _ = ftruncate(file, 0)
            throw failure
        }
        // In one piece: it is written whole, or the page stays blank.
        let page = initial.bytes + [UInt8](repeating: 0, count: MetersHeader.size - MetersHeader.byteCount)
        guard unsafe pwrite(file, page, page.count, 0) == page.count, fdatasync(file) == 0 else {
            throw Files.failure("cannot write", path)
        }
        return initial
    }

    /// The header; `nil` where nobody has mapped the file yet.
    static func read(_ file: Int32, _ path: String) throws(AgentIDError) -> MetersHeader? {
        var bytes = [UInt8](repeating: 0, count: MetersHeader.size)
        let count = unsafe pread(file, &bytes, bytes.count, 0)
        guard count >= 0 else { throw Files.failure("cannot read", path) }
        bytes.removeLast(bytes.count - count)
        let length = lseek(file, 0, SEEK_END)
        if bytes.allSatisfy({ $0 == 0 }), length <= MetersHeader(buckets: MetersHeader.mostBuckets).length {
            return nil
        }
        let header = try MetersHeader(reading: bytes, path: path)
        guard length == header.length else { throw MetersHeader.refusal(path, "has not the size that it says") }
        return header
    }

    /// The number of slots of a file that were ever claimed, and of all; `nil` where there is no such file yet.
    static func fill(_ path: String) throws(AgentIDError) -> (claimed: Int, slots: Int)? {
        guard let file = try Files.openIfPresent(path, .read, forbidden: 0o077) else { return nil }
        defer { _ = close(file) }
        guard let header = try read(file, path) else { return nil }
        var word = [UInt8](repeating: 0, count: 8)
        guard unsafe pread(file, &word, word.count, off_t(MetersWords.Place.claimed.rawValue * 8)) == word.count,
            let claimed = word.littleEndianWords.first
        else { throw Files.failure("cannot read", path) }
        let slots = header.buckets * MetersPage.slotsPerBucket
        return (min(Int(clamping: claimed), slots), slots)
    }

    private static func lock(_ file: Int32) -> Bool {
        for _ in 0...patience {
            if flock(file, LOCK_EX | LOCK_NB) == 0 { return true }
            guard errno == EINTR || errno == EWOULDBLOCK else { return false }
            usleep(1000)
        }
        return false
    }

    /// Does something that no other process does meanwhile; `false` where one has been at it for 5 s.
    func exclusively(_ body: () -> Void) -> Bool {
        guard Self.lock(file) else { return false }
        defer { _ = flock(file, LOCK_UN) }
        body()
        return true
    }

    /// Whether all of it can be touched, for a mapping of what was cut off is SIGBUS; and whether it still has its name.
    var isWhole: Bool {
        var status = stat()
        return unsafe fstat(file, &status) == 0 && status.st_nlink == 1 && status.st_size == header.length
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

    func map() throws(AgentIDError) -> MappedMemory {
        guard let mapping = MappedMemory(file, from: 0, count: header.length) else {
            throw Files.failure("cannot map", path)
        }
        return mapping
    }
}
