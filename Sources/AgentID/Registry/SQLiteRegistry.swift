internal import CProcess
internal import Glibc
internal import JOSE

/// A registry in one SQLite file, or in memory. One connection writes; one reads beside it.
final class SQLiteRegistry: Registry {
    private let writer: Locked<SQLite>?
    private let reader: Locked<SQLite>
    private let page: SharedSequence

    /// A registry that lives as long as this object.
    init(inMemoryFor trustDomain: TrustDomain, keys: [KeyRecord]) throws(AgentIDError) {
        let database = try SQLite(path: nil, .create, busyMilliseconds: 0)
        try Self.create(in: database, trustDomain: trustDomain) { keys }
        reader = Locked(database)
        writer = reader
        page = try SharedSequence()
    }

    private init(writer: SQLite?, reader: SQLite, page: SharedSequence) {
        self.writer = writer.map { Locked($0) }
        self.reader = Locked(reader)
        self.page = page
    }

    /// Opens the registry in a file.
    ///
    /// - Parameter page: counts changes for every process that has the file open.
    static func open(_ path: String, access: SQLite.Access, page: SharedSequence) throws(AgentIDError) -> SQLiteRegistry
    {
        try check(path, isWriter: access != .read)
        var writer: SQLite?
        if access != .read {
            let database = try connection(path, .write)
            try migrate(database, at: path)
            writer = database
        }
        let reader = try SQLite(path: path, .read, busyMilliseconds: 1000)
        try refuseOtherVersions(reader, at: path)
        return SQLiteRegistry(writer: writer, reader: reader, page: page)
    }

    /// Creates the registry of a trust domain in a file; leaves one that is there as it is.
    static func create(_ path: String, trustDomain: TrustDomain, keys: () throws(AgentIDError) -> [KeyRecord])
        throws(AgentIDError)
    {
        // Made here, because SQLite would make it readable by others. Never opened twice: closing a file
        // drops the locks that SQLite has on it.
        do throws(AgentIDError) { _ = close(try Files.open(path, .createNew)) } catch {
            guard Files.exists(path) else { throw error }
        }
        try check(path, isWriter: true)
        let database = try connection(path, .write)
        try create(in: database, trustDomain: trustDomain, keys: keys)
    }

    /// Whether a file holds a registry, of whatever version; `false` also for what a creation that died left.
    static func exists(_ path: String) throws(AgentIDError) -> Bool {
        guard Files.exists(path) else { return false }
        try check(path, isWriter: false)
        return try !isEmpty(SQLite(path: path, .write, busyMilliseconds: 10_000))
    }

    package func read<Result>(_ body: (any RegistryReader) throws -> Result) throws(AgentIDError) -> Result {
        try reader.withLock { database throws(AgentIDError) in
            let session = SQLiteSession(database)
            return try database.transaction("BEGIN") { try body(session) }
        }
    }

    package func announceElsewhere() { page.advance() }

    package func write<Result>(
        within milliseconds: Int, _ body: (any RegistryWriter) throws -> Result
    ) throws(AgentIDError) -> Result {
        guard let writer else {
            throw AgentIDError(.state, name: "read_only", message: "the registry was opened for reading")
        }
        let deadline = MonotonicClock.milliseconds + Int64(milliseconds)
        let done = try writer.withLock(within: milliseconds) { database throws(AgentIDError) in
            let left = max(deadline - MonotonicClock.milliseconds, 0)
            database.wait(milliseconds: Int32(clamping: left))
            let session = SQLiteSession(database)
            let result = try database.transaction("BEGIN IMMEDIATE") { try body(session) }
            return (result, session.isAnnounced)
        }
        guard let (result, isAnnounced) = done else {
            throw AgentIDError(
                .io, name: "registry_busy",
                message: "another thread has the registry's write lock for too long: try again", at: "registry.db")
        }
        if isAnnounced { page.advance() }
        return result
    }

    package var changes: UInt64 { page.value }

    /// Reads every page and index, for `doctor`.
    func checkIntegrity() throws(AgentIDError) {
        let faults = try reader.withLock { database throws(AgentIDError) in
            try database.rows("PRAGMA integrity_check(1)") { row throws(AgentIDError) in try row.text(0) }
        }
        guard faults.isSame(as: ["ok"]) else { throw SQLite.corrupt(faults.first ?? "no answer", "registry.db") }
    }
}

// MARK: Opening

extension SQLiteRegistry {
    private static func connection(_ path: String, _ access: SQLite.Access) throws(AgentIDError) -> SQLite {
        let database = try SQLite(path: path, access, busyMilliseconds: 10_000)
        let mode = try database.first("PRAGMA journal_mode=WAL") { row throws(AgentIDError) in try row.text(0) }
        guard mode == "wal" else {
            throw AgentIDError(
                .io, name: "no_wal", message: "the file system has no shared memory for the registry: use a local disk",
                at: path)
        }
        // FULL: anything less loses acknowledged rows in a power cut.
        try database.script("PRAGMA synchronous=FULL; PRAGMA journal_size_limit=16777216")
        return database
    }

    /// Refuses a file that another user could have changed.
    private static func check(_ path: String, isWriter: Bool) throws(AgentIDError) {
        // What stands in for a file beside it that SQLite opens by itself is found too.
        for suffix in ["", "-wal", "-shm", "-journal"] {
            try Files.checkIfPresent(path + suffix, isReader: !isWriter, forbidden: isWriter ? 0o077 : 0o022)
        }
    }

    private static func isEmpty(_ database: SQLite) throws(AgentIDError) -> Bool {
        for sql in ["SELECT count(*) FROM sqlite_schema", "PRAGMA application_id", "PRAGMA user_version"] {
            guard try number(sql, database) == 0 else { return false }
        }
        return true
    }

    private static func number(_ sql: String, _ database: SQLite) throws(AgentIDError) -> Int64 {
        try database.first(sql) { row throws(AgentIDError) in try row.int(0) } ?? 0
    }

    private static func create(
        in database: SQLite, trustDomain: TrustDomain, keys: () throws(AgentIDError) -> [KeyRecord]
    ) throws(AgentIDError) {
        try database.transaction("BEGIN IMMEDIATE") {
            // Another process may have been first.
            guard try isEmpty(database) else { return }
            try database.script("PRAGMA application_id=\(SQLiteSchema.applicationID)")
            try advance(database, from: 0)
            try database.run(
                "INSERT INTO meta (id, trust_domain, sequence, keys_sequence) VALUES (1, ?, 0, 0)",
                .text(trustDomain.name))
            try SQLiteSession(database).replaceKeys(try keys())
        }
    }

    private static func advance(_ database: SQLite, from version: Int64) throws(AgentIDError) {
        for migration in SQLiteSchema.migrations.dropFirst(Int(clamping: version)) { try database.script(migration) }
        try database.script("PRAGMA user_version=\(SQLiteSchema.version)")
    }

    /// Brings an older registry up to this version, in one transaction.
    private static func migrate(_ database: SQLite, at path: String) throws(AgentIDError) {
        guard try version(of: database, at: path) < SQLiteSchema.version else { return }
        try database.transaction("BEGIN IMMEDIATE") {
            let version = try version(of: database, at: path)
            if version < SQLiteSchema.version { try advance(database, from: version) }
        }
    }

    private static func refuseOtherVersions(_ database: SQLite, at path: String) throws(AgentIDError) {
        guard try version(of: database, at: path) == SQLiteSchema.version else {
            throw AgentIDError(
                .state, name: "older_registry",
                message: "the registry is of an older version: open the authority once to bring it up to date", at: path
            )
        }
    }

    private static func version(of database: SQLite, at path: String) throws(AgentIDError) -> Int64 {
        let version = try number("PRAGMA user_version", database)
        guard try number("PRAGMA application_id", database) == SQLiteSchema.applicationID, version > 0 else {
            throw AgentIDError(
                .malformed, name: "no_registry", message: "the file is a database, but no registry: move it away",
                at: path)
        }
        guard version <= SQLiteSchema.version else {
            throw AgentIDError(
                .version, name: "newer_registry",
                message: "the registry has version \(version), this library reads up to \(SQLiteSchema.version): "
                    + "update the library", at: path)
        }
        return version
    }
}
