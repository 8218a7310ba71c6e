internal import StrictJSON
internal import TransparencyLog

extension AuditReader {
    /// The first entry that is kept here; earlier ones were archived.
    package var first: UInt64 { kept.from }

    /// The end of the entries that are kept here; in an archive it comes before the end of the log.
    package var last: UInt64 { min(kept.to ?? .max, count) }

    /// Which entries are kept here, where these are not all: for messages, with a blank before.
    package var among: String {
        first > 0 || last < count ? " among entries \(first) to \(max(last, 1) - 1), the only ones here" : ""
    }

    /// Moves the oldest entries into an archive: a directory of its own that is read, proved from and verified like a
    /// log.
    ///
    /// Moves whole bundles of 256 entries, never the last one. Entries are removed here only when the archive is on the
    /// disk and was verified, whatever it was made of. The hashes of all entries stay in both.
    ///
    /// - Parameters:
    ///   - size: The number of entries, from the log's beginning, that are to be in archives.
    ///   - target: The path of the archive. An earlier archive of this log is extended.
    ///   - progress: Told the number of entries written, and the number to write.
    /// - Returns: The entries that this call archived.
    package func archive(
        first size: UInt64, to target: String, progress: (_ written: UInt64, _ all: UInt64) -> Void = { _, _ in }
    ) throws(AgentIDError) -> Range<UInt64> {
        guard kept.to == nil else {
            throw AgentIDError(.state, name: "archive", message: "this is an archive already", at: "authority")
        }
        let last = count == 0 ? 0 : (count - 1) >> 8
        let end = min(size >> 8, last) << 8
        guard end > kept.from else {
            throw AgentIDError(
                .argument, name: "archive",
                message: "nothing to archive: bundles of 256 entries are archived whole, and the last one never; the "
                    + "log has \(count) entries, of which \(kept.from) are archived", at: "size")
        }
        // Entries are removed from the log that is there now, whatever has its name by then.
        let log = try SystemAuditFiles(holding: directory)
        let head = try log.read("\(directory)/\(Checkpoint.path)", limit: SignedNote.longest) ?? []
        guard AuditPlace.size(in: head) ?? 0 >= count else {
            throw Apart.log("it is not what was opened", at: directory)
        }
        try files.makeDirectory(target)
        // What is synced in a directory is lost with the directory's name.
        try Files.syncName(of: target)
        let (start, isExtended) = try archiveStart(in: target)
        let copy = AuditTiles(directory: target, files: files)
        for index in kept.from >> 8..<end >> 8 {
            var bundle: [UInt8] = []
            let lines = try entries(from: index << 8)
            try inAuditTree { () throws(TransparencyLogError) in
                for line in lines { try EntryBundle.append(line.span, to: &bundle) }
                if let tile = Tile(level: 0, index: index) { try copy.write(tile.entriesPath, bundle) }
            }
            progress((index + 1) << 8 - kept.from, end - kept.from)
        }
        try inAuditTree { () throws(TransparencyLogError) in try copyHashes(to: copy) }
        try files.replace("\(target)/\(AuditTrail.keyPath)", with: Array(key.utf8))
        // One that ends in between is an archive all the same: a new one has no checkpoint yet, and that of one that is
        // extended has all that it says is here.
        if isExtended { try files.replace("\(target)/\(Checkpoint.path)", with: Array(note.utf8)) }
        try files.replace("\(target)/\(AuditKept.path)", with: AuditKept(from: start, to: end).bytes)
        if !isExtended { try files.replace("\(target)/\(Checkpoint.path)", with: Array(note.utf8)) }
        // Opens the archive as its readers will.
        let made = try AuditReader(directory: target, key: key)
        let found = try made.verify()
        guard found.isSound, found.sound == end - start else {
            throw AgentIDError(
                .io, name: "archive",
                message:
                    "the archive is not as it was written: \(found.findings.first?.description ?? "entries are missing")",
                at: target)
        }
        try forget(before: end, in: log)
        return kept.from..<end
    }

    /// The first entry of an archive that is to be extended or made.
    private func archiveStart(in target: String) throws(AgentIDError) -> (start: UInt64, isExtended: Bool) {
        guard try files.read("\(target)/\(Checkpoint.path)", limit: SignedNote.longest) != nil else {
            // What was begun when the disk was full is gone on with.
            guard try files.list(target).allSatisfy(Self.isOfArchive) else {
                throw AgentIDError(
                    .exists, name: "archive", message: "\(target) holds other things: name an empty directory",
                    at: target)
            }
            return (kept.from, false)
        }
        let there = try AuditReader(directory: target, key: key)
        // It may have more than the log has recorded as archived: all of that is here too.
        guard let end = there.kept.to, there.kept.from <= kept.from, kept.from <= end, try continues(there) else {
            throw AgentIDError(
                .exists, name: "archive",
                message:
                    "\(target) holds another archive, or one that this log does not go on from: name another directory",
                at: target)
        }
        return (there.kept.from, true)
    }

    private static func isOfArchive(_ name: String) -> Bool {
        ["tile", "key", AuditKept.path, Checkpoint.path].contains { ours in
            name.isSame(as: ours) || name.isSame(as: "\(ours).new")
        }
    }

    private func copyHashes(to copy: AuditTiles) throws(TransparencyLogError) {
        var tree = try tree()
        for level in 0..<8 {
            var index: UInt64 = 0
            while let tile = Tile.ofTree(size: count, level: level, index: index), tile.width > 0 {
                let hashes = try tree.hashes(level: level, index: index)
                // What is there may be what a power cut left of an earlier attempt.
                if try !copy.holds(tile.path, hashes) { try copy.write(tile.path, hashes) }
                index += 1
            }
        }
        try copy.sync()
    }

    /// Removes archived entries, after the log records that they are archived.
    private func forget(before end: UInt64, in log: SystemAuditFiles) throws(AgentIDError) {
        guard let turn = try AuditTurn(in: directory, within: 10_000, log.held) else {
            throw AgentIDError(
                .io, name: "audit_busy",
                message:
                    "the archive is made, but another process has been integrating this log for 10 s, so nothing was "
                    + "removed: end that process, and try again", at: directory)
        }
        defer { turn.end() }
        // Another call may have archived more meanwhile.
        if try AuditKept(reading: directory, files: log).from < end {
            try log.replace("\(directory)/\(AuditKept.path)", with: AuditKept(from: end, to: nil).bytes)
        }
        // From the beginning: one that was killed here left some.
        for index in 0..<end >> 8 {
            guard let tile = Tile(level: 0, index: index) else { continue }
            try log.remove("\(directory)/\(tile.entriesPath)")
        }
    }
}
