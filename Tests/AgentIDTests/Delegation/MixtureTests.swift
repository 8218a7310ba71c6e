import Foundation
import StrictJSON
import Testing

@testable import AgentID

/// `registry.db` by itself, beneath a `-wal` that is newer.
@Suite struct MixtureTests {
    let directory: TemporaryDirectory
    let world: World
    private var path: String { directory.path + "/acme" }
    private var old: String { directory.path + "/old.db" }

    init() throws {
        directory = try TemporaryDirectory()
        world = try World(at: directory.path + "/acme")
        try checkpoint()
        // By another process: to close a file in this one drops SQLite's locks on it.
        try copy("\(path)/registry.db", to: old)
        for i in 0..<20 {
            try world.authority.revoke(Revocation(.agent, "spiffe://acme.example/agent/p/\(i)"))
        }
        try checkpoint()
        try world.authority.revoke(Revocation(.principal, "user:bob@acme.example"))
    }

    private func checkpoint() throws {
        try SQLite(path: "\(path)/registry.db", .write, busyMilliseconds: 1000).script(
            "SELECT sequence FROM meta; PRAGMA wal_checkpoint(PASSIVE)")
    }

    private func copy(_ source: String, to target: String) throws { try run("/bin/cp", "-a", source, target) }

    private func run(_ program: String, _ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    private func name(_ body: () throws -> Void) -> String {
        do { try body() } catch { return (error as? AgentIDError)?.name ?? "\(error)" }
        return "done"
    }

    @Test func olderDatabaseUnderANewerLogIsRefused() throws {
        // As a process leaves it that is killed.
        let killed = directory.path + "/killed"
        try copy(path, to: killed)
        let open = { (path: String) in
            name { _ = try Authority.open(directory: path, options: Authority.Options()) }
        }
        let again = directory.path + "/again"
        try copy(path, to: again)
        #expect(open(again) == "done")
        try copy(old, to: "\(killed)/registry.db")
        #expect(open(killed) == "registry_rolled_back")
        #expect(name { _ = try Guard.open(directory: killed, Guard.Options.forTests(world)) } == "registry_rolled_back")
        // Nor is the mixture made the truth: what is in it may refer to what is not.
        let accept = { name { _ = try Authority.acceptRestored(directory: killed, passphrase: nil) } }
        #expect(name { _ = try Authority.lookAtRestored(directory: killed, passphrase: nil) } == "registry_rolled_back")
        #expect(accept() == "registry_rolled_back")
        try copy("\(path)/registry.db", to: "\(killed)/registry.db")
        #expect(accept() == "done")
    }

    @Test func olderDatabaseUnderWhoHasItOpenDenies() async throws {
        let agent = try world.start()
        func denied() throws -> String? {
            try agent.check(tool: "read_file", arguments: bytes(#"{"path":"/data/q3/a"}"#)).denial?.reason.rawValue
        }
        #expect(try denied() == nil)
        // Not cut short, which would show by itself.
        try run("/bin/dd", "if=\(old)", "of=\(path)/registry.db", "conv=notrunc", "status=none")
        while try denied() == nil { try await Task.sleep(for: .milliseconds(20)) }
        #expect(try ["registry_rolled_back", "registry_replaced"].contains(denied() ?? ""))
    }
}
