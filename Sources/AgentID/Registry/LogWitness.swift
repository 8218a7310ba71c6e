internal import StrictJSON
internal import TransparencyLog

/// The audit log's record of its registry, compared with the registry's record of its log: if only one of them was put
/// back, the next opening shows it.
struct LogWitness {
    private let directory: AuthorityDirectory
    private let sequence: AuditSequence?
    /// The reason why the record cannot be read.
    private let failure: AgentIDError?

    /// Reads the log's record before the registry is looked at: the registry is then no older.
    init(in directory: AuthorityDirectory) {
        self.directory = directory
        let path = "\(directory.auditPath)/\(AuditSequencer.sequencePath)"
        var (found, failure): (AuditSequence?, AgentIDError?)
        do throws(AgentIDError) {
            let bytes = try SystemAuditFiles().read(path, limit: AuditSequence.largest)
            found = try bytes.map { bytes throws(AgentIDError) in try AuditSequence(parsing: bytes) }
        } catch { failure = error }
        (sequence, self.failure) = (found, failure)
    }

    /// The state of the registry recorded in the log, and the number of the registry's lines that the log has taken.
    var reach: RegistryReach? { sequence?.registry }
    var outbox: Int64 { sequence?.outbox ?? 0 }
    var size: UInt64 { sequence?.after.size ?? 0 }
    var hasBegun: Bool { sequence != nil }

    /// The log as the registry is to know it; `nil` if there is none.
    func mark(of meta: RegistryMeta) throws(AgentIDError) -> LogMark? {
        let identity = try AuditIdentity(
            reading: directory.auditPath, origin: AuditIdentity.origin(of: TrustDomain(meta.trustDomain)),
            files: SystemAuditFiles())
        return identity.map { LogMark(identity: $0.name, size: Int64(clamping: size)) }
    }

    /// Throws, before anything is changed, if the log does not record its state: nobody could continue it.
    func checkReadable() throws(AgentIDError) {
        guard let failure else { return }
        throw AgentIDError(
            failure.code, name: failure.name,
            message: "\(failure.message); or move \(directory.auditPath) away and go on with a new log",
            at: failure.place)
    }

    /// Throws if the log has begun and another key than this signed it.
    func check(_ key: PublicKey) throws(AgentIDError) {
        guard let sequence, !sequence.keys.contains(where: { (try? NoteKey($0))?.publicKey == key }) else { return }
        throw AgentIDError(
            .malformed, name: "key_file",
            message:
                "\(directory.logKeyPath) holds another key than the one that signed the audit log: restore it from a backup "
                + "of this directory", at: directory.logKeyPath)
    }

    /// Makes the log accept a registry that was restored.
    func accept(_ reach: RegistryReach) throws(AgentIDError) {
        let path = "\(directory.auditPath)/\(AuditSequencer.sequencePath)"
        guard sequence != nil else { return }
        let files = try SystemAuditFiles(holding: directory.auditPath, in: directory.held)
        guard let turn = try AuditTurn(in: directory.auditPath, within: 10_000, files.held) else {
            throw AgentIDError(
                .io, name: "audit_busy",
                message: "another process has been integrating this log for 10 s: end that process, and try again",
                at: path)
        }
        defer { turn.end() }
        guard let bytes = try files.read(path, limit: AuditSequence.largest) else { return }
        var now = try AuditSequence(parsing: bytes)
        now.registry = reach
        try files.replace(path, with: now.bytes)
    }

    /// Throws if the registry is older than its log, or belongs to another.
    func checkRegistry(_ meta: RegistryMeta) throws(AgentIDError) {
        try sequence?.checkRegistry(RegistryReach(epoch: meta.epoch, writes: meta.writes))
    }

    /// Throws if the checkpoint has fewer entries than are known to be signed: guards that run deny.
    func checkHead(_ meta: RegistryMeta, known: UInt64) throws(AgentIDError) {
        let path = "\(directory.auditPath)/\(Checkpoint.path)"
        guard !meta.log.identity.isEmpty, let note = try SystemAuditFiles().read(path, limit: SignedNote.longest),
            let size = AuditPlace.size(in: note)
        else { return }
        let least = max(known, UInt64(clamping: meta.log.size))
        guard size >= least else { throw Apart.logRolledBack("\(size) of \(least) entries are signed", at: path) }
    }

    /// Throws if the log is older than the registry, or belongs to another.
    ///
    /// - Parameter known: The number of entries it is known to have.
    func checkLog(_ meta: RegistryMeta, known: UInt64) throws(AgentIDError) {
        guard !meta.log.identity.isEmpty else { return }
        let identity = try AuditIdentity(
            reading: directory.auditPath, origin: AuditIdentity.origin(of: TrustDomain(meta.trustDomain)),
            files: SystemAuditFiles())
        guard let identity else { throw Apart.log("the log of this registry is gone", at: directory.auditPath) }
        guard identity.name.isSame(as: meta.log.identity) else {
            throw Apart.log("it is not the log of this registry", at: directory.auditPath)
        }
        if let failure { throw failure }
        let least = max(known, UInt64(clamping: meta.log.size))
        guard size >= least else {
            throw Apart.logRolledBack("\(size) of \(least) entries are left", at: directory.auditPath)
        }
    }
}
