internal import Glibc
internal import StrictJSON

// What denies every call where it is not as it should be: read as guards read it.
extension RegistryInspection {
    /// Checks the guards' shared page of rates, budgets and labels, if there is one.
    package func checkMeters() throws(AgentIDError) {
        try MetersFile.check(
            directory.metersPath, epoch: RegistryEpoch.words(try registry.read { try $0.meta().epoch }),
            turns: registry.reached(.meters))
    }

    /// Whether the guards' shared page was removed: they make a new one, in which agents have no labels.
    package var lacksMeters: Bool {
        Files.isAbsent(directory.metersPath) && registry.reached(.meters) > 0
    }

    /// When guards made that page anew, in milliseconds since 1970, if agents from before have not ended: they lack labels.
    package func metersMadeAnew() throws(AgentIDError) -> Int64? {
        guard let time = try MetersFile.madeAnew(directory.metersPath) else { return nil }
        for state in [AgentRecord.State.active, .parked, .suspended] {
            var filter = AgentFilter()
            (filter.state, filter.limit) = (state, 10_000)
            while true {
                let agents = try registry.read { try $0.agents(filter) }
                if agents.contains(where: { $0.created < time / 1000 }) { return time }
                guard agents.count == filter.limit else { break }
                filter.after = agents.last?.id
            }
        }
        return nil
    }

    /// The number of changes that the file `sequence` knows of, and of those there are; `nil` where it knows all.
    package func marksBehind() throws(AgentIDError) -> (known: UInt64, writes: Int64)? {
        // A change is committed, then noted.
        for turn in 0..<10 {
            if turn > 0 { usleep(10_000) }
            let writes = try registry.read { try $0.meta().writes }
            let known = registry.reached(.writes)
            if known >= UInt64(clamping: writes) { return nil }
            if turn == 9 { return (known, writes) }
        }
        return nil
    }

    /// The name in a directory of a file that begins so: of meters those of this registry, of the others whosever they are;
    /// `nil` for all else.
    package func name(beginning bytes: [UInt8]) -> String? {
        guard bytes.count >= 136 else { return nil }
        if bytes[128..<136].elementsEqual([SharedSequence.magic].littleEndianBytes) { return "sequence" }
        if let header = try? MetersHeader(reading: bytes, path: "") {
            let epoch = try? registry.read { try $0.meta().epoch }
            return epoch.map { header.epoch == RegistryEpoch.words($0) } == true ? "meters" : nil
        }
        if (try? ReplayHeader(reading: bytes, path: "")) != nil { return "replay" }
        let words = [0, 4, 68].map { bytes[$0..<$0 + 4].reduce(0) { $0 << 8 | Int64($1) } }
        // https://www.sqlite.org/fileformat2.html and walformat.html: the index is in the machine's order, and twice there.
        if words[0] | 1 == 0x377F_0683, words[1] == 3_007_000 { return "registry.db-wal" }
        let isIndex = bytes[..<4].elementsEqual([0x18, 0xE2, 0x2D, 0]) && bytes[..<48].elementsEqual(bytes[48..<96])
        if isIndex { return "registry.db-shm" }
        // Of a young registry all but the format may be in its log.
        let isRegistry = words[2] == SQLiteSchema.applicationID || words[2] == 0
        return isRegistry && bytes.starts(with: "SQLite format 3".utf8) ? "registry.db" : nil
    }

    /// Reads the policy in force.
    package func checkPolicy() throws(AgentIDError) {
        try registry.read { registry in
            _ = try ActivePolicy(of: registry, version: try registry.meta().policyVersion)
        }
    }

    /// The version of the policy in force, 0 where there is none, and the newest that the log had when the registry was restored.
    package func policyVersions() throws(AgentIDError) -> (inForce: Int64, inLog: Int64) {
        try registry.read { (try $0.meta().policyVersion, try $0.counter(RegistryCounter.policyInLog)) }
    }

    /// Reads all requests for approval.
    package func checkApprovals() throws(AgentIDError) {
        for approval in try registry.read({ try $0.approvals(limit: .max) }) {
            for (name, text) in [("document", approval.document), ("arguments", approval.arguments)] {
                guard let text, (try? JSON(parsing: text)) == nil else { continue }
                throw SQLite.corrupt("the \(name) of the request \(approval.id) cannot be read", "registry.db")
            }
        }
    }

    /// Takes the lock that writers take, and gives it back; throws `registry_busy` where another process keeps it.
    package func checkWritable(within milliseconds: Int32) throws(AgentIDError) {
        let database = try SQLite(path: "\(directory.path)/registry.db", .write, busyMilliseconds: milliseconds)
        try database.script("BEGIN IMMEDIATE; ROLLBACK")
    }

    /// The same for the lock of the journal, which revocations take; `false` where another process keeps it.
    package func checkLock(within milliseconds: Int) throws(AgentIDError) {
        guard Files.exists(directory.lockPath) else { return }
        let isFree: Void? = try Files.withLock(directory.lockPath, within: milliseconds) { () throws(AgentIDError) in }
        guard isFree == nil else { return }
        throw AgentIDError(
            .io, name: "directory_busy",
            message:
                "\(LockHolder.name(of: directory.lockPath) ?? "another process") keeps \(directory.lockPath) locked",
            at: directory.lockPath)
    }
}

extension SQLiteRegistry {
    /// Throws if a table or index of this version is not in a database.
    static func checkTables(of database: SQLite) throws(AgentIDError) {
        let sql = "SELECT name, type FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' ORDER BY type DESC, name"
        func names(in database: SQLite) throws(AgentIDError) -> [(name: String, type: String)] {
            try database.rows(sql) { row throws(AgentIDError) in (try row.text(0), try row.text(1)) }
        }
        let whole = try SQLite(path: nil, .create, busyMilliseconds: 0)
        try advance(whole, from: 0)
        let found = try names(in: database)
        for wanted in try names(in: whole) where !found.contains(where: { $0.name.isSame(as: wanted.name) }) {
            throw SQLite.corrupt("its \(wanted.type) \(wanted.name) is gone", "registry.db")
        }
    }
}
