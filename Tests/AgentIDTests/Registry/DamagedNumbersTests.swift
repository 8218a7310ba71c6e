import Foundation
import JOSE
import Scopes
import Testing

@testable import AgentID

/// Numbers that no process wrote into the files of a directory: whatever they are, they end no process that reads them.
@Suite struct DamagedNumbersTests {
    private static let rows = """
        PRAGMA foreign_keys=OFF;
        INSERT OR IGNORE INTO deliveries (hook, agent, event, payload, attempts, next_at, claimed_until)
            VALUES ('true', 'spiffe://acme.example/agent/p/x', 'created', '{}', 1, 1, 0);
        INSERT OR IGNORE INTO approvals VALUES ('a', 'b', 'spiffe://acme.example/agent/p/x', 't', 1, 4000000000000, '{}',
            '{}', 'pending', '[]', NULL);
        INSERT OR IGNORE INTO tombstones VALUES ('spiffe://acme.example/agent/p/y', 1, 'x');
        INSERT OR IGNORE INTO events (line) VALUES (x'7b7d');
        INSERT OR IGNORE INTO broker_leases (id, agent, provider, resource, release_command, acquired, expires, state,
            attempts, next_at) VALUES ('l', 'spiffe://acme.example/agent/p/x', 'none', 'r', '[]', 1, 1, 'held', 1, 1);
        """
    private static let policy =
        #"{"version":1,"labels":["seen"],"rules":[{"id":"b","match":"search","budget":{"unit":"usd","cost":{"fixed":"0.01"},"limit":"5.00","for":"task"}},{"id":"l","match":"search","labels":{"adds":["seen"]}}]}"#

    private func fill(_ directory: String) throws {
        let world = try World(at: directory)
        defer { world.authority.close() }
        try world.authority.applyPolicy(Array(Self.policy.utf8))
        try world.authority.add(Hook("true", on: [.created], action: .command(["/bin/true"])))
        for way in 0..<4 {
            let agent = try world.start("read_file(path under '/data/q3'); search(query: *)")
            let call = try agent.begin(tool: "search", arguments: ["query": "a"])
            try call.commit()
            if way == 1 { try agent.park(for: 3600) }
            if way == 2 { try agent.end() }
            if way == 3 { try world.authority.suspend(agent: agent.id()) }
        }
        try world.authority.publishKey()
    }

    /// All that a process does with a directory; what it answers does not matter.
    private func use(_ directory: String) {
        guard let world = try? World(at: directory) else { return }
        let authority = world.authority
        defer { authority.close() }
        world.pass(seconds: 7200)
        _ = try? authority.policy()
        _ = (try? authority.bundle(), try? authority.revocationList())
        if let agent = try? world.start("search(query: *)") {
            if let call = try? agent.begin(tool: "search", arguments: ["query": "a"]) { try? call.commit() }
        }
        _ = (try? authority.limits(), try? authority.budgets(), try? authority.statistics(), try? authority.hooks())
        _ = (try? authority.approvals(), try? authority.brokerLeases(), try? authority.approve("a", token: "x"))
        for dead in [false, true] { _ = try? authority.deliveries(dead: dead) }
        let agents = ((try? authority.agents()) ?? []).map(\.id)
        for agent in agents {
            try? authority.resume(agent: agent)
            _ = try? authority.unpark(agent: agent)
            _ = try? authority.verifyGone(agent: agent)
            _ = try? authority.askToDeclassify(agent: agent, labels: ["seen"])
            try? authority.registry.write { try $0.declassify(["seen"], of: agent) }
        }
        try? authority.lifecycle.renew()
        _ = (try? authority.reap(), try? authority.release(lease: "l"), try? authority.settle(milliseconds: 20))
        _ = (try? authority.activateKey(), try? authority.prune(endedBefore: world.clock.milliseconds / 1000))
        for agent in agents { _ = try? authority.deprovision(agent: agent) }
        try? authority.integrate()
    }

    @Test func numbersAtTheirExtremesInAnyColumnEndNoProcess() throws {
        let directory = try TemporaryDirectory()
        let whole = "\(directory.path)/whole"
        try fill(whole)
        var columns: [(table: String, name: String)] = []
        do {
            let database = try SQLite(path: "\(whole)/registry.db", .write, busyMilliseconds: 0)
            try database.script(Self.rows)
            let sql = """
                SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c
                WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND c.type = 'INTEGER' ORDER BY 1, 2
                """
            columns = try database.query(sql, []) { row throws(AgentIDError) in (try row.text(0), try row.text(1)) }
        }
        #expect(columns.count > 30)
        let cases = columns.flatMap { column in [Int64.min, .max].map { (column.table, column.name, $0) } }
        DispatchQueue.concurrentPerform(iterations: cases.count) { i in
            let (table, name, value) = cases[i]
            #expect(throws: Never.self, "\(table).\(name) \(value)") {
                let copy = "\(directory.path)/\(i)"
                try FileManager.default.copyItem(atPath: whole, toPath: copy)
                do {
                    let database = try SQLite(path: "\(copy)/registry.db", .write, busyMilliseconds: 0)
                    try database.script("UPDATE OR IGNORE \(table) SET \(name) = \(value)")
                }
                use(copy)
            }
        }
    }

    /// A lease that lapsed, with a time in which it may be renewed that no lease has.
    @Test(arguments: [Int64.min, .max]) func aGraceThatNoLeaseHasEndsNoReaping(_ grace: Int64) throws {
        let directory = try TemporaryDirectory()
        try fill("\(directory.path)/a")
        let database = try SQLite(path: "\(directory.path)/a/registry.db", .write, busyMilliseconds: 0)
        try database.script("UPDATE leases SET grace = \(grace), expires = 1, runs_until = 1, sealed = NULL")
        use("\(directory.path)/a")
    }

    /// The beginning of a journal names the registry that it belongs to.
    @Test func aJournalWhoseBeginningIsDamagedIsNamedSo() throws {
        let directory = try TemporaryDirectory()
        try fill(directory.path)
        let journals = try FileManager.default.contentsOfDirectory(atPath: directory.path).filter {
            $0.hasPrefix("journal")
        }
        let path = "\(directory.path)/\(try #require(journals.first))"
        let (whole, magic) = (try Data(contentsOf: URL(fileURLWithPath: path)), Array("agentid journal 1\n".utf8))
        let room = JournalFile.headerSize - magic.count - 1
        for epoch in [
            [UInt8](repeating: 0xFF, count: room - 1), [UInt8](repeating: 0xFF, count: 20), [],
            [UInt8](repeating: 0x61, count: room), [UInt8](repeating: 0x20, count: 3),
        ] as [[UInt8]] {
            var header = magic + epoch + [0x0A]
            while header.count < JournalFile.headerSize { header.append(header.count == 63 ? 0x0A : 0x20) }
            try (Data(header.prefix(JournalFile.headerSize)) + whole.dropFirst(JournalFile.headerSize)).write(
                to: URL(fileURLWithPath: path))
            setMode(path, 0o600)
            use(directory.path)
            let error = #expect(throws: AgentIDError.self) { try JournalFile(opening: path, isWriter: false) }
            #expect(error?.name == "journal_damaged")
            _ = try? Guard.open(directory: directory.path, .named)
        }
    }
}
