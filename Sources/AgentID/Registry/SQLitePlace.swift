internal import Synchronization

/// Where a registry's files are, and whether they are still those that were opened.
final class SQLitePlace: Sendable {
    /// How long a file that was replaced can be used unnoticed, in milliseconds.
    private static let interval: Int64 = 50
    /// What SQLite cuts its log down to, in bytes, when it begins that anew.
    static let logSize = 16 << 20

    let path: String
    private let directory: String
    private let page: SharedSequence
    private let opened: (directory: FileIdentity, database: FileIdentity, log: FileIdentity?, memory: FileIdentity?)
    private let lookedAt: Atomic<Int64>
    private let isApart = Atomic<Bool>(false)
    private let longestLog = Atomic<Int>(0)
    private let longest = Atomic<Int>(0)
    /// Whether the page says whose it is; then it goes on saying so.
    private let isMarked: Bool
    private let marked = Atomic<UInt64>(0)

    /// - Parameter database: the identity of the file as it was before SQLite opened it.
    init(of path: String, database: FileIdentity, page: SharedSequence) throws(AgentIDError) {
        (self.path, self.page) = (path, page)
        directory = Files.split(path).parent
        guard let place = FileIdentity(at: directory), FileIdentity(at: path) == database else {
            throw Apart.registry("registry.db was replaced while it was opened", at: path)
        }
        opened = (place, database, FileIdentity(at: "\(path)-wal"), FileIdentity(at: "\(path)-shm"))
        lookedAt = Atomic(MonotonicClock.milliseconds)
        isMarked = page.epoch != nil
    }

    /// Whether it is time to look, and this caller is the one to do it; always, as long as something was wrong.
    var isDue: Bool {
        if isApart.load(ordering: .relaxed) { return true }
        let (now, looked) = (MonotonicClock.milliseconds, lookedAt.load(ordering: .relaxed))
        return now - looked >= Self.interval
            && lookedAt.compareExchange(expected: looked, desired: now, ordering: .relaxed).exchanged
    }

    /// Whether the last look found something wrong.
    var isBroken: Bool { isApart.load(ordering: .acquiring) }

    /// Remembers whether something is wrong, also with what the files say.
    func note(isBroken: Bool) { isApart.store(isBroken, ordering: .releasing) }

    /// When the files last changed; throws where one is not what was opened.
    func look() throws(AgentIDError) -> SIMD2<Int64> {
        // Before the look: another thread may see the files grow after it.
        let (least, leastLog) = (longest.load(ordering: .acquiring), longestLog.load(ordering: .acquiring))
        let known = marked.load(ordering: .acquiring)
        guard let place = FileIdentity(at: directory) else {
            throw Apart.directory(directory, "is not under its name any more")
        }
        guard place == opened.directory else { throw Apart.directory(directory, "is another one than it was") }
        guard let database = FileLook(path), database.identity == opened.database else {
            throw Apart.registry("registry.db was removed or replaced", at: path)
        }
        // Nothing in it is ever given back to the disk.
        guard database.size >= least else {
            throw Apart.registry("registry.db was cut short, or written over", at: path)
        }
        longest.max(database.size, ordering: .releasing)
        guard page.isInPlace, !isMarked || page.epoch != nil, page.reached(.writes) >= known else {
            throw Apart.registry("the file `sequence` was removed, replaced or cut short", at: "\(directory)/sequence")
        }
        marked.max(page.reached(.writes), ordering: .releasing)
        let log = FileLook("\(path)-wal")
        guard opened.log == nil || log?.identity == opened.log else {
            throw Apart.registry("registry.db-wal was removed or replaced", at: "\(path)-wal")
        }
        guard opened.memory == nil || FileIdentity(at: "\(path)-shm") == opened.memory else {
            throw Apart.registry("registry.db-shm was removed or replaced", at: "\(path)-shm")
        }
        let size = log?.size ?? 0
        // It is used anew from its start, and cut down to no less than this.
        guard size >= min(leastLog, Self.logSize) else {
            throw Apart.registry("registry.db-wal was cut short", at: "\(path)-wal")
        }
        longestLog.max(size, ordering: .releasing)
        return SIMD2(database.changed, log?.changed ?? 0)
    }
}
