internal import Glibc
internal import StrictJSON

// Finds, creates and upgrades a registry in a file.
extension SQLiteRegistry {
    static func connection(_ path: String, _ access: SQLite.Access) throws(AgentIDError) -> SQLite {
        let database = try SQLite(path: path, access, busyMilliseconds: 10_000)
        let mode = try walMode(of: database)
        guard mode == "wal" else {
            throw AgentIDError(
                .io, name: "no_wal", message: "the file system has no shared memory for the registry: use a local disk",
                at: path)
        }
        // FULL: anything less loses acknowledged rows in a power cut.
        try database.script("PRAGMA synchronous=FULL; PRAGMA journal_size_limit=\(SQLitePlace.logSize)")
        return database
    }

    /// Where another process looks at a new file just then, SQLite does not wait: this does.
    private static func walMode(of database: SQLite) throws(AgentIDError) -> String? {
        let deadline = MonotonicClock.milliseconds + 10_000
        while true {
            do throws(AgentIDError) {
                return try database.first("PRAGMA journal_mode=WAL") { row throws(AgentIDError) in try row.text(0) }
            } catch {
                guard error.name == "registry_busy", MonotonicClock.milliseconds < deadline else { throw error }
            }
            usleep(1000)
        }
    }

    /// Refuses a file that another user could have changed.
    static func check(_ path: String, isWriter: Bool) throws(AgentIDError) {
        // Also finds whatever replaces a neighbouring file that SQLite opens by itself.
        for suffix in ["", "-wal", "-shm", "-journal"] {
            try Files.checkIfPresent(path + suffix, isReader: !isWriter, forbidden: isWriter ? 0o077 : 0o022)
        }
    }

    static func isEmpty(_ database: SQLite) throws(AgentIDError) -> Bool {
        for sql in ["SELECT count(*) FROM sqlite_schema", "PRAGMA application_id", "PRAGMA user_version"] {
            guard try database.number(sql) ?? 0 == 0 else { return false }
        }
        return true
    }

    static func create(
        in database: SQLite, trustDomain: TrustDomain, keys: () throws(AgentIDError) -> [KeyRecord]
    ) throws(AgentIDError) {
        try database.transaction("BEGIN IMMEDIATE") {
            // Another process may have been first.
            guard try isEmpty(database) else { return }
            try database.script("PRAGMA application_id=\(SQLiteSchema.applicationID)")
            try advance(database, from: 0)
            try database.run(
                "INSERT INTO meta (id, trust_domain, sequence, keys_sequence, epoch) VALUES (1, ?, 0, 0, ?)",
                .text(trustDomain.name), .text(RegistryEpoch.draw()))
            try SQLiteSession(database).replaceKeys(try keys())
        }
    }

    static func advance(_ database: SQLite, from version: Int64) throws(AgentIDError) {
        for migration in SQLiteSchema.migrations.dropFirst(Int(clamping: version)) { try database.script(migration) }
        try database.script("PRAGMA user_version=\(SQLiteSchema.version)")
    }

    /// Brings an older registry up to this version, in one transaction.
    static func migrate(_ database: SQLite, at path: String) throws(AgentIDError) {
        guard try version(of: database, at: path) < SQLiteSchema.version else { return }
        // Tables that others refer to are rebuilt; nothing else is read or written on this connection meanwhile.
        try database.script("PRAGMA foreign_keys=OFF")
        defer { try? database.script("PRAGMA foreign_keys=ON") }
        try database.transaction("BEGIN IMMEDIATE") {
            let version = try version(of: database, at: path)
            if version < SQLiteSchema.version { try advance(database, from: version) }
        }
    }

    static func refuseOtherVersions(_ database: SQLite, at path: String) throws(AgentIDError) {
        guard try version(of: database, at: path) == SQLiteSchema.version else {
            throw AgentIDError(
                .state, name: "older_registry",
                message:
                    "the registry is of an older version: open the authority once to bring it up to date, or after a "
                    + "restore run agentidctl restored, which does so too", at: path)
        }
    }

    static func version(of database: SQLite, at path: String) throws(AgentIDError) -> Int64 {
        let version = try database.number("PRAGMA user_version") ?? 0
        guard try database.number("PRAGMA application_id") == SQLiteSchema.applicationID, version > 0 else {
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
