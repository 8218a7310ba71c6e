internal import CProcess
internal import Glibc
internal import JOSE

/// One file that one process appends lines to: preallocated, mapped, locked for as long as its owner lives.
///
/// A forked child holds the lock too, until it ends or runs another program: a segment may then be removed later than
/// it could be.
@safe final class AuditSegment: Sendable {
    static let suffix = ".seg"
    static let unnamedSuffix = ".new"
    static let smallest = 4096
    static let largest = 1 << 30

    /// The file's name without its suffix: the owner, and the number of the segment.
    let name: AuditSegmentName
    let capacity: Int
    /// The mapped memory: not to be used when this object is gone.
    let memory: AuditSegmentMemory
    private let file: Int32
    private let path: String
    /// The first bytes of the file, as they are to stand there.
    private let header: [UInt8]
    /// The log's directory, if it is held.
    private let held: HeldDirectory?

    /// Makes a segment in `directory`. Its blocks are reserved before it is mapped, so that a full disk is an error
    /// here and never a signal in the middle of an append.
    init(
        _ name: AuditSegmentName, in directory: String, capacity: Int, log: SIMD2<UInt64> = .zero,
        clock: any WallClock, files: any AuditFiles
    ) throws(AgentIDError) {
        // Readers skip the file until it has its lock, its header and then its name.
        let temporary = "\(directory)/\(name)\(Self.unnamedSuffix)"
        let file: Int32
        do throws(AgentIDError) { file = try Files.open(temporary, .createNew, in: files.held) } catch {
            throw Self.unavailable(error.message, 0)
        }
        func giveUp(_ what: String, _ reason: Int32) -> AgentIDError {
            Files.remove(temporary, in: files.held)
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
        func step() -> UInt32 { AuditSequence.step(beside: directory, files: files) }
        var header = AuditSegmentHeader(
            capacity: capacity, seed: seed, created: clock.milliseconds, process: getpid(), step: step(), log: log)
        unsafe mapping.copyMemory(from: header.bytes, byteCount: AuditSegmentHeader.size)
        self.name = name
        self.capacity = capacity
        (self.file, held) = (file, files.held)
        path = "\(directory)/\(name)\(Self.suffix)"
        memory = unsafe AuditSegmentMemory(base: mapping, capacity: capacity, seed: seed)
        do throws(AgentIDError) {
            guard fdatasync(file) == 0 else { throw Self.unavailable("cannot sync \(temporary)", errno) }
            try files.rename(temporary, to: "\(directory)/\(name)\(Self.suffix)")
            try files.sync(directory)
        } catch {
            Files.remove(temporary, in: files.held)
            throw Self.unavailable("cannot name a segment: \(error.message)", 0)
        }
        // A step that was committed meanwhile may not have seen the name, which those from now on do.
        let now = step()
        header.step = now
        self.header = header.bytes
        memory.keep(self.header)
    }

    deinit {
        memory.unmap()
        _ = close(file)
    }

    static func unavailable(_ what: String, _ reason: Int32) -> AgentIDError {
        let why = reason == 0 ? "" : unsafe ": \(String(cString: strerror(reason)))"
        return AgentIDError(
            .io, name: "audit_unavailable", message: "the audit log cannot be written: \(what)\(why)", at: "audit")
    }

    /// Makes everything appended so far durable.
    func sync() throws(AgentIDError) {
        guard fdatasync(file) == 0 else { throw Self.unavailable("cannot sync the segment \(name)", errno) }
    }

    /// Whether sequencers find this very file under its name, at its full length. Its header is written again where it was
    /// changed: without it nobody could read what follows.
    var isThere: Bool {
        var own = stat()
        guard unsafe fstat(file, &own) == 0 else { return false }
        guard own.st_size >= capacity else {
            // Its pages raise SIGBUS now; its owner may still seal it.
            memory.detach()
            return false
        }
        if memory.keep(header) {
            ProcessLog.write(
                .error, .auditGaps, "segment_header",
                "the header of the audit log's segment \(name) was changed, and is "
                    + "written again: look at what writes to \(path), and at its disk")
        }
        return own.st_nlink > 0 && FileIdentity(own) == FileIdentity(at: path, in: held)
    }

    /// The lines appended here from one position to another, even if the file no longer has a name.
    func lines(from position: Int, to end: Int) throws(AgentIDError) -> [[UInt8]] {
        var reader = try AuditSegmentReader(sharing: file, path)
        var (position, lines) = (position, [[UInt8]]())
        while position < end {
            switch try reader.item(at: position) {
            case .line(let line, let next):
                lines.append(line)
                position = next
            case .template(let next), .gap(let next): position = next
            case .waiting, .end, .torn: return lines
            }
        }
        return lines
    }
}
