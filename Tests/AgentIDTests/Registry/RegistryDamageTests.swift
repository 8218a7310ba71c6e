import Foundation
import Testing
import TestSupport

@testable import AgentID

/// What a registry answers when its file, its directory or its disk is not as it should be.
@Suite struct RegistryDamageTests {
    private func refusal(_ body: () throws -> Void) -> AgentIDError? {
        do {
            try body()
            return nil
        } catch { return error as? AgentIDError }
    }

    /// A registry with something in it; what is in the write-ahead log stays there where `keepsLog`.
    private func filled(_ path: String) throws -> SQLiteRegistry {
        let registry = try Shelf.make(path)
        for i in 0..<200 {
            try registry.write { registry in
                try registry.insert(Shelf.agent("spiffe://acme.example/agent/p/\(i)"))
                _ = try registry.add([Revocation(.grant, "g\(i)")], at: 1, reason: nil)
            }
        }
        return registry
    }

    private func everything(in registry: SQLiteRegistry) throws {
        try registry.read { registry in
            _ = (try registry.meta(), try registry.keys(), try registry.profiles())
            _ = (try registry.agents(AgentFilter()), try registry.revocations(after: 0, limit: 1000))
            _ = try registry.subtree(of: "spiffe://acme.example/agent/p/1")
        }
    }

    @Test(arguments: [false, true]) func flippedBytesAreAnErrorOrHarmlessNeverATrap(inLog: Bool) throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/registry.db"
        let registry = try filled(path)
        // The log lives as long as a connection does: what is copied now is what a crash would leave.
        let files = try ["", "-wal"].map { try Data(contentsOf: URL(fileURLWithPath: path + $0)) }
        withExtendedLifetime(registry) {}
        let seed = Seeded.chosen("flippedBytes")
        var generator = Seeded(seed: seed)
        for round in 0..<60 {
            let copy = "\(directory.path)/\(inLog)\(round).db"
            for (i, suffix) in ["", "-wal"].enumerated() {
                var bytes = files[i]
                if (i == 1) == inLog, !bytes.isEmpty {
                    for _ in 0..<Int.random(in: 1...64, using: &generator) {
                        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(
                            in: 0...255, using: &generator)
                    }
                }
                try bytes.write(to: URL(fileURLWithPath: copy + suffix))
                setMode(copy + suffix, 0o600)
            }
            let error = refusal {
                let opened = try Shelf.open(copy)
                try everything(in: opened)
                try opened.write { registry in
                    try registry.insert(Shelf.agent("spiffe://acme.example/agent/p/new"))
                }
                try opened.checkIntegrity()
            }
            if let error {
                #expect(
                    [.malformed, .version, .io, .exists].contains(error.code), "seed \(seed) round \(round): \(error)")
                #expect(!error.message.isEmpty && !error.place.isEmpty, "seed \(seed) round \(round)")
            }
        }
    }

    @Test func wholeFileOfOtherBytesIsRefused() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/registry.db"
        try Data(repeating: 65, count: 5000).write(to: URL(fileURLWithPath: path))
        setMode(path, 0o600)
        #expect(refusal { _ = try Shelf.open(path) }?.name == "registry_corrupt")
        #expect(refusal { _ = try Shelf(at: path) }?.name == "registry_corrupt")
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(repeating: 65, count: 5000))
    }

    @Test func databaseOfAnotherProgramIsRefusedAndLeftAlone() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/registry.db"
        do {
            let other = try SQLite(path: path, .create, busyMilliseconds: 0)
            try other.script("CREATE TABLE notes (t TEXT); INSERT INTO notes VALUES ('x')")
        }
        setMode(path, 0o600)
        #expect(refusal { _ = try Shelf(at: path) }?.name == "no_registry")
        let other = try SQLite(path: path, .read, busyMilliseconds: 0)
        #expect(try other.rows("SELECT t FROM notes") { row throws(AgentIDError) in try row.text(0) } == ["x"])
    }

    @Test func newerSchemaIsRefusedAndLeftAlone() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/registry.db"
        try everything(in: filled(path))
        try SQLite(path: path, .write, busyMilliseconds: 0).script("PRAGMA user_version=\(SQLiteSchema.version + 1)")
        for access in [SQLite.Access.write, .read] {
            let error = refusal { _ = try Shelf.open(path, access) }
            #expect(error?.code == .version)
            #expect(error?.message.contains("update the library") == true)
        }
        let version = try SQLite(path: path, .read, busyMilliseconds: 0)
            .first("PRAGMA user_version") { row throws(AgentIDError) in try row.int(0) }
        #expect(version == SQLiteSchema.version + 1)
    }

    @Test func columnOfAnotherTypeIsAnErrorNotAZero() throws {
        let database = try SQLite(path: nil, .create, busyMilliseconds: 0)
        for sql in ["SELECT 'x'", "SELECT NULL", "SELECT 1.5", "SELECT x'00'"] {
            #expect(
                refusal { _ = try database.first(sql) { row throws(AgentIDError) in try row.int(0) } }?.name
                    == "registry_corrupt")
        }
        #expect(refusal { _ = try database.first("SELECT 1") { row throws(AgentIDError) in try row.text(0) } } != nil)
    }

    @Test func fullDatabaseKeepsWhatWasThereAndTakesMoreWhenThereIsRoom() throws {
        let database = try SQLite(path: nil, .create, busyMilliseconds: 0)
        try database.script("CREATE TABLE t (x BLOB) STRICT; PRAGMA max_page_count=20")
        var written: Int64 = 0
        let error = refusal {
            while written < 1000 {
                try database.transaction("BEGIN IMMEDIATE") {
                    for _ in 0..<3 {
                        try database.run("INSERT INTO t VALUES (?)", .blob(Array(repeating: 1, count: 3000)))
                    }
                }
                written += 3
            }
        }
        #expect(error?.name == "disk_full")
        func count() throws -> Int64? {
            try database.first("SELECT count(*) FROM t") { row throws(AgentIDError) in try row.int(0) }
        }
        #expect(try count() == written)
        try database.script("PRAGMA max_page_count=1000")
        try database.run("INSERT INTO t VALUES (?)", .blob([1]))
        #expect(try count() == written + 1)
    }

    @Test func linkOrOpenFileInItsPlaceIsRefused() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/registry.db"
        try everything(in: filled(path))
        let link = "\(directory.path)/link.db"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        #expect(refusal { _ = try Shelf.open(link) }?.code == .io)
        #expect(refusal { _ = try Shelf(at: link) }?.code == .io)
        #expect(refusal { _ = try SQLite(path: link, .read, busyMilliseconds: 0) }?.message.contains("link") == true)
        setMode(path, 0o666)
        #expect(refusal { _ = try Shelf.open(path) }?.name == "unsafe_permissions")
        #expect(refusal { _ = try Shelf.open(path, .read) }?.name == "unsafe_permissions")
        setMode(path, 0o600)
        let modes = try ["", "-wal", "-shm"].map { suffix in
            let opened = try Shelf.open(path)
            defer { withExtendedLifetime(opened) {} }
            return try FileManager.default.attributesOfItem(atPath: path + suffix)[.posixPermissions] as? Int
        }
        #expect(modes == [0o600, 0o600, 0o600])
    }
}
