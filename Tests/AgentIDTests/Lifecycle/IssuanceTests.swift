import JOSE
import Scopes
import Testing

@testable import AgentID

/// Nobody starts an agent that nobody answers for.
@Suite struct IssuanceTests {
    private let owner = "team:research@acme.example"

    @Test func nothingIsStartedUnderAnOwnerWhoLeft() throws {
        let world = try World()
        #expect(try world.authority.deprovision(principal: owner) == 0)
        let refusal = #expect(throws: AgentIDError.self) { try world.start() }
        #expect(refusal?.name == "authority_revoked")
        #expect(refusal?.place == "profile")
        #expect(try world.authority.agents().isEmpty)
        try world.authority.put(
            Profile(
                name: "researcher", owner: "team:audit@acme.example", ceiling: Scope("read_file(path under '/data')")))
        _ = try world.start()
    }

    @Test(arguments: ["user:alice@acme.example", "team:research@acme.example"])
    func whatWasSignedBeforeSomeoneLeftIsNotRegistered(who: String) throws {
        let world = try World()
        let authority = world.authority
        let active = try #require(try authority.registry.read { try $0.keys() }.first { $0.role == .active })
        let issuance = try Issuance(
            under: authority.profile(named: "researcher"), of: authority.trustDomain,
            to: SigningKey.generate().publicKey,
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope("read_file(path under '/data')")),
            by: authority.keys.signer(for: active.key), clock: CheckedClock(world.clock))
        _ = try authority.deprovision(principal: who)
        #expect(throws: AgentIDError.self) { try authority.lifecycle.register(issuance, leaseUntil: .max) }
        #expect(try authority.agents().isEmpty)
    }
}
