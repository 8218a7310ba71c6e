import Foundation
import StrictJSON
import Scopes
import Testing

@testable import AgentID

/// What was left undone is seen from outside, and nothing is where nothing was.
@Suite struct RegistryInspectionTests {
    private let directory: TemporaryDirectory
    private let world: World

    init() throws {
        directory = try TemporaryDirectory()
        world = try World(at: directory.path + "/acme")
    }

    private var path: String { directory.path + "/acme" }

    @Test func lapsedUntilItIsReapedAndNeverBefore() throws {
        let agent = try world.start()
        let id = try agent.id()
        let inspection = try RegistryInspection(of: path)
        let lapse = try #require(try world.authority.agents().first?.leaseExpires)
        // Nothing of it by the wall clock alone: that may be wrong.
        #expect(try inspection.leases(lapsedBy: lapse, world.steadyClock).isEmpty)
        world.pass(milliseconds: lapse - world.clock.milliseconds)
        #expect(try inspection.leases(lapsedBy: lapse - 1, world.steadyClock).isEmpty)
        #expect(try inspection.leases(lapsedBy: lapse, world.steadyClock).map(\.agent) == [id])
        #expect(try world.authority.agents().first?.isLive == false)
        #expect(try world.authority.reap() == 1)
        agent.close()
        #expect(try inspection.leases(lapsedBy: lapse, world.steadyClock).isEmpty)
        #expect(try inspection.agentsWithoutTombstone().isEmpty)
        #expect(try world.authority.agents().first?.endReason == "its lease lapsed")
    }

    @Test func newestTimeIsThatOfTheLastStartOrRenewal() throws {
        let inspection = try RegistryInspection(of: path)
        #expect(try inspection.newest()?.time == nil)
        let first = try world.start()
        let started = world.clock.milliseconds
        #expect(try inspection.newest()?.time == started)
        world.pass(seconds: 100)
        try world.authority.lifecycle.renew()
        #expect(try inspection.newest()?.time == started + 100_000)
        world.pass(seconds: -50)
        let second = try world.start()
        #expect(try inspection.newest()?.time == started + 100_000)
        _ = (first, second)
    }

    @Test func hookThatFailsIsSeenWithItsError() throws {
        try world.authority.add(
            Hook("bad", on: [.created], maxAttempts: 1, action: .command(["/bin/sh", "-c", "echo why >&2; exit 3"])))
        let agent = try world.start()
        #expect(try world.authority.settle(milliseconds: 30_000))
        let condition = try #require(try RegistryInspection(of: path).hooks().first)
        #expect(condition.dead == 1 && condition.worst == nil)
        #expect(condition.error?.contains("why") == true)
        _ = agent
    }

    @Test func replayMemoryIsRefusedAsGuardsRefuseIt() throws {
        let inspection = try RegistryInspection(of: path)
        try inspection.checkReplayMemory()
        let replay = path + "/replay"
        #expect(!FileManager.default.fileExists(atPath: replay))
        var options = Guard.Options()
        options.audience = "files"
        _ = try world.authority.guarding(options)
        try inspection.checkReplayMemory()
        setMode(replay, 0o640)
        #expect(throws: AgentIDError.self) { try inspection.checkReplayMemory() }
        setMode(replay, 0o600)
        try inspection.checkReplayMemory()
        let whole = try Data(contentsOf: URL(fileURLWithPath: replay))
        for wrong in [whole.dropLast(), Data("no replay memory".utf8), whole.prefix(64)] {
            try wrong.write(to: URL(fileURLWithPath: replay))
            #expect(throws: AgentIDError.self, "\(wrong.count)") { try inspection.checkReplayMemory() }
            #expect(throws: AgentIDError.self, "\(wrong.count)") { try world.authority.guarding(options) }
        }
    }

    @Test func anOlderReplayMemoryIsTold() throws {
        let (guarding, agent) = (try world.authority.guarding(.forTests(world)), try world.start())
        let (replay, call) = (path + "/replay", Array(#"{"path":"/data/q3/a"}"#.utf8))
        let before = try Data(contentsOf: URL(fileURLWithPath: replay))
        let proof = try agent.prove(tool: "read_file", arguments: call)
        let chain = Array(try agent.chain().utf8)
        #expect(guarding.check(chain: chain, proof: Array(proof.utf8), tool: "read_file", arguments: call).isPermitted)
        let inspection = try RegistryInspection(of: path)
        try inspection.checkReplayMemory()
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: replay))
        try file.write(contentsOf: before)
        try file.close()
        let error = #expect(throws: AgentIDError.self) { try inspection.checkReplayMemory() }
        #expect(error?.message.contains("knows 0 of 1 used proofs") == true, "\(error?.message ?? "")")
        // Whoever opens a guard takes it up.
        _ = try world.authority.guarding(.forTests(world))
        try inspection.checkReplayMemory()
    }

    @Test func whoEndsManyIsToldOfEachOnceAndOfEachTombstone() throws {
        let agents = try (0..<3).map { _ in try world.start() }
        let (id, child) = (try agents[0].id(), try agents[0].spawn("reader", .sameScope()))
        var told = 0
        let ended = try world.authority.deprovision(principal: "user:alice@acme.example") { told += $0 }
        #expect(ended == 4 && told == 8)
        var (last, all) = (0, 0)
        let gone = try world.authority.verifyGone(agent: id) { (last, all) = ($0, $1) }
        #expect(gone.isGone && last == gone.chains && all == gone.chains && all == 2)
        let reasons = try world.authority.agents().compactMap(\.endReason)
        #expect(reasons.contains("\(id) ended") && !reasons.contains { $0.hasSuffix(": ") })
        _ = child
    }

    @Test func withdrawnProfileIsNotCertifiedAndNotInspected() throws {
        #expect(try RegistryInspection(of: path).profiles.map(\.name) == ["researcher"])
        #expect(try world.authority.withdraw(profile: "researcher") == 0)
        #expect { try world.authority.certify(profile: "researcher", reviewBy: nil) } throws: {
            ($0 as? AgentIDError)?.name == "profile_revoked"
        }
        #expect(try RegistryInspection(of: path).profiles.isEmpty)
    }

    @Test func aProfileIsNotPutPastItsReviewUnlessItIsKeptSo() throws {
        let now = world.clock.milliseconds / 1000
        let put = { (review: Int64?) in
            try world.authority.put(
                Profile(name: "researcher", owner: "team:x", ceiling: Scope("read_file"), reviewBy: review))
        }
        for past in [1, now - 1, now] {
            #expect { try put(past) } throws: {
                ($0 as? AgentIDError).map { $0.name == "review_by" && $0.place == "options.review_by" } == true
            }
        }
        #expect(try world.authority.profile(named: "researcher").reviewBy == nil)
        try put(now + 10)
        world.pass(seconds: 20)
        // Who puts profiles at each start goes on, and no agent starts.
        try put(now + 10)
        #expect { try put(now + 9) } throws: { ($0 as? AgentIDError)?.name == "review_by" }
        try put(nil)
    }

    @Test func noOwnerNoAgent() throws {
        #expect { try Profile(name: "p", owner: "", ceiling: Scope("a")) } throws: {
            ($0 as? AgentIDError)?.message.contains("no owner, no agent") == true
        }
    }
}
