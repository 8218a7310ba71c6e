internal import CSQLite
internal import Glibc
internal import StrictJSON

/// One connection to SQLite, which nothing but this, its rows and its failures calls. One thread at a time: whoever has it holds
/// a lock.
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

    private func failure(_ status: Int32) -> AgentIDError { unsafe Self.failure(status, database, place) }

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
