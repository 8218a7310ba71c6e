internal import JOSE
internal import StrictJSON

/// The home of an authority: one directory that only its owner can write, shared by processes.
struct AuthorityDirectory: Sendable {
    let path: String
    /// The directory itself, where keys, journal and log are looked for: another one may have its name by now.
    let held: HeldDirectory

    /// Makes the directory if it does not exist, or checks it.
    ///
    /// - Parameter isNew: Whether an authority is to be created in it: then nothing else may be there.
    init(creating path: String, isNew: Bool) throws(AgentIDError) {
        // A link to the directory is the caller's own way of naming it; below it no link is followed.
        let place = Files.exists(path) ? try Files.resolve(path) : path
        if isNew { try Self.refuseUsed(place) }
        try Files.makeDirectory(place)
        try Files.makeDirectory("\(place)/keys")
        self.path = try Files.resolve(place)
        held = try HeldDirectory(self.path)
        // The lock may not be needed now; a planted file is detected anyway.
        try Files.checkIfPresent(lockPath, isReader: false)
    }

    static func missing(_ path: String) -> AgentIDError {
        lost(path)
            ?? AgentIDError(
                .notFound, name: "no_authority",
                message: "there is no authority in \(path): create it, or name the directory of one", at: "directory")
    }

    /// Refuses what names no directory, before files below it are asked for: they would be those of another one.
    static func check(_ path: String) throws(AgentIDError) {
        guard !path.isEmpty else {
            throw AgentIDError(
                .notFound, name: "no_authority", message: "an empty path names no directory", at: "directory")
        }
        guard !path.utf8.contains(0) else {
            throw AgentIDError(.argument, name: "directory", message: "a path has no NUL", at: "directory")
        }
    }

    /// The fault if only the registry of a directory is gone. Another one in its place would be read as a part of the right one,
    /// once that is put back: SQLite's files are found by their names.
    static func lost(_ path: String) -> AgentIDError? {
        guard Files.exists("\(path)/journal") || Files.exists("\(path)/audit/\(AuditIdentity.path)"),
            // After that: both are made after the registry, perhaps a moment ago.
            (try? holdsAuthority(path)) == false
        else { return nil }
        return Apart.registry("registry.db is gone, or empty, beside what belongs to it", at: "\(path)/registry.db")
    }

    /// Opens a directory for reading only.
    init(reading path: String) throws(AgentIDError) {
        try Self.check(path)
        guard try Files.isPresent("\(path)/registry.db") else {
            throw Self.missing(path)
        }
        self.path = try Files.resolve(path)
        held = try HeldDirectory(self.path, isReader: true)
    }

    /// Whether an authority was created in a directory, and not only begun.
    static func holdsAuthority(_ path: String) throws(AgentIDError) -> Bool {
        try check(path)
        guard try Files.isPresent("\(path)/registry.db") else { return false }
        let place = try Files.resolve(path)
        try Files.checkDirectory(place)
        return try SQLiteRegistry.exists("\(place)/registry.db")
    }

    /// The names that a begun authority may have left in a directory, each also with an ending of its own; and the
    /// names that file systems put into theirs.
    private static let names = [
        "registry.db", "keys", "audit", "lock", "sequence", "journal", "replay", "meters", "lost+found",
    ]

    /// Refuses a directory with other content: its mode and its content would become ours.
    private static func refuseUsed(_ path: String) throws(AgentIDError) {
        var strange = (try Files.names(in: path, isReader: false) ?? []).filter { name in
            !names.contains { ours in
                name.isSame(as: ours) || name.utf8.starts(with: "\(ours)-".utf8)
                    || name.utf8.starts(with: "\(ours).".utf8)
            }
        }
        if strange.isEmpty {
            let keys = try Files.names(in: "\(path)/keys", isReader: false) ?? []
            strange = keys.filter { name in
                !name.isSame(as: "digest")
                    && ![".jwk", ".new"].contains { name.utf8.reversed().starts(with: $0.utf8.reversed()) }
            }.map { "keys/\($0)" }
        }
        guard !strange.isEmpty else { return }
        let shown = strange.inOrder { $0.isBefore($1) }.prefix(3).joined(separator: ", ")
        throw AgentIDError(
            .state, name: "directory_in_use",
            message: "\(path) holds other things (\(shown)\(strange.count > 3 ? ", ..." : "")): "
                + "name a directory that is empty or not there yet; nothing was changed",
            at: path)
    }

    var replayPath: String { "\(path)/replay" }

    var metersPath: String { "\(path)/meters" }

    var journalPath: String { "\(path)/journal" }

    var lockPath: String { "\(path)/lock" }

    var journal: Journal { Journal(path: journalPath, lock: lockPath, in: held) }

    /// Runs `body` under the lock of rare work.
    func withLock<Result>(_ body: () throws(AgentIDError) -> Result) throws(AgentIDError) -> Result {
        try Files.withLock(lockPath, in: held, body)
    }

    var auditPath: String { "\(path)/audit" }

    /// Also where that cannot be found out: events that nobody logs would be lost.
    var hasAuditLog: Bool { !Files.isAbsent(auditPath) }

    var logKeyPath: String { "\(path)/keys/log.jwk" }

    var parkingKeyPath: String { "\(path)/keys/parking.jwk" }

    var digestKeyPath: String { "\(path)/keys/digest" }

    /// Makes the key for the digests of arguments in the audit log, if there is none yet.
    ///
    /// - Parameter mayBeNew: is false beside a log that has begun: under another key, the arguments of its entries would
    ///   be said to be others.
    func makeDigestKey(mayBeNew: Bool) throws(AgentIDError) {
        guard try !Files.isPresent(digestKeyPath, in: held) else { return try Self.checkDigestKey(digestKeyPath) }
        guard mayBeNew else { throw Self.lostKey(digestKeyPath) }
        try withLock { () throws(AgentIDError) in
            guard try !Files.isPresent(digestKeyPath, in: held) else { return }
            var bytes = Sodium.randomBytes(16)
            defer { Sodium.wipe(&bytes) }
            try Files.replace(digestKeyPath, with: bytes.span, in: held)
        }
    }

    /// Refuses a file that does not hold such a key: entries without digests would not show that something is wrong.
    static func checkDigestKey(_ path: String) throws(AgentIDError) {
        var bytes = try Files.read(path, isSecret: true)
        defer { Sodium.wipe(&bytes) }
        guard bytes.count == 16 else { throw notADigestKey(path, bytes.count) }
    }

    private static func notADigestKey(_ path: String, _ count: Int) -> AgentIDError {
        AgentIDError(
            .malformed, name: "key_file",
            message: "\(path) has \(count) bytes, not 16: restore it from a backup of this directory", at: path)
    }

    /// A key of the audit log that is not there, though the log has begun.
    static func lostKey(_ path: String) -> AgentIDError {
        AgentIDError(
            .notFound, name: "key_missing",
            message:
                "the audit log has begun, and \(path) is missing: restore it from a backup of this directory; without one, "
                + "move audit away, keep it, and run: agentidctl restored", at: path)
    }

    /// Reads the key; `nil` for a user who may not, and where there is none. Throws where it cannot be read now: entries
    /// without digests would not show that something is wrong.
    func digestKey() throws(AgentIDError) -> GuardedBytes? {
        var bytes: [UInt8]
        do throws(AgentIDError) {
            guard try Files.isPresent(digestKeyPath) else { return nil }
            bytes = try Files.read(digestKeyPath, isSecret: true)
        } catch {
            guard PermissionDenied.isMeant(by: error) else { throw error }
            return nil
        }
        defer { Sodium.wipe(&bytes) }
        guard bytes.count == 16 else { throw Self.notADigestKey(digestKeyPath, bytes.count) }
        guard let key = GuardedBytes(count: 16) else { throw AgentIDError(.noMemory("a key"), at: digestKeyPath) }
        unsafe key.withUnsafeMutableBytes { buffer in
            for i in bytes.indices { unsafe buffer[i] = bytes[i] }
        }
        return key
    }

    func keyPath(_ key: PublicKey) -> String { "\(path)/keys/\(key.thumbprint).jwk" }

    /// Creates the registry, unless another process was faster.
    func createRegistry(of trustDomain: TrustDomain, key: () throws(AgentIDError) -> PublicKey) throws(AgentIDError) {
        // First: files synced in a directory are lost if the directory is.
        try Files.syncName(of: path)
        try withLock { () throws(AgentIDError) in
            try SQLiteRegistry.create("\(path)/registry.db", trustDomain: trustDomain) { () throws(AgentIDError) in
                [KeyRecord(key: try key(), role: .active)]
            }
        }
    }

    /// Opens a registry that may be older than the files next to it.
    func openRestored(_ access: SQLite.Access) throws(AgentIDError) -> SQLiteRegistry {
        let page: SharedSequence
        do throws(AgentIDError) { page = try SharedSequence(path: "\(path)/sequence", isWriter: access != .read) } catch
        {
            // Who only looks makes none.
            guard access == .read else { throw error }
            page = try SharedSequence()
        }
        return try SQLiteRegistry.open("\(path)/registry.db", access: access, page: page, isRestored: true)
    }

    /// Opens the registry to write it; for reading only, if that is enough and its disk is read-only.
    func openRegistry(onlyReads: Bool) throws(AgentIDError) -> SQLiteRegistry {
        do throws(AgentIDError) { return try openRegistry(.write) } catch {
            guard onlyReads, error.name.isSame(as: "read_only") else { throw error }
            return try openRegistry(.read)
        }
    }

    /// Opens the registry; refuses one that is older than the files next to it.
    func openRegistry(_ access: SQLite.Access) throws(AgentIDError) -> SQLiteRegistry {
        let page = try SharedSequence(path: "\(path)/sequence", isWriter: access != .read)
        let witness = LogWitness(in: self)
        let registry = try SQLiteRegistry.open("\(path)/registry.db", access: access, page: page)
        try witness.checkRegistry(try registry.read { try $0.meta() })
        guard FileIdentity(at: path) == held.identity else {
            throw Apart.directory(path, "was replaced while it was opened")
        }
        return registry
    }
}
