import JOSE
import Testing

@testable import AgentID

/// What happens while a call is decided, after its chain was looked at: the answer knows it.
@Suite struct DecisionRaceTests {
    /// Says that every grant is good, and once does something else before.
    private final class Interrupting: StatusResolver {
        private let meanwhile = Locked<(@Sendable () throws -> Void)?>(nil)

        func interrupt(_ body: @escaping @Sendable () throws -> Void) { meanwhile.withLock { $0 = body } }

        func status(ofGrant id: String) -> GrantStatus {
            let body = meanwhile.withLock { $0.take() }
            do { try body?() } catch { return .unknown }
            return .active
        }
    }

    enum Event: CaseIterable { case suspend, end, revoke, revokeHere, untrust }

    private let budget = """
        {"version":1,"rules":[{"id":"spend","match":"read_file",
        "budget":{"unit":"usd","limit":"1.00","cost":{"fixed":"0.40"},"for":"task"}}]}
        """

    private func reason(_ guardian: Guard, _ agent: Agent) throws -> String? {
        try guardian.check(agent, tool: "read_file", arguments: bytes(#"{"path":"/data/q3/a"}"#)).denial?.reason
            .rawValue
    }

    @Test(arguments: Event.allCases, [false, true]) func whatHappensWhileACallIsDecidedDeniesIt(
        _ event: Event, _ isUnderAPolicy: Bool
    ) throws {
        let (world, resolver) = (try World(), Interrupting())
        if isUnderAPolicy { try world.authority.applyPolicy(bytes(budget)) }
        let agent = try world.start()
        let id = try agent.id()
        let follows = event != .untrust
        let guardian =
            follows
            ? try world.authority.guarding(.forTests(world) { $0.statuses = resolver })
            : try world.guarding { $0.statuses = resolver }
        // The second time all of the chain is known.
        #expect(try reason(guardian, agent) == nil)
        let other = HandMade.bundle([try SigningKey.generate()], sequence: 1000)
        resolver.interrupt {
            switch event {
            case .suspend: try world.authority.suspend(agent: id)
            case .end: _ = try world.authority.deprovision(agent: id)
            case .revoke: try world.authority.revoke(Revocation(.agent, id))
            case .revokeHere: guardian.revoke(try Revocation(.agent, id))
            case .untrust: try guardian.addBundle(other, for: "acme.example")
            }
        }
        let expected =
            switch event {
            case .suspend: "suspended"
            case .end, .revoke, .revokeHere: "authority_revoked"
            case .untrust: "untrusted_root"
            }
        #expect(try reason(guardian, agent) == expected)
        guard event == .suspend, isUnderAPolicy else { return }
        // It cost nothing.
        try world.authority.resume(agent: id)
        #expect(try reason(guardian, agent) == nil)
        #expect(try reason(guardian, agent) == "budget_exhausted")
    }
}
