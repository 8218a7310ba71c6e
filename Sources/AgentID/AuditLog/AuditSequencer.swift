internal import CProcess
internal import Glibc
internal import JOSE
internal import StrictJSON
internal import TransparencyLog

/// Gives the lines of all segments their index, and makes them one signed tree. One process at a time, under a lock.
///
/// Why no moment at which it stops can lose or repeat a line, or sign two trees that disagree:
///
/// 1. It reads lines from segments and syncs those segments. What it read is now on the disk.
/// 2. It writes `sequence`: the head before, the sources of the new lines in their order, the head after, and how far
///    each segment is then integrated. The file is replaced whole and synced. *This commits the step*: from here on the
///    new tree is determined, since sources are on the disk and never change.
/// 3. It writes bundles and tiles, and syncs them all; only then does it sign and replace the checkpoint, synced.
///    Nobody reads a tile that no checkpoint covers, so it does not matter where this stops.
/// 4. It removes segments that `sequence` says are done.
///
/// A caller's signer is asked between two turns of the lock, which is as if it stopped in 3: see ``CheckpointSigning``.
///
/// On start it compares the checkpoint with `sequence`. Stopped before 2: the checkpoint is `after` of the step before,
/// the new lines are still ahead of the positions, and nothing of them was seen by anyone. Stopped in 3: the checkpoint
/// is `before`; the step is done again from its sources and must come to the very root that was written down, so that
/// a checkpoint that somebody saw before the power went is signed again, byte for byte. Stopped in 4, or at any time
/// after: the checkpoint is `after`, and segments that are done are removed again; `sequence` forgets one only after
/// the directory without it was synced, so that none comes back as new. Any other checkpoint was not made here: it
/// signs nothing and says so. A segment's owner is asked for before its end is read: what it wrote before it died is
/// read.
///
/// Lines of the outbox are written down in `sequence` themselves, with the number of the last: they are integrated with
/// the step or not at all, and removed from the outbox when that is certain.
struct AuditSequencer: Sendable {
    let directory: String
    let key: NoteKey
    let signer: any Signer
    let clock: any WallClock
    let files: any AuditFiles
    var outbox: (any AuditOutbox)?
    /// The log's name; segments of others are set aside.
    var identity: AuditIdentity?
    /// Signs without the lock; `nil` with a key of the library's own, which never waits.
    let signing: CheckpointSigning?
    /// The largest number of entries of one step.
    var stepEntries = 8192
    var stepBytes = 8 << 20

    static let sequencePath = "sequence"
    static let segmentsPath = "segments"
    private static let mostSegments = 4096
    /// The most outbox lines of one step: each is written twice.
    private static let mostOutboxLines = 256
    /// The most steps of one call: a process that appends faster than this integrates must not hold it forever.
    private static let mostSteps = 256

    var segments: String { "\(directory)/\(Self.segmentsPath)" }
    private var sequence: String { "\(directory)/\(Self.sequencePath)" }
    private var checkpoint: String { @inline(never) get { "\(directory)/\(Checkpoint.path)" } }

    /// The outcome of integrating.
    struct Outcome {
        var size: UInt64 = 0
        var gaps: [AuditGap] = []
        /// Whether another process holds the lock, and integrates.
        var isBusy = false
    }

    init(
        directory: String, key: NoteKey, signer: any Signer, clock: any WallClock, files: any AuditFiles,
        outbox: (any AuditOutbox)? = nil, identity: AuditIdentity? = nil
    ) {
        (self.directory, self.key, self.signer, self.clock) = (directory, key, signer, clock)
        (self.files, self.outbox, self.identity) = (files, outbox, identity)
        signing = signer is SigningKey ? nil : CheckpointSigning(key: key, signer: signer)
    }

    /// Integrates the present content of the segments, in a limited number of steps.
    ///
    /// - Parameters:
    ///   - waiting: The longest wait for another process that holds the lock, in milliseconds; after it, the work is
    ///     left to that process.
    ///   - signature: The longest wait for a caller's signer, in milliseconds. The wait never holds the lock.
    ///   - total: The longest wait for all signatures, in milliseconds.
    func integrate(
        waiting: Int, steps: Int = mostSteps, signature: Int = 10_000, total: Int = .max
    ) throws(AgentIDError) -> Outcome {
        let turn = SequencerTurn()
        guard let signing else { return try integrate(waiting: waiting, steps: steps, turn) }
        var left = total
        // Each step that another process does meanwhile costs a signature too, so not forever.
        for _ in 0..<2 * Self.mostSteps {
            do throws(AgentIDError) {
                var outcome = try integrate(waiting: waiting, steps: steps, turn)
                outcome.gaps = turn.gaps
                return outcome
            } catch {
                guard let head = turn.unsigned else { throw error }
                turn.unsigned = nil
                let begun = MonotonicClock.milliseconds
                try signing.sign(head, within: min(signature, left))
                left -= min(Int(clamping: MonotonicClock.milliseconds - begun), left)
            }
        }
        return Outcome(gaps: turn.gaps, isBusy: true)
    }

    private func integrate(waiting: Int, steps: Int, _ turn: SequencerTurn) throws(AgentIDError) -> Outcome {
        // Not under the lock: a clock may be a caller's.
        let now = clock.milliseconds
        guard let own = try AuditTurn(in: directory, within: waiting, files.held) else { return Outcome(isBusy: true) }
        defer { own.end() }
        try identity?.check(in: directory, origin: key.name, files: files)
        var state = try recover(turn)
        var outcome = Outcome(size: state.after.size)
        removeUnnamed()
        // What came while a caller's signer was asked is left to the next call: there may be more of it each time.
        guard !turn.hasAll else { return outcome }
        for _ in 0..<steps {
            var step = AuditStep(
                after: state, at: now, entries: stepEntries, bytes: stepBytes, log: identity?.tag, in: files.held)
            let isMore = try gather(into: &step)
            turn.hasAll = !isMore
            guard !step.entries.isEmpty || step.next.segments != state.segments else { break }
            outcome.gaps += step.gaps
            turn.gaps += step.gaps
            try commit(&step, turn)
            try removeTaken(step.next)
            state = step.next
            guard isMore else { break }
        }
        outcome.size = state.after.size
        return outcome
    }

    // MARK: Coming back

    /// Returns the integrated state, after finishing the last step.
    private func recover(_ turn: SequencerTurn) throws(AgentIDError) -> AuditSequence {
        let note = try files.read(checkpoint, limit: SignedNote.longest)
        guard let bytes = try files.read(sequence, limit: AuditSequence.largest) else {
            guard note == nil, try files.list("\(directory)/tile").isEmpty else {
                throw Self.damaged("the file is missing beside a checkpoint or tiles: restore it", at: sequence)
            }
            // Also a directory that somebody is copying a backup into.
            if let known = outbox?.logSize(atLeast: 0), known > 0 {
                throw Apart.logRolledBack("0 of \(known) entries are left", at: sequence)
            }
            let state = AuditSequence(key: key)
            try files.replace(sequence, with: state.bytes)
            try sign(state.after, turn)
            return state
        }
        var state = try AuditSequence(parsing: bytes)
        if let known = outbox?.logSize(atLeast: 0), state.after.size < known {
            throw Apart.logRolledBack("\(state.after.size) of \(known) entries are left", at: sequence)
        }
        if let there = try outbox?.reach() { try state.checkRegistry(there) }
        let (head, isOurs) = try checkpointHead(note, keys: state.keys)
        guard head == state.before || head == state.after else {
            throw Self.damaged(
                "the checkpoint has \(head.size) entries, audit/sequence expects \(state.before.size) or "
                    + "\(state.after.size): one of them was put back", at: checkpoint)
        }
        if !state.keys.first.isSame(as: key.description) {
            // The authority's key was rotated. Both keys are recorded before the checkpoint bears the new one.
            state.keys = [key.description] + state.keys.filter { !$0.isSame(as: key.description) }.prefix(1)
            try files.replace(sequence, with: state.bytes)
        }
        if head != state.after {
            var step = AuditStep(again: state, in: files.held)
            try step.repeatSources(path: path)
            try write(step, grow(step), turn)
        } else if note == nil || !isOurs {
            try sign(state.after, turn)
        }
        try removeDone(state)
        try removeTaken(state)
        return state
    }

    /// Removes outbox lines that are now entries for good.
    private func removeTaken(_ state: AuditSequence) throws(AgentIDError) {
        guard let identity else {
            try outbox?.remove(through: state.outbox)
            return
        }
        try outbox?.remove(
            through: state.outbox, log: LogMark(identity: identity.name, size: Int64(clamping: state.after.size)))
    }

    /// The present head, and whether this signer's key signed it.
    private func checkpointHead(
        _ note: [UInt8]?, keys: [String]
    ) throws(AgentIDError) -> (AuditSequence.Head, isOurs: Bool) {
        // Before the first checkpoint the tree is empty; `sequence` tells whether that can be.
        guard let note else { return (AuditSequence.Head(), true) }
        var reason = TransparencyLogError("note_unsigned", "no key is known", at: Checkpoint.path)
        for text in keys {
            do throws(TransparencyLogError) {
                let known = try NoteKey(text)
                guard known.name.isSame(as: key.name) else {
                    throw TransparencyLogError("origin", "the log is that of \(known.name), not \(key.name)")
                }
                let signed = try Checkpoint(note: note, by: known)
                return (.init(size: signed.size, root: signed.root), text.isSame(as: key.description))
            } catch { reason = error }
        }
        throw Self.damaged(reason.description, at: checkpoint)
    }

    // MARK: One step

    /// Takes lines until the step is full. Returns whether there may be more.
    private func gather(into step: inout AuditStep) throws(AgentIDError) -> Bool {
        let names = try files.list(segments).compactMap { AuditSegmentName(file: $0) }.inOrder()
        step.forget(except: Set(names))
        let listed = Set(step.next.segments.map(\.name))
        for name in names where !listed.contains(name) { try step.list(name, path: path(name)) }
        // The owner of an unfinished segment: none of its later segments may be read before.
        var writing: ExactText?
        if let there = try outbox?.reach() { step.reach(there) }
        let waiting = try outbox?.lines(after: step.next.outbox, limit: Self.mostOutboxLines) ?? []
        for line in waiting where !step.isFull { step.take(line) }
        for (i, name) in names.prefix(Self.mostSegments).enumerated() where name.owner != writing {
            guard !step.isFull else { return true }
            if try step.take(name, path: path(name)) { continue }
            guard !step.isFull else { return true }
            // The owner may go on in this segment, unless it has gone on in a later one: then, and only now, this one
            // has all its lines. It may have been left without an end: made ahead and not needed, or filled to its last
            // byte.
            guard try hasBegun(names[(i + 1)...].prefix { $0.owner == name.owner }) else {
                writing = name.owner
                continue
            }
            _ = try step.take(name, path: path(name))
        }
        return step.isFull || names.count > Self.mostSegments || waiting.count == Self.mostOutboxLines
    }

    /// Whether one of these segments has a line.
    private func hasBegun(_ names: some Sequence<AuditSegmentName>) throws(AgentIDError) -> Bool {
        for name in names {
            guard var reader = try AuditSegmentReader(path(name), in: files.held), !reader.isForeign(to: identity?.tag)
            else {
                continue
            }
            switch try reader.item(at: AuditSegmentReader.start) {
            case .line, .template, .gap: return true
            case .waiting, .end, .torn: continue
            }
        }
        return false
    }

    private func commit(_ step: inout AuditStep, _ turn: SequencerTurn) throws(AgentIDError) {
        let growth = try grow(step)
        guard growth.head.size <= 1 << 53 else {
            throw AgentIDError(.limit, name: "audit_size", message: "the audit log is full", at: "audit")
        }
        step.finish(growth.head)
        let bytes = step.next.bytes
        try identity?.check(in: directory, origin: key.name, files: files)
        // A document that could not be read again would stop the log forever.
        guard bytes.count <= AuditSequence.largest else {
            throw AgentIDError(
                .limit, name: "audit_sequence", message: "too many segments wait: audit/sequence would be too long",
                at: sequence)
        }
        try files.replace(sequence, with: bytes)
        try write(step, growth, turn)
        try removeDone(step.next)
    }

    /// The tree with a step's entries added, in memory.
    private func grow(_ step: AuditStep) throws(AgentIDError) -> AuditGrowth {
        try inAuditTree { () throws(TransparencyLogError) in
            var growth = try AuditGrowth(step.next.before, tiles: AuditTiles(directory: directory, files: files))
            for entry in step.entries { try growth.append(entry) }
            return growth
        }
    }

    /// Writes the entries of a committed step, then its checkpoint.
    private func write(
        _ step: AuditStep, _ growth: AuditGrowth, _ turn: SequencerTurn
    ) throws(AgentIDError) {
        let (before, after) = (step.next.before, step.next.after)
        guard growth.head == after else {
            throw Self.damaged("the segments no longer hold what was taken from them", at: sequence)
        }
        guard before != after else { return }
        var growth = growth
        try inAuditTree { () throws(TransparencyLogError) in try growth.write() }
        try sign(after, turn)
        AuditGrowth.removePartial(before: before.size, after: after.size, in: directory, files: files)
    }

    private func sign(_ head: AuditSequence.Head, _ turn: SequencerTurn) throws(AgentIDError) {
        let note: [UInt8]
        if let signing {
            guard let signed = signing.note(of: head) else {
                turn.unsigned = head
                throw AgentIDError(.signer, name: "signer_failed", message: "the checkpoint is to be signed")
            }
            note = signed
        } else {
            note = try CheckpointSigning.note(head, key: key, signer: signer).get()
        }
        try files.replace(checkpoint, with: note)
        _ = outbox?.logSize(atLeast: head.size)
    }

    private func removeDone(_ state: AuditSequence) throws(AgentIDError) {
        let done = state.segments.filter { !$0.state.isOpen }
        guard !done.isEmpty else { return }
        for segment in done where Files.exists(path(segment.name), in: files.held) {
            switch segment.state {
            case .torn, .foreign, .repeated:
                try files.rename(path(segment.name), to: "\(segments)/\(segment.name).\(segment.state.rawValue)")
            case .open, .missing, .done: try files.remove(path(segment.name))
            }
        }
        try files.sync(segments)
    }

    /// Removes files of processes that died while making a segment. Making one takes less than a minute.
    private func removeUnnamed() {
        guard let names = try? files.list(segments) else { return }
        for name in names where name.ends(exactly: AuditSegment.unnamedSuffix) {
            var status = stat()
            let path = "\(segments)/\(name)"
            let way = FileWay(path, in: files.held)
            guard unsafe fstatat(way.base, way.name, &status, 0) == 0, status.st_mtim.tv_sec < time(nil) - 60 else {
                continue
            }
            _ = try? files.remove(path)
        }
    }

    private func path(_ name: AuditSegmentName) -> String { "\(segments)/\(name.file)" }

    private static func damaged(_ message: String, at place: String) -> AgentIDError {
        AgentIDError(.malformed, name: "audit_damaged", message: "the audit log is damaged: \(message)", at: place)
    }
}
