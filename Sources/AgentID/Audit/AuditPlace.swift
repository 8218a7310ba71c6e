internal import JOSE
internal import TransparencyLog

/// Whether the log that was opened is still the one in its directory, and no shorter than it was.
struct AuditPlace: Sendable {
    let directory: String
    let origin: String
    let identity: AuditIdentity
    let files: any AuditFiles
    /// How many entries it is known to have, by whoever integrates it.
    let known: @Sendable () -> UInt64
    /// The directory that it is in, and which one that was.
    private let above: (path: String, identity: FileIdentity?)
    /// How many it was seen to have.
    private var seen: UInt64 = 0
    private var hasHead = false

    init(
        _ identity: AuditIdentity, in directory: String, origin: String, files: any AuditFiles,
        known: @escaping @Sendable () -> UInt64
    ) {
        (self.identity, self.directory, self.origin) = (identity, directory, origin)
        (self.files, self.known) = (files, known)
        let parent = Files.split(directory).parent
        above = (parent, FileIdentity(at: parent))
    }

    /// Throws where it is another, or an older one.
    mutating func check() throws(AgentIDError) {
        if above.identity != FileIdentity(at: above.path) {
            throw Apart.directory(above.path, "is not the one that it was")
        }
        try identity.check(in: directory, origin: origin, files: files)
        // Before the checkpoint is read, which is no older.
        let least = max(seen, known())
        let path = "\(directory)/\(Checkpoint.path)"
        guard let note = try files.read(path, limit: SignedNote.longest) else {
            guard !hasHead, least == 0 else { throw Apart.log("its checkpoint is gone", at: path) }
            return
        }
        hasHead = true
        guard Files.exists("\(directory)/\(AuditSequencer.sequencePath)") else {
            throw Apart.log("audit/sequence is gone", at: "\(directory)/\(AuditSequencer.sequencePath)")
        }
        // As it says: whoever integrates looks at its signature.
        let size = Self.size(in: note) ?? 0
        guard size >= least else { throw Apart.logRolledBack("\(size) of \(least) entries are left", at: path) }
        seen = size
    }

    /// The second line of a checkpoint.
    private static func size(in note: [UInt8]) -> UInt64? {
        let lines = note.split(separator: UInt8(ascii: "\n"), maxSplits: 2, omittingEmptySubsequences: false)
        return lines.count == 3 ? UInt64(String(decoding: lines[1], as: UTF8.self)) : nil
    }
}
