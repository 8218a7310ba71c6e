internal import CProcess
internal import Glibc
internal import StrictJSON

/// The files of an authority: small, private, replaced whole or not at all.
package enum Files {
    /// The error of the system's call that just failed.
    static func failure(_ what: String, _ path: String) -> AgentIDError {
        let number = errno
        guard !PermissionDenied.isMeant(by: number) else {
            let reason = PermissionDenied.explanation(of: path)
            // As the call left it: some callers ask once more.
            errno = number
            return AgentIDError(
                .io, name: "permission_denied", message: "\(what) \(path), permission denied: \(reason)", at: path)
        }
        let reason = unsafe String(cString: strerror(number))
        guard let (name, remedy) = DiskFailure.name(of: number) else {
            return AgentIDError(.io, name: "file", message: "\(what) \(path): \(reason)", at: path)
        }
        errno = number
        return AgentIDError(.io, name: name, message: "\(what) \(path): \(reason): \(remedy)", at: path)
    }

    /// Gives a file that is to be mapped the room that it has not got on the disk: copies and archives leave out what is zero,
    /// and touching that when the disk is full raises SIGBUS. Nothing is written: others use the file.
    static func fillHoles(of file: Int32, _ path: String) throws(AgentIDError) {
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw failure("cannot look at", path) }
        guard Int(status.st_blocks) < Int(status.st_size) / 512 else { return }
        var result: Int32 = -1
        for _ in 0..<100 where result != 0 {
            result = fallocate(file, Int32(CPROCESS_KEEP_SIZE), 0, status.st_size)
            guard result != 0, errno == EINTR else { break }
        }
        // Elsewhere than there, the disk cannot be asked for room, or need not.
        guard result == 0 || ![ENOSPC, EDQUOT, EFBIG, EIO].contains(errno) else {
            throw failure("cannot take the room for", path)
        }
    }

    package static func exists(_ path: String, in held: HeldDirectory? = nil) -> Bool {
        let way = FileWay(path, in: held)
        return unsafe faccessat(way.base, way.name, F_OK, 0) == 0
    }

    /// As ``exists(_:)``; throws where that cannot be found out: what is taken for absent is made anew, or not asked.
    package static func isPresent(_ path: String, in held: HeldDirectory? = nil) throws(AgentIDError) -> Bool {
        if exists(path, in: held) { return true }
        guard errno == ENOENT || errno == ENOTDIR else { throw failure("cannot look at", path) }
        return false
    }

    /// Whether certainly nothing is at a path.
    static func isAbsent(_ path: String, in held: HeldDirectory? = nil) -> Bool {
        !exists(path, in: held) && (errno == ENOENT || errno == ENOTDIR)
    }

    /// The path without symbolic links. Root follows none that another user made, who could lead it anywhere.
    static func resolve(_ path: String) throws(AgentIDError) -> String {
        if geteuid() == 0 {
            try PathWalk.visit(path) { step throws(AgentIDError) in
                guard step.isLink, step.owner.user != 0 else { return true }
                throw AgentIDError(
                    .io, name: "unsafe_file",
                    message: "\(step.path) is a symbolic link of user \(step.owner.user), which root does not follow: "
                        + "name the directory itself, or run it as user \(step.owner.user)", at: step.path)
            }
        }
        guard let resolved = unsafe realpath(path, nil) else { throw failure("cannot find", path) }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    static func remove(_ path: String, in held: HeldDirectory? = nil) {
        let way = FileWay(path, in: held)
        _ = unsafe unlinkat(way.base, way.name, 0)
    }

    static func rename(_ path: String, to target: String, in held: HeldDirectory? = nil) throws(AgentIDError) {
        let (from, to) = (FileWay(path, in: held), FileWay(target, in: held))
        guard unsafe renameat(from.base, from.name, to.base, to.name) == 0 else {
            throw failure("cannot rename", path)
        }
    }

    /// Reads the first 4 KiB of a file that the kernel generates as it is read; empty if it cannot.
    static func readKernelFile(_ path: String) -> [UInt8] {
        let file = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { _ = Glibc.close(file) }
        return unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            count = unsafe max(Glibc.read(file, buffer.baseAddress, buffer.count), 0)
        }
    }

    /// Reads a file of at most 16 MiB; `isSecret` demands that nobody else can read it.
    package static func read(
        _ path: String, isSecret: Bool = false, in held: HeldDirectory? = nil
    ) throws(AgentIDError) -> [UInt8] {
        guard let bytes = try read(path, limit: 16 << 20, forbidden: isSecret ? 0o077 : 0o022, in: held) else {
            errno = ENOENT
            throw failure("cannot open", path)
        }
        return bytes
    }

    /// Reads a whole file of at most `limit` bytes; `nil` if it does not exist.
    static func read(
        _ path: String, limit: Int, forbidden: mode_t = 0o022, in held: HeldDirectory?
    ) throws(AgentIDError) -> [UInt8]? {
        guard let file = try openIfPresent(path, .read, forbidden: forbidden, in: held) else { return nil }
        defer { _ = Glibc.close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw failure("cannot look at", path) }
        guard status.st_size <= limit else {
            throw AgentIDError(.limit, name: "file", message: "\(path) is larger than \(limit) bytes", at: path)
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        guard read(file, into: &bytes, from: 0) == bytes.count else {
            throw failure("cannot read all of", path)
        }
        return bytes
    }

    /// Fills `bytes` from an offset of a file, as far as the file goes. Returns `nil` on an error.
    static func read(_ file: Int32, into bytes: inout [UInt8], from offset: Int) -> Int? {
        var filled = 0
        while filled < bytes.count {
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe pread(
                    file, buffer.baseAddress.map { unsafe $0 + filled }, buffer.count - filled, offset + filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    /// Writes a new file next to the old one, then renames it: after a crash either the old or the new one is there.
    ///
    /// Without `isDurable`, the disk is only asked to begin. Many files written so can be synced together at little
    /// more than the cost of one, but after a loss of power before that sync they may hold anything.
    package static func replace(
        _ path: String, with bytes: Span<UInt8>, isDurable: Bool = true, in held: HeldDirectory? = nil
    ) throws(AgentIDError) {
        let temporary = "\(path).new"
        // Never writes into an existing file, which may have another name too.
        remove(temporary, in: held)
        let file = try open(temporary, .createNew, in: held)
        var isWritten = unsafe bytes.withUnsafeBufferPointer { buffer in
            var written = 0
            while written < buffer.count {
                let count = unsafe Glibc.write(
                    file, buffer.baseAddress.map { unsafe $0 + written }, buffer.count - written)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                written += count
            }
            return true
        }
        if isDurable {
            isWritten = isWritten && fsync(file) == 0
        } else {
            _ = posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED)
        }
        isWritten = Glibc.close(file) == 0 && isWritten
        do throws(AgentIDError) {
            guard isWritten else { throw failure("cannot write", path) }
            try rename(temporary, to: path, in: held)
        } catch {
            remove(temporary, in: held)
            throw error
        }
        if isDurable { try syncName(of: path, in: held) }
    }

    /// Renames a file to a name that is free, or removes it if the name is taken: of many, the first stays. Durable
    /// after a sync of its directory. Never makes a second link: a process that looks meanwhile would refuse the file.
    static func renameUnlessPresent(
        _ path: String, to target: String, in held: HeldDirectory? = nil
    ) throws(AgentIDError) {
        let (from, to) = (FileWay(path, in: held), FileWay(target, in: held))
        let flags = UInt32(CPROCESS_RENAME_NOREPLACE)
        if unsafe renameat2(from.base, from.name, to.base, to.name, flags) == 0 { return }
        let reason = errno
        guard reason == EINVAL || reason == ENOSYS else {
            remove(path, in: held)
            if reason == EEXIST { return }
            errno = reason
            throw failure("cannot name", target)
        }
        // For a file system or kernel that cannot do this: under a lock.
        try withLock("\(target).lock", in: held) { () throws(AgentIDError) in
            guard exists(target, in: held) else { return try rename(path, to: target, in: held) }
            remove(path, in: held)
        }
    }

    /// Makes the name of a file or directory survive a power cut. Its writer syncs the content.
    package static func syncName(of path: String, in held: HeldDirectory? = nil) throws(AgentIDError) {
        let parent = split(path).parent
        let way = FileWay(parent, in: held)
        let directory = unsafe openat(way.base, way.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else {
            // A parent that we may not even search was made by somebody else.
            if errno == EACCES { return }
            throw failure("cannot open", parent)
        }
        defer { _ = Glibc.close(directory) }
        // EINVAL: a file system whose directories need no sync.
        guard fsync(directory) == 0 || errno == EINVAL else { throw failure("cannot sync", parent) }
    }

    /// Makes a file's bytes, or a directory's names, durable.
    static func sync(_ path: String, in held: HeldDirectory? = nil) throws(AgentIDError) {
        let way = FileWay(path, in: held)
        let file = unsafe openat(way.base, way.name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        guard file >= 0 else { throw failure("cannot open", path) }
        defer { _ = Glibc.close(file) }
        guard fsync(file) == 0 else { throw failure("cannot sync", path) }
    }

    /// Runs `body` while holding a lock between processes; returns `nil` if another process holds it this many
    /// milliseconds.
    static func withLock<Result>(
        _ path: String, within milliseconds: Int, in held: HeldDirectory? = nil,
        _ body: () throws(AgentIDError) -> Result
    ) throws(AgentIDError) -> Result? {
        guard let file = try lock(path, within: milliseconds, in: held) else { return nil }
        defer { _ = Glibc.close(file) }
        return try body()
    }

    /// Runs `body` while holding a lock between processes; throws if another process does not release it.
    ///
    /// Used for rare work, such as what is done once in a directory's life. Nothing that exists already is opened under
    /// it.
    package static func withLock<Result>(
        _ path: String, in held: HeldDirectory? = nil, _ body: () throws(AgentIDError) -> Result
    ) throws(AgentIDError) -> Result {
        let file = try lock(path, in: held)
        defer { _ = Glibc.close(file) }
        return try body()
    }

    /// The open file that holds the lock; `nil` if another process holds it all the time.
    @inline(never)  // Once, and not for each type of result.
    private static func lock(
        _ path: String, within milliseconds: Int, in held: HeldDirectory?
    ) throws(AgentIDError) -> Int32? {
        let file = try open(path, .create, in: held)
        let deadline = MonotonicClock.milliseconds + Int64(milliseconds)
        while flock(file, LOCK_EX | LOCK_NB) != 0 {
            let isFailure = errno != EWOULDBLOCK && errno != EINTR
            guard !isFailure, MonotonicClock.milliseconds < deadline else {
                let error = isFailure ? failure("cannot lock", path) : nil
                _ = Glibc.close(file)
                if let error { throw error }
                return nil
            }
            usleep(1000)
        }
        return file
    }

    @inline(never)  // As above.
    private static func lock(_ path: String, in held: HeldDirectory?) throws(AgentIDError) -> Int32 {
        guard let file = try lock(path, within: 5000, in: held) else {
            throw AgentIDError(
                .io, name: "directory_busy",
                message: "\(LockHolder.name(of: path) ?? "another process") has held \(path) for 5 s: end that "
                    + "process, or try again", at: path)
        }
        return file
    }
}
