internal import CProcess
internal import CSQLite
internal import Glibc
internal import StrictJSON

/// One connection to SQLite, and the only file that calls it. One thread at a time: whoever has it holds a lock.
@safe final class SQLite {
    enum Access {
        case create, write, read
        /// Reads the file alone, without its `-wal`: no lock is taken.
        case fileAlone
    }

    /// A value for a parameter.
    enum Value {
        case null
        case int(Int64)
        case text(String)
        case blob([UInt8])

        static func optional(_ value: Int64?) -> Value { value.map { .int($0) } ?? .null }
        static func optional(_ value: String?) -> Value { value.map { .text($0) } ?? .null }
    }

    // SAFETY: opened by init, closed by deinit after the statements that were prepared on it.
    private let database: OpaquePointer
    private var statements: [ExactText: OpaquePointer] = unsafe [:]
    private let place: String

    /// Opens a database; in memory for `nil`.
    ///
    /// - Parameter path: absolute and without symbolic links, which are refused.
    init(path: String?, _ access: Access, busyMilliseconds: Int32) throws(AgentIDError) {
        var flags = SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE
        switch access {
        case .create: flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        case .write: flags |= SQLITE_OPEN_READWRITE
        case .read: flags |= SQLITE_OPEN_READONLY
        case .fileAlone: flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
        }
        place = path ?? "registry in memory"
        var opened: OpaquePointer?
        let name = access == .fileAlone ? "file:\(Self.escaped(place))?immutable=1" : path ?? ":memory:"
        let status = unsafe sqlite3_open_v2(name, &opened, flags, nil)
        guard status == SQLITE_OK, let opened = unsafe opened else {
            let error = unsafe Self.failure(status, opened, place)
            _ = unsafe sqlite3_close_v2(opened)
            throw error
        }
        unsafe database = opened
        _ = unsafe sqlite3_busy_timeout(database, busyMilliseconds)
        _ = unsafe csqlite_defend(database)
        // Leaves the `-wal` as it is when this is closed. To take it in, SQLite keeps all others from opening for a moment,
        // which never ends where the process is stopped in it; and it may not belong to the file.
        _ = unsafe csqlite_keep_log(database)
        _ = unsafe sqlite3_limit(database, SQLITE_LIMIT_LENGTH, 16 << 20)
        _ = unsafe sqlite3_limit(database, SQLITE_LIMIT_ATTACHED, 0)
        // The file is input like any other; mmap would turn a truncated one into SIGBUS.
        try script("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA foreign_keys=ON")
        // What a savepoint takes back is kept here, not in a file of the system's: that holds rows of the registry, and its
        // disk may be full.
        try script("PRAGMA temp_store=MEMORY")
    }

    /// A path as it is written in a URI.
    private static func escaped(_ path: String) -> String {
        path.utf8.map { byte in
            switch byte {
            case 0x61...0x7A, 0x41...0x5A, 0x30...0x39, 0x2D, 0x2E, 0x2F, 0x5F: String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }.joined()
    }

    deinit {
        for unsafe(_, statement) in unsafe statements { _ = unsafe sqlite3_finalize(statement) }
        _ = unsafe sqlite3_close_v2(database)
    }

    /// Sets the time that a statement waits for another connection's lock.
    func wait(milliseconds: Int32) { _ = unsafe sqlite3_busy_timeout(database, milliseconds) }

    /// Makes what stands in the file durable.
    func sync() throws(AgentIDError) {
        let status = unsafe csqlite_sync(database)
        guard status == SQLITE_OK else { throw failure(status) }
    }

    /// Whether there is a table in it.
    var hasTables: Bool {
        get throws(AgentIDError) {
            try number("SELECT count(*) FROM sqlite_schema") ?? 0 > 0
        }
    }

    /// The number of rows changed since it was opened.
    var changed: Int64 { unsafe sqlite3_total_changes64(database) }

    /// When the files last changed, as far as the pages in memory are concerned.
    private var seen = SIMD2<Int64>.zero

    /// Forgets pages in memory that were read before the files changed: SQLite notices what its own writers did only.
    func readAnew(since changed: SIMD2<Int64>) {
        guard changed != seen else { return }
        seen = changed
        _ = unsafe sqlite3_db_release_memory(database)
    }

    /// Runs several statements of our own that return nothing.
    func script(_ sql: String) throws(AgentIDError) {
        let status = unsafe sqlite3_exec(database, sql, nil, nil, nil)
        guard status == SQLITE_OK else { throw failure(status) }
    }

    /// Runs one statement and returns how many rows it changed.
    @discardableResult func run(_ sql: String, _ values: Value...) throws(AgentIDError) -> Int {
        _ = try query(sql, values) { _ throws(AgentIDError) in }
        return unsafe Int(sqlite3_changes64(database))
    }

    /// Runs one statement and reads each row it returns.
    func rows<Element>(
        _ sql: String, _ values: Value..., read: (Row) throws(AgentIDError) -> Element
    ) throws(AgentIDError) -> [Element] { try query(sql, values, read: read) }

    /// Runs one statement and reads the first row it returns.
    func first<Element>(
        _ sql: String, _ values: Value..., read: (Row) throws(AgentIDError) -> Element
    ) throws(AgentIDError) -> Element? { try query(sql, values, read: read).first }

    /// Runs one statement and reads the number that its first row begins with; `nil` where it returns no row.
    func number(_ sql: String, _ values: Value...) throws(AgentIDError) -> Int64? {
        try query(sql, values) { row throws(AgentIDError) in try row.int(0) }.first
    }

    /// Runs one statement; whether it returns a row.
    func hasRow(_ sql: String, _ values: Value...) throws(AgentIDError) -> Bool {
        try !query(sql, values) { _ throws(AgentIDError) in }.isEmpty
    }

    func query<Element>(
        _ sql: String, _ values: [Value], read: (Row) throws(AgentIDError) -> Element
    ) throws(AgentIDError) -> [Element] {
        let statement = unsafe try bound(sql, values)
        defer { unsafe leave(statement) }
        var found: [Element] = []
        while unsafe try hasNext(statement) { found.append(try read(unsafe Row(statement: statement, place: place))) }
        return found
    }

    // What does not depend on the element is made once, not for each that is read.

    @inline(never) private func bound(_ sql: String, _ values: [Value]) throws(AgentIDError) -> OpaquePointer {
        let statement = unsafe try prepared(sql)
        for (i, value) in values.enumerated() {
            let status = unsafe bind(value, to: Int32(i + 1), of: statement)
            guard status == SQLITE_OK else {
                defer { unsafe leave(statement) }
                throw failure(status)
            }
        }
        return unsafe statement
    }

    @inline(never) private func hasNext(_ statement: OpaquePointer) throws(AgentIDError) -> Bool {
        let status = unsafe sqlite3_step(statement)
        guard status == SQLITE_ROW || status == SQLITE_DONE else { throw failure(status) }
        return status == SQLITE_ROW
    }

    @inline(never) private func leave(_ statement: OpaquePointer) {
        _ = unsafe sqlite3_reset(statement)
        _ = unsafe sqlite3_clear_bindings(statement)
    }

    /// Runs `body` between BEGIN and COMMIT; takes everything back where it throws or cannot be committed.
    func transaction<Result>(_ begin: String, _ body: () throws -> Result) throws(AgentIDError) -> Result {
        try bracketed(begin, "COMMIT", orElse: ["ROLLBACK"], body)
    }

    /// Runs `body` in a transaction; takes back what it did where it throws, and nothing else.
    func savepoint<Result>(_ body: () throws -> Result) throws(AgentIDError) -> Result {
        try bracketed("SAVEPOINT part", "RELEASE part", orElse: ["ROLLBACK TO part", "RELEASE part"], body)
    }

    private func bracketed<Result>(
        _ begin: String, _ end: String, orElse undo: [String], _ body: () throws -> Result
    ) throws(AgentIDError) -> Result {
        try run(begin)
        isInDoubt = false
        do {
            let result = try body()
            try finish(end)
            return result
        } catch {
            throw takenBack(undo, after: error)
        }
    }

    /// Whether the last transaction failed when all of it may have been in the log already, as where that could not be synced.
    /// Nobody sees it now, but who opens the registry after all have closed it takes it for committed, until another
    /// transaction is written over it.
    private(set) var isInDoubt = false

    @inline(never) private func finish(_ end: String) throws(AgentIDError) {
        do throws(AgentIDError) { try run(end) } catch {
            let (status, number) = unsafe (sqlite3_extended_errcode(database), sqlite3_system_errno(database))
            isInDoubt = !Self.isForWantOfRoom(status, number)
            throw error
        }
    }

    /// Whether a write failed as there is no room: what it was to end is not in the file.
    private static func isForWantOfRoom(_ status: Int32, _ number: Int32) -> Bool {
        // SQLITE_IOERR_WRITE does not always say that it was for want of room.
        if status & 0xFF == SQLITE_FULL { return true }
        guard status == SQLITE_IOERR | 3 << 8 else { return false }
        switch number {
        case 0, ENOSPC, EDQUOT, EFBIG: return true
        default: return false
        }
    }

    @inline(never) private func takenBack(_ undo: [String], after error: any Error) -> AgentIDError {
        // Some failures have rolled back already.
        for step in undo where isInTransaction { _ = try? run(step) }
        return error as? AgentIDError ?? AgentIDError(.internal, name: "transaction", message: "\(error)", at: place)
    }

    var isInTransaction: Bool { unsafe sqlite3_get_autocommit(database) == 0 }

    private func prepared(_ sql: String) throws(AgentIDError) -> OpaquePointer {
        if let statement = unsafe statements[sql.exact] { return unsafe statement }
        var statement: OpaquePointer?
        let status = unsafe sqlite3_prepare_v3(
            database, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard status == SQLITE_OK, let statement = unsafe statement else { throw failure(status) }
        unsafe statements[sql.exact] = statement
        return unsafe statement
    }

    private func bind(_ value: Value, to index: Int32, of statement: OpaquePointer) -> Int32 {
        switch value {
        case .null: return unsafe sqlite3_bind_null(statement, index)
        case .int(let value): return unsafe sqlite3_bind_int64(statement, index, value)
        case .text(var text):
            return text.withUTF8 { utf8 in
                unsafe utf8.withMemoryRebound(to: CChar.self) {
                    // An empty text may have no address, which would bind NULL.
                    guard let start = $0.baseAddress else { return unsafe csqlite_bind_text(statement, index, "", 0) }
                    return unsafe csqlite_bind_text(statement, index, start, $0.count)
                }
            }
        case .blob(let bytes):
            return unsafe bytes.withUnsafeBytes { bytes in
                guard let start = bytes.baseAddress else { return unsafe sqlite3_bind_zeroblob(statement, index, 0) }
                return unsafe csqlite_bind_blob(statement, index, start, bytes.count)
            }
        }
    }
}

// MARK: Rows

extension SQLite {
    /// The row a statement stands on. A column of another type than ours is a damaged file, not a zero.
    @safe struct Row {
        // SAFETY: used only in the call it is lent to, in which the statement is not stepped.
        fileprivate let statement: OpaquePointer
        fileprivate let place: String

        func int(_ column: Int32) throws(AgentIDError) -> Int64 {
            guard unsafe sqlite3_column_type(statement, column) == SQLITE_INTEGER else { throw mistyped(column) }
            return unsafe sqlite3_column_int64(statement, column)
        }

        func text(_ column: Int32) throws(AgentIDError) -> String {
            guard unsafe sqlite3_column_type(statement, column) == SQLITE_TEXT else { throw mistyped(column) }
            guard let start = unsafe sqlite3_column_text(statement, column) else { throw mistyped(column) }
            let count = unsafe Int(sqlite3_column_bytes(statement, column))
            // SQLite keeps any bytes as text; a text that was repaired would be another one.
            guard let text = unsafe String(validating: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
            else { throw mistyped(column) }
            return text
        }

        func blob(_ column: Int32) throws(AgentIDError) -> [UInt8] {
            guard unsafe sqlite3_column_type(statement, column) == SQLITE_BLOB else { throw mistyped(column) }
            guard let start = unsafe sqlite3_column_blob(statement, column) else { return [] }
            let count = unsafe Int(sqlite3_column_bytes(statement, column))
            return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
        }

        /// Bytes that stand there as a text or as such.
        func bytes(_ column: Int32) throws(AgentIDError) -> [UInt8] {
            let type = unsafe sqlite3_column_type(statement, column)
            return type == SQLITE_TEXT ? Array(try text(column).utf8) : try blob(column)
        }

        func optionalBytes(_ column: Int32) throws(AgentIDError) -> [UInt8]? {
            isNull(column) ? nil : try bytes(column)
        }

        func optionalInt(_ column: Int32) throws(AgentIDError) -> Int64? { isNull(column) ? nil : try int(column) }

        func optionalText(_ column: Int32) throws(AgentIDError) -> String? { isNull(column) ? nil : try text(column) }

        /// A text that is one of ours.
        func named<Name: RawRepresentable<String>>(_ column: Int32) throws(AgentIDError) -> Name {
            guard let name = Name(rawValue: try text(column)) else { throw mistyped(column) }
            return name
        }

        private func isNull(_ column: Int32) -> Bool {
            unsafe sqlite3_column_type(statement, column) == SQLITE_NULL
        }

        func mistyped(_ column: Int32) -> AgentIDError {
            let name = unsafe sqlite3_column_name(statement, column).map { unsafe String(cString: $0) } ?? "\(column)"
            return SQLite.corrupt("column \(name) holds what cannot stand there", place)
        }
    }
}

// MARK: Errors

extension SQLite {
    static func corrupt(_ what: String, _ place: String) -> AgentIDError {
        AgentIDError(
            .malformed, name: "registry_corrupt",
            message: "the registry is damaged (\(what)): stop what uses it and restore it from a backup", at: place)
    }

    private func failure(_ status: Int32) -> AgentIDError { unsafe Self.failure(status, database, place) }

    private static func failure(_ status: Int32, _ database: OpaquePointer?, _ place: String) -> AgentIDError {
        func error(_ code: AgentIDError.Code, _ name: String, _ message: String) -> AgentIDError {
            AgentIDError(code, name: name, message: message, at: place)
        }
        let detail = unsafe database.map { unsafe String(cString: sqlite3_errmsg($0)) } ?? "code \(status)"
        func full(_ what: String) -> AgentIDError {
            error(.io, "disk_full", "\(what): make room and try again; nothing was changed")
        }
        let number = unsafe database.map { unsafe sqlite3_system_errno($0) } ?? 0
        let reason = number == 0 ? "\(detail), code \(status)" : unsafe String(cString: strerror(number))
        switch status & 0xFF {
        // SQLITE_IOERR_SHORT_READ: SQLite reads a file that is too short as zeros, except for the log; where that is gone, it makes
        // an empty one.
        case SQLITE_IOERR where status >> 8 == 2:
            return Apart.registry("registry.db-wal was removed, replaced or cut short", at: place + "-wal")
        case SQLITE_FULL: return full("the disk is full")
        case SQLITE_READONLY, SQLITE_PERM:
            return error(
                .io, "read_only", "the registry cannot be written: make file and directory writable by their owner")
        case SQLITE_CORRUPT, SQLITE_NOTADB: return corrupt(detail, place)
        // All SQL is ours: what it does not find is missing from the file.
        case SQLITE_ERROR: return corrupt(detail, place)
        case SQLITE_BUSY, SQLITE_LOCKED:
            return error(
                .io, "registry_busy",
                "\(LockHolder.name(of: place + "-shm") ?? "another process") kept the registry locked: end that process, "
                    + "or try again")
        case SQLITE_CANTOPEN where number == ENOENT && Files.exists(place):
            // What is missing is the memory that processes share, and it cannot be made.
            return error(
                .io, "read_only", "the registry's directory cannot be written: make it, and its disk, writable")
        case SQLITE_CANTOPEN:
            return error(
                .io, "file",
                status == SQLITE_CANTOPEN | 6 << 8  // SQLITE_CANTOPEN_SYMLINK
                    ? "the registry is a symbolic link, which is not followed"
                    : "the registry cannot be opened: \(reason); see that it is there and whose"
            )
        // Opening its log drops no lock of SQLite's, as opening the registry itself would.
        case SQLITE_IOERR where number == EROFS || DiskFailure.isReadOnly(place + "-wal"):
            return error(
                .io, "read_only",
                "the registry cannot be written: its disk is mounted read-only: make it writable and try again")
        // SQLITE_IOERR_WRITE and _SHMSIZE do not always say that it was for want of room.
        case SQLITE_IOERR
        where [ENOSPC, EDQUOT, EFBIG].contains(number) || number == 0 && [3, 19].contains(status >> 8):
            return full(
                "the disk is full or has failed, or the registry's files may not grow: see ulimit -f (\(reason))")
        case SQLITE_IOERR:
            return error(.io, "file", "the registry cannot be read or written: \(reason); nothing was changed")
        case SQLITE_TOOBIG: return error(.limit, "record_too_large", "a record is larger than 16 MiB")
        case SQLITE_CONSTRAINT: return error(.exists, "registry_conflict", "the registry refuses a record: \(detail)")
        case SQLITE_NOMEM: return error(.internal, "memory", "there is no memory for the registry")
        default: return error(.io, "registry", "the registry failed: \(detail) (\(status))")
        }
    }
}
