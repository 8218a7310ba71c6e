import Foundation
import Testing

@testable import AgentID

/// A registry that is written over in place with an older copy of itself, while a process goes by it.
struct WrittenOverTests {
    private let call = Array(#"{"path":"/data/q3/a"}"#.utf8)

    private func shell(_ script: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script]
        try process.run()
        return process
    }

    /// Also between two looks at the files.
    @Test func whatTheOlderCopyPermitsIsNeverPermitted() throws {
        let directory = try TemporaryDirectory()
        let (path, old) = (directory.path + "/acme", directory.path + "/old")
        let world = try World(at: path)
        let agent = try world.start()
        #expect(try agent.check(tool: "read_file", arguments: call).isPermitted)
        // By other processes: to close a file in this one drops SQLite's locks on it.
        try shell("mkdir \(old) && cp -a \(path)/registry.db* \(old)").waitUntilExit()
        try world.authority.suspend(agent: agent.id())
        #expect(try agent.check(tool: "read_file", arguments: call).denial?.reason.rawValue == "suspended")
        let writing = try shell(
            "for name in registry.db-shm registry.db-wal registry.db; do "
                + "dd if=\(old)/$name of=\(path)/$name conv=notrunc status=none; done")
        var seen: Set<String> = []
        while writing.isRunning || seen.isSubset(of: ["suspended"]) {
            seen.insert(try agent.check(tool: "read_file", arguments: call).denial?.reason.rawValue ?? "permitted")
            if seen.contains("permitted") { break }
        }
        #expect(!seen.contains("permitted"), "\(seen)")
        writing.waitUntilExit()
        world.authority.close()
    }
}
