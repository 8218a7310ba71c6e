internal import JOSE
internal import Synchronization
internal import TransparencyLog

/// The audit log of an authority: lines appended by many processes, one signed tree over all of them.
///
/// Safe to use from any thread. Appending is a copy into this process's own segment, without a system call. A writer's
/// thread syncs it; if there is a signer, the thread also integrates the segments of all processes and signs the
/// checkpoint. The kernel keeps appended lines when the process is killed.
public final class AuditLog: Sendable {
    /// The key that verifies the log's checkpoints, as `name+hash+key`; `nil` for a log that only appends.
    public let key: String?
    private let directory: String
    private let appender: AuditAppender
    private let sequencer: AuditSequencer?
    private let notes: Locked<AuditNotes>
    private let thread: BackgroundThread
    private let isClosed = Atomic(false)
    /// Counts denials.
    let flood = AuditFlood()

    /// Whether a line is on the disk before `append` returns.
    var isDurable: Bool { appender.isDurable }

    /// The reason for refusing appends: the log was replaced, or is older than it was.
    var apart: AgentIDError? { appender.apart }

    /// Opens the log in `directory`, which is made if it is missing.
    ///
    /// - Parameters:
    ///   - directory: The directory of its segments and tiles.
    ///   - origin: The log's name in its checkpoints, such as `acme.example/audit`.
    ///   - signer: Signs the checkpoints. Without one this log only appends, and another process integrates.
    ///   - options: When lines are synced, and how long they may be.
    ///   - clock: The clock that dates entries.
    public static func open(
        directory: String, origin: String, signer: (any Signer)?, options: AuditOptions = AuditOptions(),
        clock: any WallClock = SystemClock()
    ) throws(AgentIDError) -> AuditLog {
        try AuditLog(
            directory: directory, origin: origin, signer: signer, options: options, clock: clock,
            files: SystemAuditFiles.making(directory))
    }

    init(
        directory: String, origin: String, signer: (any Signer)?, options: AuditOptions, clock: any WallClock,
        outbox: (any AuditOutbox)? = nil, known: @escaping @Sendable () -> UInt64 = { 0 },
        files: any AuditFiles
    ) throws(AgentIDError) {
        try options.check()
        let segments = "\(directory)/\(AuditSequencer.segmentsPath)"
        try files.makeDirectory(segments)
        // Before a registry knows of this log: what is synced in a directory is lost with the directory's name.
        if signer != nil { try Files.syncName(of: directory) }
        let identity = try AuditIdentity.make(in: directory, origin: origin, files: files)
        let notes = Locked(AuditNotes())
        if let signer {
            let key: NoteKey
            do throws(TransparencyLogError) { key = try NoteKey(name: origin, publicKey: signer.publicKey) } catch {
                throw AgentIDError(.argument, name: error.name, message: error.message, at: "origin")
            }
            let sequencer = AuditSequencer(
                directory: directory, key: key, signer: signer, clock: clock, files: files, outbox: outbox,
                identity: identity)
            // Segments of dead processes are cut and reported now, if that is quick: opening waits neither for another
            // process that integrates, nor for a remote signer.
            if signer is SigningKey {
                let found = try sequencer.integrate(waiting: 0, steps: 1).gaps
                notes.withLock { $0.add(found) }
            }
            self.sequencer = sequencer
            self.key = key.description
        } else {
            sequencer = nil
            key = nil
        }
        let appender = try AuditAppender(
            directory: segments, log: identity.tag, options: options, clock: clock, files: files
        ) { () throws(AgentIDError) in try identity.check(in: directory, origin: origin, files: files) }
        self.directory = directory
        self.appender = appender
        self.notes = notes
        let opened = AuditPlace(identity, in: directory, origin: origin, files: files, known: known)
        thread = try BackgroundThread.start(name: "agentid-audit") { [sequencer, flood] thread in
            var tending = AuditTending(appender, sequencer, flood, in: opened, options, notes)
            tending.run(on: thread)
        }
    }

    deinit { close() }

    /// Appends a line: opaque bytes, by convention one JSON document in canonical form.
    ///
    /// Throws `audit_unavailable` if the line cannot be written, mostly because the disk is full. The caller decides
    /// whether that denies the call or is counted and reported; the line may still become an entry. In a child after
    /// `fork()` it throws `forked`.
    public func append(_ line: [UInt8]) throws(AgentIDError) { try append(line.span) }

    func append(_ line: Span<UInt8>) throws(AgentIDError) {
        if try appender.append(line) { thread.wake() }
    }

    /// Appends the entry of a permitted call.
    func append(_ facts: AuditFacts, _ context: AuditContext, _ mark: AuditMark) throws(AgentIDError) {
        if try appender.append(facts, context, mark) { thread.wake() }
    }

    /// Integrates all that processes have appended by now, and signs the checkpoint.
    public func integrate() throws(AgentIDError) { try integrate(within: 10_000) }

    /// - Parameter milliseconds: The longest wait for another process that integrates.
    func integrate(within milliseconds: Int) throws(AgentIDError) {
        guard let sequencer else {
            throw AgentIDError(
                .state, name: "no_signer", message: "this audit log was opened to append only", at: "audit")
        }
        guard !appender.isInChild else {
            throw AgentIDError(.state, name: "forked", message: "this process was forked", at: "audit")
        }
        writeCounts()
        let outcome = try sequencer.integrate(waiting: milliseconds, signature: milliseconds)
        notes.withLock { $0.add(outcome.gaps) }
        guard !outcome.isBusy else {
            throw AgentIDError(
                .io, name: "audit_busy",
                message:
                    "another process has been integrating this log for \(milliseconds / 1000) s: try again, or end that process",
                at: "audit")
        }
    }

    /// Reads what is integrated by now; `nil` for a log that only appends.
    func reader() throws(AgentIDError) -> AuditReader? {
        try key.map { key throws(AgentIDError) in try AuditReader(directory: directory, key: key) }
    }

    /// Writes the counts of denials up to now.
    func writeCounts() {
        flood.flush(isLast: true) { line throws(AgentIDError) in try append(line.span) }
    }

    /// The number of lines that were in a removed segment and could not be written again.
    var vanished: Int { appender.vanished }

    /// The number of lines that could not be appended since the log was opened.
    public var failures: Int { appender.failures }

    /// The damaged, torn or missing stretches found while integrating, the latest 256. Each is also an entry of the
    /// log.
    public var gaps: [AuditGap] { notes.withLock { $0.gaps } }

    /// The last error in the background.
    public var lastError: AgentIDError? { notes.withLock { $0.lastError } }

    /// Ends the thread, syncs, and integrates a last time. Idempotent. Does nothing in a forked child.
    public func close() {
        guard !appender.isInChild, !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        thread.stop()
        writeCounts()
        var error = appender.close()
        if let sequencer {
            do throws(AgentIDError) {
                let found = try sequencer.integrate(waiting: 500, signature: 500, total: 500).gaps
                notes.withLock { $0.add(found) }
            } catch let thrown { error = thrown }
        }
        if let error { notes.withLock { $0.fail(error) } }
    }
}
