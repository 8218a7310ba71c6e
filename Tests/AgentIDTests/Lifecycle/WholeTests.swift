import Foundation
import StrictJSON
import Testing

@testable import AgentID

/// An authority does not go on where every guard of its directory denies, and says the same reason.
@Suite struct WholeTests {
    let world: World
    private var path: String { world.path }

    init() throws { world = try .inDirectory() }

    private func name(_ body: () throws -> Void) -> String {
        do { try body() } catch { return (error as? AgentIDError)?.name ?? "\(error)" }
        return "done"
    }

    @Test(arguments: [("journal", "journal_missing"), ("audit", "audit_replaced")])
    func bothSidesSayTheSameOfWhatIsGone(_ file: String, _ reason: String) async throws {
        let agent = try world.start()
        try world.authority.integrate()
        try FileManager.default.removeItem(atPath: "\(path)/\(file)")
        func denied() throws -> String? {
            try agent.check(tool: "read_file", arguments: bytes(#"{"path":"/data/q3/a"}"#)).denial?.reason.rawValue
        }
        while try denied() != reason { try await Task.sleep(for: .milliseconds(20)) }
        #expect(name { _ = try world.start() } == reason)
        #expect(name { _ = try agent.spawn("a", .sameScope()) } == reason)
        #expect(name { try world.authority.suspend(agent: try agent.id()) } == reason)
        #expect(name { _ = try world.authority.reap() } == reason)
        let revocation = try Revocation(.principal, "user:alice@acme.example")
        #expect(name { try world.authority.revoke(revocation) } == reason)
        // What takes away is written down all the same.
        #expect(try world.authority.registry.read { try $0.firstRevoked(of: [revocation]) } == revocation)
        #expect(name { _ = try world.authority.deprovision(agent: try agent.id()) } == reason)
        #expect(try world.authority.agents().first?.state == "deprovisioned")
    }

    @Test func theJournalHasRoomForRevocationsWithoutADisk() throws {
        func room() -> Int {
            var status = stat()
            return unsafe lstat("\(path)/journal", &status) == 0 ? Int(status.st_blocks) * 512 - Int(status.st_size) : 0
        }
        #expect(room() >= 60 << 10)
        for i in 0..<50 {
            try world.authority.revoke(Revocation(.agent, "spiffe://acme.example/agent/p/\(i)"))
        }
        #expect(room() >= 60 << 10)
    }

    @Test func aDirectoryIsOpenedWhileAnotherProcessKeepsItsLock() throws {
        // As a process that was frozen while it opened the directory.
        let file = unsafe open("\(path)/lock", O_RDWR | O_CLOEXEC)
        defer { close(file) }
        #expect(flock(file, LOCK_EX | LOCK_NB) == 0)
        let other = try Authority.open(directory: path, options: Authority.Options())
        let agent = try world.start(from: other)
        let revocation = try Revocation(.agent, agent.id())
        try other.revoke(revocation)
        #expect(try other.revocations().contains(revocation))
    }
}
