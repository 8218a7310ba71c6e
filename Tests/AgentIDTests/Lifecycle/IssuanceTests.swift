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
        let issuance = try issuance(in: world, to: SigningKey.generate())
        _ = try authority.deprovision(principal: who)
        #expect(throws: AgentIDError.self) { try authority.lifecycle.register(issuance, leaseUntil: .max) }
        #expect(try authority.agents().isEmpty)
    }

    @Test func whatWasSignedBeforeItsHoldersKeyWasRevokedIsNotRegistered() throws {
        let world = try World()
        let authority = world.authority
        let holder = try SigningKey.generate()
        let issuance = try issuance(in: world, to: holder)
        try authority.revoke(Revocation(.key, holder.publicKey.thumbprint))
        let refusal = #expect(throws: AgentIDError.self) {
            try authority.lifecycle.register(issuance, leaseUntil: .max)
        }
        #expect(refusal?.name == "authority_revoked" && refusal?.place == "holder")
        #expect(try authority.agents().isEmpty)
    }

    /// A grant that is signed, and not yet registered.
    private func issuance(in world: World, to holder: SigningKey) throws -> Issuance {
        let authority = world.authority
        let active = try #require(try authority.registry.read { try $0.keys() }.first { $0.role == .active })
        return try Issuance(
            under: authority.profile(named: "researcher"), of: authority.trustDomain, to: holder.publicKey,
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope("read_file(path under '/data')")),
            by: authority.keys.signer(for: active.key), clock: CheckedClock(world.clock))
    }
}
