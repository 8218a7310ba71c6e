internal import StrictJSON

// What denies every call where it is not as it should be: read as guards read it.
extension RegistryInspection {
    /// Checks the guards' shared page of rates, budgets and labels, if there is one.
    package func checkMeters() throws(AgentIDError) {
        try MetersFile.check(
            directory.metersPath, epoch: RegistryEpoch.words(try registry.read { try $0.meta().epoch }))
    }

    /// Whether the guards' shared page was removed: they make a new one, in which agents have no labels.
    package var lacksMeters: Bool {
        !Files.exists(directory.metersPath) && registry.reached(.meters) > 0
    }

    /// The name in a directory of a file that begins so: of a registry, or of the page with its marks; `nil` for all others.
    package static func name(beginning bytes: [UInt8]) -> String? {
        guard bytes.count >= 136 else { return nil }
        if bytes[128..<136].elementsEqual([SharedSequence.magic].littleEndianBytes) { return "sequence" }
        let application = bytes[68..<72].reduce(0) { $0 << 8 | Int64($1) }
        let isRegistry = bytes.starts(with: "SQLite format 3".utf8) && application == SQLiteSchema.applicationID
        return isRegistry ? "registry.db" : nil
    }

    /// Whether a file that begins so holds meters of this registry.
    package func isMeters(_ beginning: [UInt8]) -> Bool {
        guard let header = try? MetersHeader(reading: beginning, path: ""),
            let epoch = try? registry.read({ try $0.meta().epoch })
        else { return false }
        return header.epoch == RegistryEpoch.words(epoch)
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
