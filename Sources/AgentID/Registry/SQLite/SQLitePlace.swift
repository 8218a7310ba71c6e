internal import Glibc
internal import Synchronization

/// The places of a registry's files, and whether they are still the files that were opened.
final class SQLitePlace: Sendable {
    /// The longest time that a replaced file is used unnoticed, in milliseconds.
    private static let interval: Int64 = 50
    /// The size to which SQLite truncates its log, in bytes, when it starts it again.
    static let logSize = 16 << 20
    /// The least size of SQLite's shared memory while anybody uses it, in bytes.
    private static let memorySize = 32 << 10

    let path: String
    private let directory: String
    private let page: SharedSequence
    private let opened: (directory: FileIdentity, database: FileIdentity, log: FileIdentity?, memory: FileIdentity?)
    private let lookedAt: Atomic<Int64>
    private let isApart = Atomic<Bool>(false)
    private let longestLog = Atomic<Int>(0)
    private let longest = Atomic<Int>(0)
    /// Whether the page names its registry; then it must keep naming it.
    private let isMarked: Bool
    private let marked = Atomic<UInt64>(0)
    /// The last change of the file that was examined alone.
    private let examined = Atomic<Int64>(.min)
    /// The same, once its count was announced.
    private let noted = Atomic<Int64>(.min)
    private let isRestored: Bool

    /// - Parameter database: The identity of the file before SQLite opened it.
    init(of path: String, database: FileIdentity, page: SharedSequence, isRestored: Bool) throws(AgentIDError) {
        (self.path, self.page, self.isRestored) = (path, page, isRestored)
        directory = Files.split(path).parent
        guard let place = FileIdentity(at: directory), FileIdentity(at: path) == database else {
            throw Apart.registry("registry.db was replaced while it was opened", at: path)
        }
        opened = (place, database, FileIdentity(at: "\(path)-wal"), FileIdentity(at: "\(path)-shm"))
        lookedAt = Atomic(MonotonicClock.milliseconds)
        isMarked = page.epoch != nil
    }

    /// Refuses, before it is opened, a file that alone is older than it is known to have been. If it cannot be read
    /// alone, its content with its `-wal` decides: when there was no room to bring it up to date, half of it is newer.
    static func checkAlone(_ path: String, _ page: SharedSequence) throws(AgentIDError) {
        let least = page.reached(.database)
        guard least > 0 else { return }
        // While SQLite works on its log, the file may have to be read again.
        for turn in 0..<10 {
            if turn > 0 { usleep(10_000) }
            guard let (epoch, writes) = alone(path, syncedFrom: .max) else { continue }
            // Another registry's file is refused as such.
            guard page.epoch == RegistryEpoch.words(epoch) else { return }
            return try refuseOlder(writes, than: least, path)
        }
    }

    /// Refuses a file that makes a mixture with the `-wal` of another time beside it, for who would make that the truth: by itself
    /// it is older than it has been, and together they claim to be as new. Rows of it may refer to what is not there.
    static func refuseMixture(_ path: String, _ page: SharedSequence, _ meta: RegistryMeta) throws(AgentIDError) {
        let least = page.reached(.database)
        guard least <= UInt64(clamping: meta.writes), let (epoch, writes) = alone(path, syncedFrom: .max),
            writes < least,
            page.epoch == RegistryEpoch.words(epoch)
        else { return }
        throw Apart.rolledBack(
            "registry.db is of another time than its -wal: put registry.db, -wal and -shm of one time there, or registry.db "
                + "alone if it is a complete copy", at: path)
    }

    private static func refuseOlder(_ writes: UInt64, than least: UInt64, _ path: String) throws(AgentIDError) {
        guard writes >= least else {
            throw Apart.rolledBack(
                "registry.db has seen \(writes) of \(least) changes, without its -wal, which is newer", at: path)
        }
    }

    /// The file's registry and the number of its transactions, without its `-wal`; made durable from a count on. `nil`
    /// if it cannot be read now.
    private static func alone(_ path: String, syncedFrom count: UInt64) -> (epoch: String, writes: UInt64)? {
        do throws(AgentIDError) {
            let database = try SQLite(path: path, .fileAlone, busyMilliseconds: 0)
            // All of a new registry may still be in its log.
            guard try database.hasTables else { return nil }
            let meta = try SQLiteSession(database).meta()
            let writes = UInt64(clamping: meta.writes)
            if writes >= count { try database.sync() }
            return (meta.epoch, writes)
        } catch { return nil }
    }

    /// Examines registry.db alone. If somebody puts an older one beneath a newer `-wal`, the result is a mixture of
    /// both that claims to be the newer. If it cannot be read now, the next look examines it.
    ///
    /// - Parameter notes: Whether to announce the count found, which takes a sync: a power cut must not leave the
    ///   announcement without the data.
    private func examine(changed: Int64, notes: Bool) throws(AgentIDError) {
        guard !isRestored else { return }
        let (examinedAt, notedAt) = (examined.load(ordering: .acquiring), noted.load(ordering: .acquiring))
        guard examinedAt != changed || notes && notedAt != changed else { return }
        // Before the file, which others may bring up to date meanwhile.
        let least = page.reached(.database)
        guard let (_, writes) = Self.alone(path, syncedFrom: notes ? least &+ 1 : .max) else { return }
        try Self.refuseOlder(writes, than: least, path)
        if notes {
            page.reach(.database, writes)
            noted.store(changed, ordering: .releasing)
        }
        examined.store(changed, ordering: .releasing)
    }

    /// Whether a look is due and this caller should do it; always `true` while something is wrong.
    var isDue: Bool {
        if isApart.load(ordering: .relaxed) { return true }
        let (now, looked) = (MonotonicClock.milliseconds, lookedAt.load(ordering: .relaxed))
        return now - looked >= Self.interval
            && lookedAt.compareExchange(expected: looked, desired: now, ordering: .relaxed).exchanged
    }

    /// Whether the last look found something wrong.
    var isBroken: Bool { isApart.load(ordering: .acquiring) }

    /// Records what is wrong, including with the files' content; `nil`: nothing.
    func note(_ breach: AgentIDError?) {
        let wasBroken = isApart.exchange(breach != nil, ordering: .acquiringAndReleasing)
        guard wasBroken != (breach != nil) else { return }
        if let breach {
            ProcessLog.write(.error, .directory, breach.name, "nothing is permitted by \(path): \(breach.message)")
        } else {
            ProcessLog.write(.info, .directory, "directory_back", "\(path) is what it was again")
        }
    }

    /// The time of the files' last change; throws if one is not the file that was opened.
    ///
    /// - Parameter isWriter: Whether the caller may wait for the disk.
    func look(isWriter: Bool = false) throws(AgentIDError) -> SIMD2<Int64> {
        // Before the look: another thread may see the files grow after it.
        let (least, leastLog) = (longest.load(ordering: .acquiring), longestLog.load(ordering: .acquiring))
        let known = marked.load(ordering: .acquiring)
        // Before anything reads it.
        let isPageInPlace = page.isInPlace
        guard let place = try FileLook.find(directory)?.identity else {
            throw Apart.directory(directory, "is not under its name any more")
        }
        guard place == opened.directory else { throw Apart.directory(directory, "is another one than it was") }
        guard let database = try FileLook.find(path), database.identity == opened.database else {
            throw Apart.registry("registry.db was removed or replaced", at: path)
        }
        // None of its room is ever returned to the disk.
        guard database.size >= least else {
            throw Apart.registry("registry.db was cut short, or written over", at: path)
        }
        longest.max(database.size, ordering: .releasing)
        try examine(changed: database.changed, notes: isWriter)
        guard isPageInPlace, !isMarked || page.epoch != nil, page.reached(.writes) >= known else {
            throw Apart.registry("the file `sequence` was removed, replaced or cut short", at: "\(directory)/sequence")
        }
        marked.max(page.reached(.writes), ordering: .releasing)
        let log = try FileLook.find("\(path)-wal")
        guard opened.log == nil || log?.identity == opened.log else {
            throw Apart.registry("registry.db-wal was removed or replaced", at: "\(path)-wal")
        }
        let memory = try FileLook.find("\(path)-shm")
        guard opened.memory == nil || memory?.identity == opened.memory else {
            throw Apart.registry("registry.db-shm was removed or replaced", at: "\(path)-shm")
        }
        // SQLite has it mapped, and would be ended by SIGBUS.
        guard opened.memory == nil || (memory?.size ?? 0) >= Self.memorySize else {
            throw Apart.registry("registry.db-shm was cut short", at: "\(path)-shm")
        }
        let size = log?.size ?? 0
        // It is reused from its start, and truncated to no less than this.
        guard size >= min(leastLog, Self.logSize) else {
            throw Apart.registry("registry.db-wal was cut short", at: "\(path)-wal")
        }
        longestLog.max(size, ordering: .releasing)
        return SIMD2(database.changed, log?.changed ?? 0)
    }
}
