internal import StrictJSON
internal import TransparencyLog

/// Checks that the log that was opened is still the one in its directory, and no shorter than it was.
struct AuditPlace: Sendable {
    let directory: String
    let origin: String
    let identity: AuditIdentity
    let files: any AuditFiles
    /// The number of entries that the log is known to have, told by whoever integrates it.
    let known: @Sendable () -> UInt64
    /// The parent directory, and its identity when the log was opened.
    private let above: (path: String, identity: FileIdentity?)
    /// The largest number of entries seen.
    private var seen: UInt64 = 0
    private var hasHead = false
    /// How far segments were integrated when the file `sequence` was last read.
    private(set) var segments: [AuditSequence.Segment] = []
    /// The state of the file `sequence` when it was last read.
    private var looked: FileLook?

    init(
        _ identity: AuditIdentity, in directory: String, origin: String, files: any AuditFiles,
        known: @escaping @Sendable () -> UInt64
    ) {
        (self.identity, self.directory, self.origin) = (identity, directory, origin)
        (self.files, self.known) = (files, known)
        let parent = Files.split(directory).parent
        above = (parent, FileIdentity(at: parent))
    }

    /// The reason why it is another log, or an older one; `nil` if it is the same.
    ///
    /// Throws if that cannot be found out now.
    mutating func breach() throws(AgentIDError) -> AgentIDError? {
        if above.identity != FileIdentity(at: above.path) {
            return Apart.directory(above.path, "is not the one that it was")
        }
        let path = "\(directory)/\(Checkpoint.path)"
        // A file that cannot be opened now, for want of descriptors, may be the same; one that is none is not.
        for (path, limit) in [
            ("\(directory)/\(AuditIdentity.path)", 4096), (path, SignedNote.longest),
            ("\(directory)/\(AuditSequencer.sequencePath)", AuditSequence.largest),
        ] {
            guard let look = FileLook(path, in: files.held), !look.isFile || look.size > limit else { continue }
            return Apart.log("something else is in the place of one of its files", at: path)
        }
        if let breach = try identity.breach(in: directory, origin: origin, files: files) { return breach }
        // Read before the checkpoint, which is therefore no older.
        let least = max(seen, known())
        guard let note = try files.read(path, limit: SignedNote.longest) else {
            return !hasHead && least == 0 ? nil : Apart.log("its checkpoint is gone", at: path)
        }
        hasHead = true
        // Unverified here; the sequencer verifies the signature.
        let size = Self.size(in: note) ?? 0
        guard size >= least else { return Apart.logRolledBack("\(size) of \(least) entries are left", at: path) }
        seen = size
        return try sequenceBreach(size)
    }

    /// The sequence is committed before the checkpoint is signed, so it is no older.
    private mutating func sequenceBreach(_ size: UInt64) throws(AgentIDError) -> AgentIDError? {
        let path = "\(directory)/\(AuditSequencer.sequencePath)"
        guard let look = try FileLook.find(path, in: files.held) else {
            return Apart.log("audit/sequence is gone", at: path)
        }
        // Read only when it changes: about once a second.
        guard look != looked else { return nil }
        guard let bytes = try files.read(path, limit: AuditSequence.largest) else {
            return Apart.log("audit/sequence is gone", at: path)
        }
        guard let sequence = try? AuditSequence(parsing: bytes) else {
            return Apart.log("audit/sequence is damaged", at: path)
        }
        guard sequence.after.size >= size else {
            return Apart.logRolledBack("audit/sequence knows of \(sequence.after.size) of \(size) entries", at: path)
        }
        (looked, segments) = (look, sequence.segments)
        return nil
    }

    /// The second line of a checkpoint.
    static func size(in note: [UInt8]) -> UInt64? {
        let lines = note.split(separator: UInt8(ascii: "\n"), maxSplits: 2, omittingEmptySubsequences: false)
        return lines.count == 3 ? UInt64(String(decoding: lines[1], as: UTF8.self)) : nil
    }
}
