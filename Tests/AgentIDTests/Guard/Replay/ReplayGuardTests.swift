import AgentID
import Foundation
import Scopes
import StrictJSON
import Synchronization
import Testing

/// Used proofs as guards and their callers see them.
@Suite struct ReplayGuardTests {
    private static let arguments = Array(#"{"path":"/data/q3/a.csv"}"#.utf8)

    private func reason(_ guardian: Guard, _ agent: Agent, _ proof: String? = nil) throws -> String? {
        let proof = try proof ?? agent.prove(tool: "read_file", arguments: Self.arguments, audience: "files")
        return guardian.check(
            chain: Array(try agent.chain().utf8), proof: Array(proof.utf8), tool: "read_file",
            arguments: Self.arguments
        ).denial?.reason.rawValue
    }

    @Test func guardsOfOneDirectoryAcceptAProofOnce() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start()
        var options = Guard.Options()
        (options.audience, options.clock) = ("files", world.clock)
        let sharing = [try Guard.open(directory: directory.path, options), try world.authority.guarding(options)]
        options.sharesReplayMemory = false
        let alone = [try Guard.open(directory: directory.path, options), try world.authority.guarding(options)]
        let proof = try agent.prove(tool: "read_file", arguments: Self.arguments, audience: "files")
        #expect(try sharing.map { try reason($0, agent, proof) } == [nil, "replayed"])
        #expect(try alone.map { try reason($0, agent, proof) } == [nil, nil])
        #expect(try alone.map { try reason($0, agent, proof) } == ["replayed", "replayed"])

        let file = directory.path + "/replay"
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
        options.sharesReplayMemory = true
        #expect(throws: AgentIDError.self) { try Guard.open(directory: directory.path, options) }
        options.sharesReplayMemory = false
        #expect(throws: Never.self) { try Guard.open(directory: directory.path, options) }
        #expect(try reason(sharing[0], agent) == nil)
        try FileManager.default.removeItem(atPath: file)
        #expect(try reason(sharing[0], agent) == "replay_memory_replaced")
    }

    @Test func agentsBelowOneRootShareItsShareAndOthersAreNotDenied() throws {
        let world = try World()
        let (root, other) = (try world.start(), try world.start())
        let guardian = try world.guarding { $0.replayCapacity = 2 }
        let greedy = try (0..<8).map { try root.spawn("reader-\($0)", .sameScope()) } + [root]
        var reasons: [String?: Int] = [:]
        for n in 0..<90 { reasons[try reason(guardian, greedy[n % greedy.count]), default: 0] += 1 }
        // Of 64 slots a tree gets three tenths, however many holders it makes.
        #expect(reasons == [nil: 20, "replay_memory_full": 70])
        for _ in 0..<10 { #expect(try reason(guardian, other) == nil) }
        let statistics = try JSON(parsing: guardian.statistics().canonical(), limits: .init(bytes: 4096)).root
        #expect(statistics["remembered_proofs"]?.int == 30)
        #expect(statistics["replay_slots"]?.int == 64)
        #expect(statistics["replay_slots_at_most"]?.int == 64)
    }

    /// What a guard whose clock is wrong remembers stands in nobody's way, however much it is.
    @Test(arguments: [120, 600, 365 * 86_400, -600]) func clockThatIsWrongForAMomentDeniesNothingLater(seconds: Int64)
        throws
    {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path) { $0.audit = .none }
        let agent = try world.start()
        var options = Guard.Options()
        (options.audience, options.clock, options.audit, options.replayCapacity) = ("files", world.clock, .none, 2000)
        // No authority is asked whether its clock agrees: only the memory of proofs is shared.
        let wrong = try Guard.open(directory: directory.path, options)
        let right = try Guard.open(directory: directory.path, options)
        #expect(try reason(right, agent) == nil)
        let chain = Array(try agent.chain().utf8)
        world.pass(seconds: seconds)
        var accepted = 0
        for _ in 0..<300 {
            let proof = try agent.prove(tool: "read_file", arguments: Self.arguments, audience: "files")
            let decision = wrong.check(
                chain: chain, proof: Array(proof.utf8), tool: "read_file", arguments: Self.arguments)
            accepted += decision.isPermitted ? 1 : 0
        }
        world.pass(seconds: -seconds)
        #expect(accepted == (seconds == 120 ? 300 : accepted))
        for _ in 0..<100 { #expect(try reason(right, agent) == nil) }
    }
}
