public import TransparencyLog

/// Reads an audit log in its state at opening, under the key that must have signed its checkpoint.
///
/// Everything it returns was compared with the signed root. It needs no lock, writes nothing, and may read while others
/// append and integrate.
public struct AuditReader: Sendable {
    /// The head of the log.
    public let checkpoint: Checkpoint
    /// The head as a signed note, which others can verify.
    public let note: String
    /// The key it is signed with, `name+hash+key`.
    public let key: String
    let directory: String
    /// The range of entries in this directory.
    let kept: AuditKept
    let files: any AuditFiles = SystemAuditFiles()
    /// The events with a higher number that wait elsewhere to be integrated.
    var events: (@Sendable (_ number: Int64) -> [AuditOutboxLine])?

    /// Opens the log in `directory`; `key` is written `name+hash+key`, and the name is the log's origin.
    public init(directory: String, key: String) throws(AgentIDError) {
        let parsed: NoteKey
        do throws(TransparencyLogError) { parsed = try NoteKey(key) } catch {
            throw AgentIDError(.argument, name: error.name, message: error.message, at: "key")
        }
        // Before the checkpoint, which has all that is archived by then.
        kept = try AuditKept(reading: directory, files: files)
        guard let note = try files.read("\(directory)/\(Checkpoint.path)", limit: SignedNote.longest) else {
            throw AgentIDError(.notFound, name: "no_audit_log", message: "there is no audit log in \(directory)")
        }
        do throws(TransparencyLogError) { checkpoint = try Checkpoint(note: note, by: parsed) } catch {
            throw AgentIDError(
                .malformed, name: "audit_damaged", message: "the checkpoint is damaged or another log's: \(error)",
                at: "\(directory)/\(Checkpoint.path)")
        }
        // Whole bundles are archived, and never the last one.
        guard kept.from == 0 || kept.from < checkpoint.size, kept.to ?? 0 <= checkpoint.size else {
            throw AuditKept.damaged("\(directory)/\(AuditKept.path)")
        }
        (self.directory, self.key) = (directory, key)
        self.note = String(decoding: note, as: UTF8.self)
    }

    /// The number of entries.
    public var count: UInt64 { checkpoint.size }

    /// The entry at an index, from 0.
    public func entry(at index: UInt64) throws(AgentIDError) -> [UInt8] {
        guard index < count, let entry = try entries(from: index, limit: 1).first else { throw beyond(index) }
        return entry
    }

    /// Up to `limit` entries from an index on, and no more than their bundle has; continue after the last one.
    public func entries(from index: UInt64, limit: Int = Tile.fullWidth) throws(AgentIDError) -> [[UInt8]] {
        guard index <= count else { throw beyond(index) }
        guard index < count, limit > 0, let tile = Tile.ofTree(size: count, level: 0, index: index >> 8) else {
            return []
        }
        let start = Int(index & 0xFF)
        let bundle = try bundle(at: index, checking: start..<min(start + min(limit, Tile.fullWidth), tile.width))
        return bundle.entries.map { Array(bundle.bytes[$0]) }
    }

    /// The entries that share a file with the one at an index, in the file's bytes, each compared with the signed tree.
    ///
    /// - Parameter checking: which of them; by itself all.
    package func bundle(
        at index: UInt64, checking: Range<Int>? = nil
    ) throws(AgentIDError) -> (bytes: [UInt8], entries: [Range<Int>]) {
        guard index < count, let tile = Tile.ofTree(size: count, level: 0, index: index >> 8) else {
            throw beyond(index)
        }
        guard kept.contains(index) else { throw elsewhere(index) }
        do throws(AgentIDError) { return try read(tile, checking ?? 0..<tile.width) } catch {
            throw isElsewhere(index) ? elsewhere(index) : error
        }
    }

    private func read(
        _ tile: Tile, _ checking: Range<Int>
    ) throws(AgentIDError) -> (bytes: [UInt8], entries: [Range<Int>]) {
        try reading { () throws(TransparencyLogError) in
            var tree = try tree()
            let bytes = try tiles.read(tile.entriesPath) ?? []
            let ranges = EntryBundle.split(bytes.span).entries
            // The proof of one leaf hashes the whole of its tile, so the tile is the signed one if the proof holds.
            let first = tile.index << 8
            try tree.inclusionProof(of: first).verify(leaf: tree.leaf(at: first), root: checkpoint.root)
            for i in checking {
                guard i < ranges.count,
                    try MerkleHash.leaf(bytes.span.extracting(ranges[i])) == tree.leaf(at: first + UInt64(i))
                else {
                    throw TransparencyLogError(
                        "entry", "entry \(first + UInt64(i)) is not the one in the tree", at: tile.entriesPath)
                }
            }
            return (bytes, Array(ranges[checking]))
        }
    }

    /// The proof that the entry at an index is in the log.
    public func inclusionProof(of index: UInt64) throws(AgentIDError) -> InclusionProof {
        guard index < count else { throw beyond(index) }
        return try reading { () throws(TransparencyLogError) in
            var tree = try tree()
            let proof = try tree.inclusionProof(of: index)
            try proof.verify(leaf: tree.leaf(at: index), root: checkpoint.root)
            return proof
        }
    }

    /// The proof that the log of `newSize` entries, by default all, starts with the log of `oldSize`.
    public func consistencyProof(
        from oldSize: UInt64, to newSize: UInt64? = nil
    ) throws(AgentIDError) -> ConsistencyProof {
        let newSize = newSize ?? count
        guard oldSize <= count, newSize <= count else { throw beyond(max(oldSize, newSize)) }
        guard oldSize > 0, oldSize <= newSize else {
            throw AgentIDError(
                .notFound, name: "audit_index",
                message: "the first \(newSize) entries do not start with the first \(oldSize): 1 to \(newSize) can be "
                    + "asked about", at: "index")
        }
        return try reading { () throws(TransparencyLogError) in
            var tree = try tree()
            // The signed log must start with both heads, or the proof would be about other entries.
            let newRoot = try tree.root(ofFirst: newSize)
            try tree.consistencyProof(from: newSize).verify(oldRoot: newRoot, newRoot: checkpoint.root)
            let proof = try tree.consistencyProof(from: oldSize, to: newSize)
            try proof.verify(oldRoot: tree.root(ofFirst: oldSize), newRoot: newRoot)
            return proof
        }
    }

    /// The root of the first `size` entries.
    public func checkpoint(ofFirst size: UInt64) throws(AgentIDError) -> Checkpoint {
        guard size <= count else { throw beyond(size) }
        return try reading { () throws(TransparencyLogError) in
            var tree = try tree()
            let root = try tree.root(ofFirst: size)
            if size > 0 { try tree.consistencyProof(from: size).verify(oldRoot: root, newRoot: checkpoint.root) }
            return Checkpoint(origin: checkpoint.origin, size: size, root: root)
        }
    }

    /// Reads everything again and reports each fault with its place.
    ///
    /// - Parameters:
    ///   - trusted: An earlier checkpoint of this log, kept elsewhere: it also reveals a log that was put back.
    ///   - progress: Told the number of entries read.
    public func verify(
        against trusted: Checkpoint? = nil, progress: (UInt64) -> Void = { _ in }
    ) throws(AgentIDError) -> AuditVerification {
        try inAuditTree { () throws(TransparencyLogError) in
            var verifier = try AuditVerifier(self)
            return try verifier.run(against: trusted, progress: progress)
        }
    }

    /// Checks the end of the log alone: the last entries, the progress of integration, and the lines that wait in
    /// segments.
    package func verifyEnd() throws(AgentIDError) -> AuditVerification {
        let width = UInt64(Tile.fullWidth)
        if count > 0, kept.to == nil { _ = try entries(from: (count - 1) / width * width) }
        var result = AuditVerification(checkpoint: checkpoint)
        AuditTail(self).check(&result)
        return result
    }

    /// Reads a checkpoint of this log that was kept elsewhere, from its signed note.
    public func checkpoint(kept note: [UInt8]) throws(AgentIDError) -> Checkpoint {
        do throws(TransparencyLogError) { return try Checkpoint(note: note, by: NoteKey(key)) } catch {
            throw AgentIDError(
                .malformed, name: "checkpoint", message: "it is not a checkpoint of this log: \(error)",
                at: "checkpoint")
        }
    }

    /// Whether this log starts with what an earlier reader of it read.
    package func continues(_ earlier: AuditReader) throws(AgentIDError) -> Bool {
        guard earlier.count <= count else { return false }
        guard earlier.count > 0 else { return true }
        return try checkpoint(ofFirst: earlier.count).root == earlier.checkpoint.root
    }

    var tiles: AuditTiles { AuditTiles(directory: directory, files: files) }

    func tree() throws(TransparencyLogError) -> TiledTree<AuditTiles> {
        try TiledTree(size: checkpoint.size, reader: tiles)
    }

    /// Reads the tree. Where it is not as it was signed, the log may be another one than was opened.
    private func reading<T>(_ body: () throws(TransparencyLogError) -> T) throws(AgentIDError) -> T {
        do throws(AgentIDError) { return try inAuditTree(body) } catch { throw cause(of: error) }
    }

    @inline(never)  // Once, and not for each type of result.
    private func cause(of error: AgentIDError) -> AgentIDError {
        guard error.name.isSame(as: "audit_damaged") else { return error }
        guard let now = try? AuditReader(directory: directory, key: key) else {
            return Apart.log("what was opened is gone", at: directory)
        }
        if now.count < count {
            return Apart.logRolledBack("\(now.count) of \(count) entries are left", at: directory)
        }
        if var tree = try? now.tree(), let root = try? tree.root(ofFirst: count), root != checkpoint.root {
            return Apart.log("it begins otherwise than what was opened", at: directory)
        }
        return error
    }

    /// Whether an entry is not in this directory by now: it may be archived while this reads, and its file goes after
    /// the range was written.
    func isElsewhere(_ index: UInt64) -> Bool { !kept.contains(index) || !keptNow().contains(index) }

    private func keptNow() -> AuditKept { (try? AuditKept(reading: directory, files: files)) ?? kept }

    private func elsewhere(_ index: UInt64) -> AgentIDError {
        let kept = keptNow()
        return AgentIDError(
            .notFound, name: "audit_archived",
            message:
                "entry \(index) is not here, but \(kept.from) to \(max(kept.to ?? count, 1) - 1) are: the others are in "
                + "an archive, or in the log that this one is of", at: "index")
    }

    private func beyond(_ index: UInt64) -> AgentIDError {
        AgentIDError(
            .notFound, name: "audit_index", message: "the audit log has \(count) entries: \(index) is not among them",
            at: "index")
    }
}
