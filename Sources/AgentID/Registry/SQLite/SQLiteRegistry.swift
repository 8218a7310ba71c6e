internal import CProcess
internal import Glibc
internal import JOSE
internal import StrictJSON
internal import Synchronization

/// A registry in one SQLite file. One connection writes; one reads beside it; long reads have one of their own.
final class SQLiteRegistry: Registry {
    private let writer: Locked<SQLite>?
    private let reader: Locked<SQLite>
    private let writes = GroupedWrites()
    private let page: SharedSequence
    private let place: SQLitePlace
    /// Drawn when it was made.
    private let epoch: ExactText
    /// The number of transactions seen.
    private let seen: Atomic<Int64>
    /// The turns of the file `meters` that it knew of when it was opened: `sequence` may have been put back.
    private let meterTurns: UInt64
    /// Whether what it says is not held against what is known of it.
    private let isRestored: Bool

    private init(
        writer: SQLite?, reader: SQLite, page: SharedSequence, place: SQLitePlace, meta: RegistryMeta, isRestored: Bool
    ) {
        self.isRestored = isRestored
        self.writer = writer.map { Locked($0) }
        self.reader = Locked(reader)
        (self.page, self.place) = (page, place)
        epoch = meta.epoch.exact
        seen = Atomic(meta.writes)
        meterTurns = UInt64(clamping: meta.meterTurns)
    }

    /// Takes the log into the file, as far as nobody reads it: SQLite would do so with a lock that keeps all others from
    /// opening it.
    deinit {
        guard let writer, !isBroken, (try? place.look(isWriter: true)) != nil else { return }
        writer.withLock { _ = try? $0.script("PRAGMA wal_checkpoint(PASSIVE)") }
    }

    /// Opens the registry in a file.
    ///
    /// - Parameters:
    ///   - page: counts changes for every process that has the file open.
    ///   - isRestored: Whether it may be older than what is known of it: for who makes it the truth.
    static func open(
        _ path: String, access: SQLite.Access, page: SharedSequence, isRestored: Bool = false
    ) throws(AgentIDError) -> SQLiteRegistry {
        guard let file = FileIdentity(at: path) else { throw Files.failure("cannot open", path) }
        try check(path, isWriter: access != .read)
        // Before anything is opened that would take the log into the file.
        if !isRestored { try SQLitePlace.checkAlone(path, page) }
        var writer: SQLite?
        if access != .read {
            let database = try connection(path, .write)
            try migrate(database, at: path)
            writer = database
        }
        let reader = try SQLite(path: path, .read, busyMilliseconds: 1000)
        try refuseOtherVersions(reader, at: path)
        let least = page.reached(.writes)
        let meta = try SQLiteSession(reader).meta()
        let epoch = RegistryEpoch.words(meta.epoch)
        if isRestored { try SQLitePlace.refuseMixture(path, page, meta) }
        if !isRestored, let known = page.epoch {
            guard known == epoch else {
                throw Apart.registry("it is not the registry that the file `sequence` belongs to", at: path)
            }
            try refuseOlder(meta, than: least, at: path)
        }
        if !isRestored {
            page.adopt(epoch)
            page.reach(.writes, UInt64(clamping: meta.writes))
            page.reach(.meters, UInt64(clamping: meta.meterTurns))
        }
        let place = try SQLitePlace(of: path, database: file, page: page, isRestored: isRestored)
        return SQLiteRegistry(
            writer: writer, reader: reader, page: page, place: place, meta: meta, isRestored: isRestored)
    }

    static func refuseOlder(_ meta: RegistryMeta, than least: UInt64, at path: String) throws(AgentIDError) {
        guard UInt64(clamping: meta.writes) >= least else {
            throw Apart.rolledBack("it has seen \(meta.writes) of \(least) changes", at: path)
        }
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
        guard try Files.isPresent(path) else { return false }
        try check(path, isWriter: false)
        let database = try SQLite(path: path, .write, busyMilliseconds: 10_000)
        return try !isEmpty(database)
    }

    package func read<Result>(_ body: (any RegistryReader) throws -> Result) throws(AgentIDError) -> Result {
        try read(anew: place.isDue, body)
    }

    package func readAnew<Result>(_ body: (any RegistryReader) throws -> Result) throws(AgentIDError) -> Result {
        try read(anew: true, body)
    }

    package func readAside<Result>(_ body: (any RegistryReader) throws -> Result) throws(AgentIDError) -> Result {
        // Where none can be opened, as for want of descriptors, the one for decisions has to do.
        guard let own = try? SQLite(path: place.path, .read, busyMilliseconds: 1000) else { return try readAnew(body) }
        return try read(from: own, anew: true, body)
    }

    private func read<Result>(
        anew isDue: Bool, _ body: (any RegistryReader) throws -> Result
    ) throws(AgentIDError) -> Result {
        try reader.withLock { database throws(AgentIDError) in try read(from: database, anew: isDue, body) }
    }

    private func read<Result>(
        from database: SQLite, anew isDue: Bool, _ body: (any RegistryReader) throws -> Result
    ) throws(AgentIDError) -> Result {
        let session = SQLiteSession(database)
        guard !isRestored else { return try database.transaction("BEGIN") { try body(session) } }
        // Between two looks at the files, too, what is read is held against what was seen: they may have been written over.
        let least = isDue ? try look(at: database) : UInt64(clamping: seen.load(ordering: .acquiring))
        return try database.transaction("BEGIN") {
            try check(session, least, mends: isDue)
            return try body(session)
        }
    }

    package var isBroken: Bool { place.isBroken }

    /// Looks at the files, before a transaction begins: how many transactions it must have seen.
    private func look(at database: SQLite, isWriter: Bool = false) throws(AgentIDError) -> UInt64 {
        do throws(AgentIDError) {
            let changed = try place.look(isWriter: isWriter)
            // A writer's own transactions change the log's file, and it knows of those.
            database.readAnew(since: isWriter ? SIMD2(changed.x, 0) : changed)
        } catch {
            place.note(error)
            throw error
        }
        return max(page.reached(.writes), UInt64(clamping: seen.load(ordering: .acquiring)))
    }

    /// Refuses a registry that is not the one that was opened, or is older than it was.
    ///
    /// - Parameter mends: Whether its files were looked at, and found to be in their place.
    private func check(_ session: SQLiteSession, _ least: UInt64, mends: Bool = true) throws(AgentIDError) {
        try Self.refuseOtherVersions(session.database, at: place.path)
        let meta = try session.meta()
        do throws(AgentIDError) {
            guard meta.epoch.exact == epoch, page.epoch.map({ $0 == RegistryEpoch.words(meta.epoch) }) ?? true else {
                throw Apart.registry("another one, or one that was restored, is in its place", at: place.path)
            }
            try Self.refuseOlder(meta, than: least, at: place.path)
        } catch {
            place.note(error)
            throw error
        }
        seen.max(meta.writes, ordering: .acquiringAndReleasing)
        if mends { place.note(nil) }
    }

    /// Makes the marks those of a registry that began anew.
    func adopt(_ beginning: RegistryBeginning) {
        page.adopt(RegistryEpoch.words(beginning.epoch))
        page.reach(.writes, UInt64(clamping: beginning.writes))
        page.reach(.journal, beginning.journal.position)
        page.reach(.log, UInt64(clamping: beginning.log.size))
        page.advance()
    }

    package func announceElsewhere() { page.advance() }
    package func reached(_ mark: RegistryMark) -> UInt64 {
        _ = page.isInPlace
        return max(page.reached(mark), mark == .meters && !isRestored ? meterTurns : 0)
    }
    package func reach(_ mark: RegistryMark, _ value: UInt64) { page.reach(mark, value) }

    package func write<Result>(
        within milliseconds: Int, _ body: (any RegistryWriter) throws -> Result
    ) throws(AgentIDError) -> Result {
        guard let writer else {
            throw AgentIDError(.state, name: "read_only", message: "the registry was opened for reading")
        }
        var result: Result?
        // It is done, or was taken back, when `perform` returns.
        let failure: AgentIDError? = withoutActuallyEscaping(body) { body in
            let operation = GroupedWrites.Operation { result = try body($0) }
            do throws(AgentIDError) {
                try writes.perform(operation, within: milliseconds) { milliseconds, take throws(AgentIDError) in
                    try write(take, on: writer, within: milliseconds)
                }
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
        guard let result else { throw AgentIDError(.internal, name: "transaction", message: "it was not run") }
        return result
    }

    /// Runs what callers are to do as one transaction.
    private func write(
        _ take: () -> [GroupedWrites.Operation], on writer: Locked<SQLite>, within milliseconds: Int
    ) throws(AgentIDError) {
        let isDone: Void? = try writer.withLock(within: milliseconds) { database throws(AgentIDError) in
            database.wait(milliseconds: Int32(clamping: milliseconds))
            let least = try look(at: database, isWriter: true)
            let turns = isRestored ? 0 : page.reached(.meters)
            var operations: [GroupedWrites.Operation] = []
            do throws(AgentIDError) {
                let written = try database.transaction("BEGIN IMMEDIATE") {
                    let session = SQLiteSession(database)
                    if !isRestored { try check(session, least) }
                    operations = take()
                    var (isChanged, isAnnounced) = (false, false)
                    for operation in operations {
                        guard let done = try run(operation, on: database) else { continue }
                        (isChanged, isAnnounced) = (isChanged || done.isChanged, isAnnounced || done.isAnnounced)
                    }
                    return (writes: isChanged ? try session.countWrite(turns: turns) : nil, isAnnounced: isAnnounced)
                }
                if let writes = written.writes { page.reach(.writes, UInt64(clamping: writes)) }
                if written.isAnnounced { page.advance() }
                // What was committed to a file that has another's place by now is in force nowhere.
                do throws(AgentIDError) { _ = try place.look(isWriter: true) } catch {
                    place.note(error)
                    throw error
                }
            } catch {
                // Nothing of the transaction is kept, or is in force: that is the failure of all. A failure of one's
                // own may come from another's change, which never was.
                let failure = database.isInDoubt ? settled(error, on: database) : error
                for operation in operations { operation.error = failure }
                throw failure
            }
        }
        guard isDone != nil else { throw .registryBusy(at: "registry.db") }
    }

    /// Writes over what a failed commit may have left in the log. Returns its error, which says whether that is done.
    @inline(never) private func settled(_ error: AgentIDError, on database: SQLite) -> AgentIDError {
        do throws(AgentIDError) {
            // Whoever has the lock by now writes over it too, unless it takes that back.
            database.wait(milliseconds: 1000)
            try database.run("BEGIN IMMEDIATE")
            let writes = try SQLiteSession(database).countWrite(turns: 0)
            try database.run("COMMIT")
            page.reach(.writes, UInt64(clamping: writes))
            return error
        } catch {
            if database.isInTransaction { _ = try? database.run("ROLLBACK") }
            return AgentIDError(
                .io, name: "registry_in_doubt",
                message:
                    "the registry's disk failed at the last moment of a change: look whether it was made, before you "
                    + "repeat it", at: place.path)
        }
    }

    /// Does one caller's part; takes it back where it throws. Whether it changed something, and what guards must see.
    private func run(
        _ operation: GroupedWrites.Operation, on database: SQLite
    ) throws(AgentIDError) -> (isChanged: Bool, isAnnounced: Bool)? {
        let session = SQLiteSession(database)
        let before = database.changed
        do throws(AgentIDError) {
            try database.savepoint { try operation.run(in: session) }
            return (database.changed != before, session.isAnnounced)
        } catch {
            operation.error = error
            // Some failures, such as of the disk, take back the whole transaction.
            guard database.isInTransaction else { throw error }
            return nil
        }
    }

    package var changes: UInt64 { page.value }

    /// Reads every page, index and token; throws if a table is gone.
    func checkIntegrity() throws(AgentIDError) {
        let faults = try reader.withLock { database throws(AgentIDError) in
            try Self.checkTables(of: database)
            try SQLiteSession(database).checkTokens()
            return try database.rows("PRAGMA integrity_check(1)") { row throws(AgentIDError) in try row.text(0) }
        }
        guard faults.isSame(as: ["ok"]) else { throw SQLite.corrupt(faults.first ?? "no answer", "registry.db") }
    }
}

extension AgentIDError {
    /// Whether the change that this is the error of may come into force later.
    var isInDoubt: Bool { name.isSame(as: "registry_in_doubt") }
}
