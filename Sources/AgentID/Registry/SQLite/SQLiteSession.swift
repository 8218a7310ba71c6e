internal import StrictJSON

/// One transaction on a connection. What it can do is in the files beside this one, a file for each kind of record.
final class SQLiteSession: RegistryWriter {
    let database: SQLite
    /// Whether guards must look once this is committed.
    private(set) var isAnnounced = false
    /// The samples for packing tokens that were read in this transaction.
    var samples: [Int64: [UInt8]] = [:]

    init(_ database: SQLite) { self.database = database }

    func meta() throws(AgentIDError) -> RegistryMeta {
        let meta = try database.first(
            """
            SELECT trust_domain, sequence, keys_sequence, journal_epoch, journal_offset, epoch, writes, log_identity,
            log_size, policy_version, meter_turns FROM meta
            """
        ) { row throws(AgentIDError) in
            RegistryMeta(
                trustDomain: try row.text(0), sequence: try row.int(1), keysSequence: try row.int(2),
                journal: JournalMark(epoch: try row.text(3), offset: Int(clamping: try row.int(4))),
                epoch: try row.text(5), writes: try row.int(6),
                log: LogMark(identity: try row.text(7), size: try row.int(8)), policyVersion: try row.int(9),
                meterTurns: try row.int(10))
        }
        guard let meta else { throw Self.withoutMeta }
        return meta
    }

    func announce() throws(AgentIDError) -> Int64 {
        isAnnounced = true
        guard let sequence = try database.number("UPDATE meta SET sequence = sequence + 1 RETURNING sequence") else {
            throw Self.withoutMeta
        }
        return sequence
    }

    /// Counts a transaction that changes something; returns how many there were.
    ///
    /// - Parameter turns: of the file `meters`: see ``RegistryMark/meters``.
    func countWrite(turns: UInt64) throws(AgentIDError) -> Int64 {
        let writes = try database.number(
            "UPDATE meta SET writes = writes + 1, meter_turns = max(meter_turns, ?) RETURNING writes",
            .int(Int64(clamping: turns)))
        guard let writes else { throw Self.withoutMeta }
        return writes
    }

    private static let withoutMeta = SQLite.corrupt("its meta row is gone", "registry.db")

    func begin(_ beginning: RegistryBeginning) throws(AgentIDError) -> Int {
        // Bundles are numbered by it: by so much at once that none from after the backup is newer.
        try database.run(
            "UPDATE meta SET epoch = ?, writes = ?, meter_turns = 0, sequence = sequence + 1000000",
            .text(beginning.epoch), .int(beginning.writes))
        try setFolded(beginning.journal)
        try setLog(beginning.log)
        // Numbers that the log has taken are never given to other lines.
        if try database.run(
            "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'events'", .int(beginning.events))
            == 0
        {
            try database.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", .int(beginning.events))
        }
        _ = try announce()
        return try database.run("UPDATE leases SET expires = 0, boot = '', runs_until = 0, grace = 0")
    }

    func setLog(_ mark: LogMark) throws(AgentIDError) {
        try database.run(
            "UPDATE meta SET log_identity = ?, log_size = ?", .text(mark.identity), .int(mark.size))
    }

    func setFolded(_ mark: JournalMark) throws(AgentIDError) {
        try database.run(
            "UPDATE meta SET journal_epoch = ?, journal_offset = ?", .text(mark.epoch), .int(Int64(mark.offset)))
    }

    func events(limit: Int) throws(AgentIDError) -> [EventRecord] {
        try database.rows("SELECT seq, line FROM events ORDER BY seq LIMIT ?", .int(Int64(limit))) {
            row throws(AgentIDError) in EventRecord(sequence: try row.int(0), line: try row.blob(1))
        }
    }

    func append(event line: [UInt8]) throws(AgentIDError) {
        try database.run("INSERT INTO events (line) VALUES (?)", .blob(line))
    }

    func removeEvents(through sequence: Int64) throws(AgentIDError) {
        try database.run("DELETE FROM events WHERE seq <= ?", .int(sequence))
    }

    func counter(_ name: String) throws(AgentIDError) -> Int64 {
        try database.number("SELECT value FROM counters WHERE name = ?", .text(name)) ?? 0
    }

    func counters(of agent: String) throws(AgentIDError) -> [String] {
        guard !agent.isEmpty else { return [] }
        return try database.rows(
            "SELECT name FROM counters WHERE agent = ?1 AND agent <> '' ORDER BY name", .text(agent)
        ) { row throws(AgentIDError) in try row.text(0) }
    }

    func add(
        _ amount: Int64, to counter: String, of agent: String?, until: Int64
    ) throws(AgentIDError) -> Int64 {
        let (sum, overflow) = try self.counter(counter).addingReportingOverflow(amount)
        guard !overflow else { throw AgentIDError.counterOverflow(counter) }
        try database.run(
            """
            INSERT INTO counters (name, value, agent, until) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (name) DO UPDATE SET value = ?2, agent = ?3, until = ?4
            """, .text(counter), .int(sum), .text(agent ?? ""), .int(until))
        return sum
    }
}
