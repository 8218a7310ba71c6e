internal import CProcess
internal import Glibc
internal import StrictJSON

/// One open file of the journal: its identity and its lines.
@safe final class JournalFile: Sendable {
    /// Tells one file of the journal from the next.
    let epoch: String
    /// The seed of its lines' checksums.
    let seed: UInt64
    private let file: Int32
    private let identity: FileIdentity

    static let headerSize = 64
    private static let magic = Array("agentid journal 1\n".utf8)

    /// Opens an existing file; `nil` if it does not exist.
    init?(opening path: String, isWriter: Bool, in held: HeldDirectory? = nil) throws(AgentIDError) {
        guard let file = try Files.openIfPresent(path, isWriter ? .write : .read, in: held) else { return nil }
        var status = stat()
        guard unsafe fstat(file, &status) == 0, !isWriter || fcntl(file, F_SETFL, O_APPEND) == 0 else {
            let error = Files.failure("cannot open", path)
            _ = close(file)
            throw error
        }
        let epoch: String
        do throws(AgentIDError) {
            guard let header = try Self.read(file, path, from: 0, count: Self.headerSize),
                let named = Self.epoch(in: header)
            else {
                throw Self.damaged("is not a journal: restore it, or rotate the keys and remove it", at: path)
            }
            epoch = named
        } catch {
            _ = close(file)
            throw error
        }
        self.file = file
        identity = FileIdentity(status)
        self.epoch = epoch
        seed = epoch.withUTF8Span { epoch in unsafe epoch.withUnsafeBytes { unsafe XXH64.hash($0, seed: 0) } }
    }

    deinit { _ = close(file) }

    /// The file's number, which orders all files that ever had this name.
    var number: UInt32 { JournalMark(epoch: epoch, offset: 0).number }

    /// The beginning of a new file: its epoch, which begins with its number.
    static func header(_ epoch: String) -> [UInt8] {
        let used = magic + Array(epoch.utf8) + [0x0A]
        return used + [UInt8](repeating: 0x20, count: headerSize - used.count - 1) + [0x0A]
    }

    /// The epoch that a header names; `nil` where it is damaged: it would be written otherwise.
    private static func epoch(in header: [UInt8]) -> String? {
        let named = header.dropFirst(magic.count).prefix { (0x21...0x7E).contains($0) }
        let epoch = String(decoding: named, as: UTF8.self)
        guard !named.isEmpty, named.endIndex < headerSize - 1, header == self.header(epoch) else { return nil }
        return epoch
    }

    /// Whether the name still leads to this file.
    func isNamed(_ path: String, in held: HeldDirectory? = nil) -> Bool {
        FileIdentity(at: path, in: held) == identity
    }

    /// Whether its first bytes still identify it: somebody may have written another file over it.
    func isWhole(_ path: String) throws(AgentIDError) -> Bool {
        try Self.read(file, path, from: 0, count: Self.headerSize) == Self.header(epoch)
    }

    func size(_ path: String) throws(AgentIDError) -> Int {
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw Files.failure("cannot look at", path) }
        return Int(clamping: status.st_size)
    }

    /// Reserves room on the disk for further lines, so that they can be appended when the disk is full. Reserves what
    /// it can: without it, lines are appended as long as there is room. Returns whether there was room.
    @discardableResult func reserve(_ count: Int, at path: String) -> Bool {
        guard let size = try? size(path) else { return false }
        for _ in 0..<10 {
            if fallocate(file, Int32(CPROCESS_KEEP_SIZE), off_t(size), off_t(count)) == 0 { return true }
            if errno != EINTR { break }
        }
        // Some file systems cannot reserve.
        switch errno {
        case ENOSPC, EDQUOT, EFBIG: return false
        default: return true
        }
    }

    /// Appends a line in one write, and syncs it. The kernel orders the lines of several processes.
    ///
    /// - Returns: The end of the durable lines.
    func append(_ line: [UInt8], at path: String) throws(AgentIDError) -> Int {
        let written = unsafe line.withUnsafeBytes { bytes in
            var count = unsafe write(file, bytes.baseAddress, bytes.count)
            while count < 0, errno == EINTR { count = unsafe write(file, bytes.baseAddress, bytes.count) }
            return count
        }
        if written >= 0, written < line.count { errno = ENOSPC }
        // Before the sync, which covers all that was written by now, whoever wrote it.
        let end = lseek(file, 0, SEEK_CUR)
        guard written == line.count, fdatasync(file) == 0 else { throw Files.failure("cannot append to", path) }
        return Int(end)
    }

    /// Returns the entries from an offset on, each with the offset after it, the end of the whole lines, and the end of the
    /// last damaged line. Throws where a line cannot be read: it may be a revocation.
    ///
    /// A line that was answered for and does not match its checksum any more is damaged. What a write left that was not, is
    /// passed over: one that stopped halfway ends at the next line's first line feed, not at one of its own. One that a
    /// power cut took sectors of may have its line feed, and has zeros in the place of those: no line has any.
    func entries(
        from offset: Int, at path: String
    ) throws(AgentIDError) -> (entries: [(entry: JournalEntry, end: Int)], end: Int, damaged: Int?) {
        var start = max(offset, Self.headerSize)
        var found: [(entry: JournalEntry, end: Int)] = []
        var damaged: Int?
        let size = try size(path)
        // Reads it all, however long it is: an unread revocation would permit calls.
        while start < size, let bytes = try Self.read(file, path, from: start, count: min(size - start, Journal.piece))
        {
            let span = bytes.span
            var position = 0
            while let end = span.firstIndex(of: 0x0A, from: position) {
                if end > position {
                    let line = span.extracting(position..<end)
                    if let entry = JournalEntry(reading: line, seed: seed) {
                        found.append((entry, start + end + 1))
                    } else {
                        let isLast = end + 1 == span.count
                        // The byte after it tells, and comes with the next piece.
                        if isLast, start + end + 1 < size, position > 0 { break }
                        if isLast || span[end + 1] == 0x0A, line.firstIndex(of: 0, from: 0) == nil {
                            damaged = start + end + 1
                        }
                    }
                }
                position = end + 1
            }
            if position == 0 {
                // No line is so long.
                guard span.count > Journal.mostLine else { break }
                damaged = start + span.count
                break
            }
            start += position
        }
        return (found, start, damaged)
    }

    /// The error where a line that was answered for cannot be read.
    static func damaged(_ what: String, at path: String) -> AgentIDError {
        AgentIDError(.malformed, name: "journal_damaged", message: "\(path) \(what)", at: path)
    }

    /// For a damaged line.
    static let hasDamage = "has a damaged line, which may be a revocation: restore it, or run agentidctl restored"

    /// Makes all that was read durable. Its writer may not have come to that yet.
    func sync(_ path: String) throws(AgentIDError) {
        guard fdatasync(file) == 0 else { throw Files.failure("cannot sync", path) }
    }

    /// The bytes; `nil` where the file ends before: somebody truncates it.
    private static func read(
        _ file: Int32, _ path: String, from offset: Int, count: Int
    ) throws(AgentIDError) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        guard let got = Files.read(file, into: &bytes, from: offset) else { throw Files.failure("cannot read", path) }
        return got == count ? bytes : nil
    }
}
