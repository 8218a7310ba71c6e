import Foundation
import StrictJSON
import Testing

@testable import AgentID

/// Who leaves is denied at once, and what is left of their agents ends whatever comes between.
@Suite struct DepartureTests {
    let world: World
    private var path: String { world.path }

    init() throws { world = try .inDirectory() }

    private func reason(_ agent: Agent) throws -> String? {
        try agent.check(tool: "read_file", arguments: bytes(#"{"path":"/data/q3/a"}"#)).denial?.reason.rawValue
    }

    /// Waits until all agents have ended.
    private func allEnd(_ authority: Authority) async throws {
        while try authority.agents().contains(where: { $0.state != "deprovisioned" }) {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try authority.registry.read { try $0.departures() }.isEmpty)
        while try authority.agents().contains(where: { $0.tombstone == nil }) {
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    @Test(arguments: [true, false]) func whatCannotEndNowIsDeniedAtOnceAndEndsLater(_ isPrincipal: Bool) async throws {
        let agent = try world.start()
        let other = try SQLite(path: path + "/registry.db", .write, busyMilliseconds: 10_000)
        try other.script("BEGIN IMMEDIATE")
        #expect {
            if isPrincipal {
                _ = try world.authority.deprovision(principal: "user:alice@acme.example", reason: "left")
            } else {
                _ = try world.authority.withdraw(profile: "researcher", reason: "left")
            }
        } throws: { error in
            guard let error = error as? AgentIDError else { return false }
            return error.name == "registry_busy" && error.message.contains("denied everywhere")
                && error.message.contains("tried again") && !error.message.contains("nothing was changed")
        }
        #expect(try reason(agent) == "authority_revoked")
        #expect(throws: AgentIDError.self) { try world.start() }
        #expect(try world.authority.agents().first?.state == "active")
        try other.script("ROLLBACK")
        try await allEnd(world.authority)
        #expect(try world.authority.agents().first?.endReason == "left")
    }

    @Test func anEndThatCannotBeWrittenNowIsSignedLaterByItself() async throws {
        let agent = try world.start()
        let other = try SQLite(path: path + "/registry.db", .write, busyMilliseconds: 10_000)
        try other.script("BEGIN IMMEDIATE")
        #expect(throws: AgentIDError.self) { try world.authority.deprovision(agent: agent.id()) }
        #expect(try reason(agent) == "authority_revoked")
        try other.script("ROLLBACK")
        let deadline = ContinuousClock.now + .seconds(20)
        while try world.authority.agents().first?.tombstone == nil, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try world.authority.agents().first?.tombstone != nil)
    }

    /// The registry cannot be read either: its directory is away for a while.
    @Test(arguments: ["end", "suspend", "withdraw"]) func whoCannotBeLookedUpIsStoppedAllTheSame(_ how: String)
        async throws
    {
        let agent = try world.start()
        let (id, away) = (try agent.id(), path + ".away")
        #expect(unsafe rename(path, away) == 0)
        #expect {
            switch how {
            case "end": _ = try world.authority.deprovision(agent: id)
            case "suspend": try world.authority.suspend(agent: id)
            default: _ = try world.authority.withdraw(profile: "researcher", reason: "left")
            }
        } throws: { error in
            guard let error = error as? AgentIDError else { return false }
            return error.name == "directory_replaced"
                && error.message.contains("denied in this process, perhaps not in others")
                && error.message.contains("tried again")
        }
        #expect(unsafe rename(away, path) == 0)
        // At the first call that the registry can be read for: by what this process remembers.
        var seen: String?
        let deadline = ContinuousClock.now + .seconds(20)
        repeat {
            seen = try reason(agent)
        } while seen == "directory_replaced" && ContinuousClock.now < deadline
        #expect(seen == (how == "suspend" ? "suspended" : "authority_revoked"))
        let state = how == "suspend" ? "suspended" : "deprovisioned"
        while try world.authority.agents().first?.state != state, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try world.authority.agents().first?.state == state)
        guard how == "suspend" else { return }
        try world.authority.resume(agent: id)
        #expect(try reason(agent) == nil)
    }

    @Test func whatManyHaveInCommonIsNoAgentThatCannotBeLookedUp() throws {
        let agent = try world.start()
        let away = path + ".away"
        let deadline = ContinuousClock.now + .seconds(20)
        #expect(unsafe rename(path, away) == 0)
        while (try? world.authority.agents()) != nil, ContinuousClock.now < deadline { usleep(1000) }
        for id in [
            "spiffe://acme.example/agent", "spiffe://acme.example/agent/researcher", "spiffe://b.example/agent/p/i",
        ] {
            let ended = #expect(throws: AgentIDError.self) { _ = try world.authority.deprovision(agent: id) }
            let suspended = #expect(throws: AgentIDError.self) { try world.authority.suspend(agent: id) }
            #expect(ended?.code == .notFound && suspended?.code == .notFound, "\(id)")
        }
        #expect(unsafe rename(away, path) == 0)
        var seen: String?
        repeat {
            seen = try reason(agent)
        } while seen == "directory_replaced" && ContinuousClock.now < deadline
        #expect(seen == nil)
    }

    @Test func whoeverOpensNextEndsWhatAProcessThatDiedLeft() async throws {
        let agent = try world.start()
        // As a process leaves it that is killed when the revocation is durable.
        let journal = Journal(path: path + "/journal", lock: path + "/lock")
        let departure = JournalEntry(
            .endAll(of: try Revocation(.principal, "user:alice@acme.example")), reason: "left", time: 1)
        _ = try journal.append([departure], known: 0)
        let next = try Authority.open(directory: path, options: Authority.Options())
        try await allEnd(next)
        #expect(try reason(agent) == "authority_revoked")
    }

    @Test func aLineSaysToAnOlderLibraryWhatItMustKnow() throws {
        let revocation = try Revocation(.profile, "researcher")
        let line = JournalEntry(.endAll(of: revocation), reason: "", time: 7).line(seed: 9)
        let text = String(decoding: line, as: UTF8.self)
        #expect(text.contains(#""revoke":"profile""#) && text.contains(#""value":"researcher""#))
        let read = JournalEntry(reading: line.span.extracting(1..<line.count - 1), seed: 9)
        guard case .endAll(let found) = read?.change else {
            Issue.record("\(text)")
            return
        }
        #expect(found == revocation)
    }
}
