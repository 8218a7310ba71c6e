internal import Glibc

/// The file behind a ``SharedReplayTable``: made whole while no other process can look, or checked before it is mapped.
struct ReplayFile: ~Copyable {
    let header: ReplayHeader
    private let path: String
    private let file: Int32

    /// Opens the file at `path`; makes it with the header `initial` where there is none or making it was cut short.
    init(path: String, initial: ReplayHeader) throws(AgentIDError) {
        let file: Int32
        do throws(AgentIDError) { file = try Files.open(path, .create, forbidden: 0o077) } catch {
            guard error.name.isSame(as: "file"), errno == EACCES || errno == EROFS || errno == EPERM else {
                throw error
            }
            throw AgentIDError(
                .io, name: "replay_memory",
                message: "this user cannot write \(path), where the guards of this directory remember used proofs: "
                    + "run as its owner, or choose a guard with replay memory of its own",
                at: path)
        }
        do throws(AgentIDError) { header = try Self.prepare(file, path, initial) } catch {
            _ = close(file)
            throw error
        }
        (self.path, self.file) = (path, file)
    }

    deinit { _ = close(file) }

    /// Refuses a file that guards would refuse, and changes nothing; none, and one not made to its end, are well.
    static func check(_ path: String) throws(AgentIDError) {
        guard let file = try Files.openIfPresent(path, .read, forbidden: 0o077) else { return }
        defer { _ = close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw Files.failure("cannot look at", path) }
        let bytes = try read(file, path)
        guard bytes.contains(where: { $0 != 0 }) else { return }
        _ = try ReplayHeader(reading: bytes, fileSize: Int(status.st_size), path: path)
    }

    private static func prepare(_ file: Int32, _ path: String, _ initial: ReplayHeader) throws(AgentIDError)
        -> ReplayHeader
    {
        while flock(file, LOCK_EX) != 0 {
            guard errno == EINTR else { throw Files.failure("cannot lock", path) }
        }
        defer { _ = flock(file, LOCK_UN) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw Files.failure("cannot look at", path) }
        let (bytes, size) = (try read(file, path), Int(status.st_size))
        // The header is written last: where it is blank, nobody has mapped the file yet.
        if size <= SharedReplayTable.fileSize(buckets: initial.buckets), bytes.allSatisfy({ $0 == 0 }) {
            try make(file, path, initial)
            return initial
        }
        return try ReplayHeader(reading: bytes, fileSize: size, path: path)
    }

    /// Takes the room for all of it first: a full disk is an error here, and never a SIGBUS later.
    private static func make(_ file: Int32, _ path: String, _ header: ReplayHeader) throws(AgentIDError) {
        let error = posix_fallocate(file, 0, SharedReplayTable.fileSize(buckets: header.buckets))
        guard error == 0 else {
            errno = error
            let failure = Files.failure("cannot take the room for", path)
            _ = ftruncate(file, 0)
            throw failure
        }
        let bytes = header.bytes
        guard unsafe pwrite(file, bytes, bytes.count, 0) == bytes.count else {
            throw Files.failure("cannot write", path)
        }
    }

    private static func read(_ file: Int32, _ path: String) throws(AgentIDError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: ReplayHeader.byteCount)
        let count = unsafe pread(file, &bytes, bytes.count, 0)
        guard count >= 0 else { throw Files.failure("cannot read", path) }
        return Array(bytes.prefix(count))
    }

    /// The slots.
    func map() throws(AgentIDError) -> UnsafeMutableRawPointer {
        let size = SharedReplayTable.fileSize(buckets: header.buckets)
        let memory = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let memory = unsafe memory, unsafe memory != MAP_FAILED else { throw Files.failure("cannot map", path) }
        return unsafe memory + ReplayHeader.size
    }

    static func unmap(_ slots: UnsafeMutableRawPointer, _ header: ReplayHeader) {
        unsafe munmap(slots - ReplayHeader.size, SharedReplayTable.fileSize(buckets: header.buckets))
    }
}
