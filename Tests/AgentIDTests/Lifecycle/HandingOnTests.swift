import JOSE
import Scopes
import Testing

@testable import AgentID

/// An agent that every guard would deny hands nothing on.
@Suite struct HandingOnTests {
    let world: World
    private let root: Agent
    private let agent: Agent

    init() throws {
        world = try World()
        // Its grant outlives its lease.
        root = try world.authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope("read_file(path under '/data/q3')"),
                lifetime: 3600))
        agent = try root.spawn("child", .sameScope())
    }

    private static let harms = ["agent", "key", "principal", "profile", "owner", "grant", "issuer"]

    private func revocation(_ kind: String) throws -> Revocation {
        let above = try root.current()
        let claim = try #require(above.held.grant.claim)
        return switch kind {
        case "agent": Revocation(unchecked: .agent, try root.id())
        case "key": Revocation(unchecked: .key, above.key.thumbprint)
        case "principal": Revocation(unchecked: .principal, try #require(claim.principal))
        case "profile": Revocation(unchecked: .profile, "researcher")
        case "owner": Revocation(unchecked: .principal, try #require(claim.owner))
        case "grant": Revocation(unchecked: .grant, above.held.grant.id)
        default: try #require(above.lineage.revocable.first { $0.kind == .issuer })
        }
    }

    /// What it says to each way of handing on; nothing is registered.
    private func refusals() throws -> Set<String> {
        let count = try world.authority.agents().count
        let holder = try SigningKey.generate().publicKey
        var found: Set<String> = []
        for one in [root, agent] {
            let ways: [() throws -> Void] = [
                { _ = try one.spawn("late", .sameScope()) }, { _ = try one.delegate(to: holder, .sameScope()) },
                { try one.rotateKey() },
            ]
            for way in ways {
                do {
                    try way()
                    found.insert("done")
                } catch let error as AgentIDError { found.insert(error.name) }
            }
        }
        #expect(try world.authority.agents().count == count)
        return found
    }

    @Test(arguments: harms) func whatStandsOnSomethingRevokedIsRefused(_ kind: String) throws {
        #expect(try world.authority.revoke(revocation(kind)) == true)
        #expect(try refusals() == ["authority_revoked"])
    }

    @Test func soIsWhatStandsBelowAnAgentThatIsSuspended() throws {
        try world.authority.suspend(agent: root.id())
        #expect(try refusals() == ["agent_suspended"])
        try world.authority.resume(agent: root.id())
        _ = try agent.spawn("later", .sameScope())
    }

    @Test func soIsWhatStandsUnderALeaseThatLapsed() throws {
        world.pass(seconds: 301)
        #expect(try refusals() == ["lease_lapsed"])
    }
}
