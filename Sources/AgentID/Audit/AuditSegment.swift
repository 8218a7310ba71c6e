internal import Glibc
internal import JOSE
internal import Synchronization

/// One file that one process appends lines to: preallocated, mapped, locked for as long as its owner lives.
///
/// The owner keeps the position and never reads it back from the mapping, where others could have written. A forked
/// child has the lock too, until it ends or runs another program: a segment may then be removed later than it could.
@safe final class AuditSegment: Sendable {
    static let suffix = ".seg"
    static let unnamedSuffix = ".new"
    static let smallest = 4096
    static let largest = 1 << 30

    /// The file's name without its suffix: the owner, and which of the owner's segments it is.
    let name: AuditSegmentName
    let capacity: Int
    private let file: Int32
    private let seed: UInt64
    // SAFETY: mapped as long as this object lives; written only by `append` and `seal`, one caller at a time.
    nonisolated(unsafe) private let base: UnsafeMutableRawPointer

    /// Makes a segment in `directory`. It has its blocks before it is mapped, so that a full disk is an error here and
    /// never a signal in the middle of an append.
    init(
        _ name: AuditSegmentName, in directory: String, capacity: Int, clock: any Clock, files: any AuditFiles
    ) throws(AgentIDError) {
        // Readers pass over the file until it has its lock, its header and then its name.
        let temporary = "\(directory)/\(name)\(Self.unnamedSuffix)"
        let file = unsafe open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw Self.unavailable("cannot make \(temporary)", errno) }
        Files.give(file, toOwnerOf: temporary)
        func giveUp(_ what: String, _ reason: Int32) -> AgentIDError {
            _ = unsafe unlink(temporary)
            _ = close(file)
            return Self.unavailable(what, reason)
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else { throw giveUp("cannot lock \(temporary)", errno) }
        let status = files.allocate(file, size: capacity)
        guard status == 0 else { throw giveUp("no room for a segment of \(capacity) bytes in \(directory)", status) }
        let mapping = unsafe mmap(nil, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let mapping = unsafe mapping, unsafe mapping != MAP_FAILED else {
            throw giveUp("cannot map \(temporary)", errno)
        }
        let seed = Sodium.randomBytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let header = AuditSegmentHeader(capacity: capacity, seed: seed, created: clock.milliseconds, process: getpid())
        unsafe mapping.copyMemory(from: header.bytes, byteCount: AuditSegmentHeader.size)
        self.name = name
        self.capacity = capacity
        self.file = file
        self.seed = seed
        unsafe base = mapping
        do throws(AgentIDError) {
            guard fdatasync(file) == 0 else { throw Self.unavailable("cannot sync \(temporary)", errno) }
            try files.rename(temporary, to: "\(directory)/\(name)\(Self.suffix)")
            try files.sync(directory)
        } catch {
            _ = unsafe unlink(temporary)
            throw Self.unavailable("cannot name a segment: \(error.message)", 0)
        }
    }

    deinit {
        unsafe munmap(base, capacity)
        _ = close(file)
    }

    static func unavailable(_ what: String, _ reason: Int32) -> AgentIDError {
        let why = reason == 0 ? "" : unsafe ": \(String(cString: strerror(reason)))"
        return AgentIDError(
            .io, name: "audit_unavailable", message: "the audit log cannot be written: \(what)\(why)", at: "audit")
    }

    /// Where the first frame stands.
    static let start = AuditSegmentHeader.size

    /// Appends a line at `position`; where the next one goes, `nil` where this one does not fit.
    func append(_ line: Span<UInt8>, at position: Int) -> Int? {
        let length = line.count
        let next = position &+ AuditFrame.size(of: length)
        guard position >= Self.start, (1...AuditFrame.longestLine).contains(length), next <= capacity else {
            return nil
        }
        unsafe line.withUnsafeBytes { line in
            guard let source = line.baseAddress else { return }
            unsafe (base + position + AuditFrame.headerSize).copyMemory(from: source, byteCount: length)
            let checksum = unsafe XXH64.hash(line, seed: AuditFrame.seed(seed, at: position))
            unsafe (base + position + 8).storeBytes(of: checksum.littleEndian, as: UInt64.self)
        }
        commit(AuditFrame.word(length: length), at: position)
        return next
    }

    /// Says that nothing will follow.
    func seal(at position: Int) {
        guard position >= Self.start, position <= capacity - 8 else { return }
        commit(AuditFrame.seal, at: position)
    }

    /// The one store that makes a frame be there: whoever sees it sees the bytes that were stored before.
    private func commit(_ word: UInt64, at position: Int) {
        let first = unsafe (base + position).assumingMemoryBound(to: Atomic<UInt64>.self)
        unsafe first.pointee.store(word.littleEndian, ordering: .releasing)
    }

    /// Makes everything appended so far durable.
    func sync() throws(AgentIDError) {
        guard fdatasync(file) == 0 else { throw Self.unavailable("cannot sync the segment \(name)", errno) }
    }

    /// Has the kernel make the pages of the next `count` bytes writable, so that an append does not fault.
    func touch(from position: Int, count: Int) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let start = position / page * page
        let end = min(position + count, capacity)
        // MADV_POPULATE_WRITE, which changes no content; kernels before 5.14 refuse it, and appends there are slower.
        if start < end { _ = unsafe madvise(base + start, end - start, 23) }
    }
}
