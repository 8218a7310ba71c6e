internal import CProcess
internal import Glibc
internal import JOSE
package import StrictJSON

/// Revocations, suspensions and ends next to the registry, in force without its write lock.
///
/// A revocation appends a line, syncs it and moves the word that guards load at every call; guards read the file as
/// well as the registry. The next write to the registry folds the lines into it first. So a process that is stopped in
/// the middle of a transaction delays no revocation, and one that dies loses none.
///
/// A file that has grown is replaced in an order that keeps each line in one of the two files at any moment: the old
/// file is renamed; a new one takes its name; the old one's lines are folded; it is removed. A process that appended
/// and then finds that the name led elsewhere appends again. Folding a line twice is harmless, or is not done: the
/// registry records how far it has folded which file.
final class Journal: Sendable {
    /// The longest line: a name of 2048 bytes and a reason, escaped.
    static let mostLine = 32 << 10
    /// The number of bytes read at once; longer than any line.
    static let piece = 4 << 20
    /// The room reserved on the disk, in bytes: some hundred revocations.
    static let reserve = 64 << 10
    /// The size from which a file is replaced, in bytes.
    private static let fullBytes = 1 << 20

    let path: String
    private var oldPath: String { path + ".old" }
    /// Where a new file is made.
    private var nextPath: String { path + ".next" }
    private let last = Locked<JournalFile?>(nil)
    /// The directory that both files and the lock are in.
    private let held: HeldDirectory?

    /// Held while a file takes another's name.
    private let lock: String

    init(path: String, lock: String, in held: HeldDirectory? = nil) {
        (self.path, self.lock, self.held) = (path, lock, held)
    }

    /// Throws where that cannot be found out: a file taken for absent would be made anew, without its lines.
    private func exists(_ path: String) throws(AgentIDError) -> Bool { try Files.isPresent(path, in: held) }

    private func open(_ path: String, isWriter: Bool) throws(AgentIDError) -> JournalFile? {
        try JournalFile(opening: path, isWriter: isWriter, in: held)
    }

    /// Makes the file if it does not exist.
    ///
    /// - Parameter milliseconds: The longest wait for another process that holds the lock; then it is left to that
    ///   one.
    func create(within milliseconds: Int = 10_000) throws(AgentIDError) {
        guard try !exists(path) else { return }
        _ = try Files.withLock(lock, within: milliseconds, in: held) { () throws(AgentIDError) in
            guard try !exists(path) else { return }
            let old = try open(oldPath, isWriter: false)
            do throws(AgentIDError) { try make(after: old?.number ?? 0) } catch {
                // As on a full disk: the old file takes the lines.
                if old == nil { throw error }
            }
        }
    }

    private func make(after number: UInt32) throws(AgentIDError) {
        try Files.replace(path, with: JournalFile.header(JournalMark.epoch(after: number)).span, in: held)
        reserve()
    }

    /// Reserves room: when the journal is opened, and whenever its lines were folded.
    func reserve() { (try? current())?.reserve(Self.reserve, at: path) }

    /// Starts again after a restore, in a file whose number is higher than any before.
    func beginAnew(_ epoch: String) throws(AgentIDError) {
        try Files.withLock(lock, in: held) { () throws(AgentIDError) in
            try Files.replace(path, with: JournalFile.header(epoch).span, in: held)
            Files.remove(oldPath, in: held)
        }
        reserve()
    }

    /// Whether there is a file, under either of its names.
    func isThere() throws(AgentIDError) -> Bool {
        if try exists(path) { return true }
        return try exists(oldPath)
    }

    /// Makes a change durable and visible to all readers of the journal; the caller announces it.
    ///
    /// - Parameter known: The known end of the journal: a shorter one has lost lines.
    /// - Returns: The end after the change.
    func append(_ entries: [JournalEntry], known: UInt64) throws(AgentIDError) -> UInt64 {
        for _ in 0..<10 {
            let file = try current()
            guard try file.isWhole(path),
                JournalMark(epoch: file.epoch, offset: try file.size(path)).position >= known
            else {
                throw Apart.journal("was cut short, or is an older one", at: path)
            }
            var reached = JournalMark(epoch: file.epoch, offset: 0)
            for entry in entries {
                let line = entry.line(seed: file.seed)
                guard line.count <= Self.mostLine else {
                    throw AgentIDError(
                        .limit, name: "journal_line", message: "a reason has at most 4096 bytes", at: "reason")
                }
                reached.offset = try file.append(line, at: path)
            }
            // Or between its two names: whoever folds after the new one is there reads the old one to its end.
            if file.isNamed(path, in: held) { return reached.position }
            if file.isNamed(oldPath, in: held), try !exists(path) { return reached.position }
            last.withLock { $0 = nil }
        }
        throw AgentIDError(.io, name: "journal", message: "\(path) is replaced again and again", at: path)
    }

    /// Whether the journal's name leads to this file.
    func isCurrent(_ file: JournalFile) -> Bool { file.isNamed(path, in: held) }

    private func current() throws(AgentIDError) -> JournalFile {
        if let file = last.withLock({ $0 }), file.isNamed(path, in: held) { return file }
        // Between its two names; a process may have died there, or be stopped.
        if try !exists(path), try exists(oldPath) { try create(within: 100) }
        var opened = try open(path, isWriter: true)
        if opened == nil { opened = try open(oldPath, isWriter: true) }
        guard let file = opened else {
            throw AgentIDError(
                .io, name: "journal_missing", message: "\(path) is gone: open the authority again", at: path)
        }
        last.withLock { $0 = file }
        return file
    }

    /// The files that may hold unfolded lines, older first.
    func files() throws(AgentIDError) -> [JournalFile] {
        var files: [JournalFile] = []
        for name in [oldPath, path] {
            if let file = try open(name, isWriter: false) { files.append(file) }
        }
        return files
    }

    /// The files from the one that a reader or the registry has got to.
    ///
    /// Looked for twice: the file may get its second name between a look there and a look at its first. If it is
    /// missing then, every line of it was folded.
    func files(from epoch: String) throws(AgentIDError) -> [JournalFile] {
        for _ in 0..<2 {
            let files = try files()
            if let i = files.firstIndex(where: { $0.epoch.isSame(as: epoch) }) { return Array(files[i...]) }
        }
        return try files()
    }

    /// The lines that the registry has not folded yet, and the mark after them.
    ///
    /// They are on the disk: a registry that knew more of the journal than a power cut leaves of it would be refused.
    func pending(after mark: JournalMark) throws(AgentIDError) -> (entries: [JournalEntry], mark: JournalMark) {
        var entries: [JournalEntry] = []
        var reached = mark
        for file in try files(from: mark.epoch) {
            let offset = file.epoch.isSame(as: mark.epoch) ? mark.offset : 0
            let (found, end, damaged) = try file.entries(from: offset, at: path)
            if damaged != nil { throw JournalFile.damaged(JournalFile.hasDamage, at: path) }
            if end > offset { try file.sync(path) }
            entries += found.map(\.entry)
            reached = JournalMark(epoch: file.epoch, offset: end)
        }
        return (entries, reached)
    }

    /// Replaces a file that has grown and is folded; called after a fold was committed with `mark`.
    ///
    /// One process at a time, and nobody waits: if another has the lock, this is left to a later fold.
    /// - Returns: Whether the file replaced holds lines that are to be folded.
    func rotate(folded mark: JournalMark) -> Bool {
        let isMore = try? Files.withLock(lock, within: 0, in: held) { () throws(AgentIDError) -> Bool in
            guard let file = try open(path, isWriter: false) else { return false }
            if try exists(oldPath) {
                guard file.epoch.isSame(as: mark.epoch) else { return true }
                Files.remove(oldPath, in: held)
                return false
            }
            guard file.epoch.isSame(as: mark.epoch), mark.offset >= Self.fullBytes else { return false }
            // First, with its room: on a full disk the file that is there takes more lines.
            let header = JournalFile.header(JournalMark.epoch(after: file.number))
            try Files.replace(nextPath, with: header.span, in: held)
            guard let next = try open(nextPath, isWriter: true), next.reserve(Self.reserve, at: nextPath) else {
                Files.remove(nextPath, in: held)
                return false
            }
            try Files.rename(path, to: oldPath, in: held)
            try Files.rename(nextPath, to: path, in: held)
            try Files.syncName(of: path, in: held)
            return true
        }
        return isMore.flatMap { $0 } ?? false
    }
}

/// The end of the folded lines: a file of the journal and an offset in it.
package struct JournalMark: Sendable, Equatable {
    @Exact package var epoch: String
    package var offset: Int

    package init(epoch: String, offset: Int) { (self.epoch, self.offset) = (epoch, offset) }

    /// The epoch of the file after the one with a number: eight hexadecimal digits that count, and 32 that were drawn.
    static func epoch(after number: UInt32) -> String {
        let digits = String(number &+ 1, radix: 16)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits + RegistryEpoch.draw()
    }

    /// The file's number, which orders the files.
    var number: UInt32 { epoch.utf8.count == 40 ? UInt32(epoch.prefix(8), radix: 16) ?? 0 : 0 }

    /// One word that only grows, from line to line and from file to file.
    var position: UInt64 { UInt64(number) << 32 | UInt64(UInt32(clamping: max(offset, 0))) }
}
