import AgentID
import Scopes
import StrictJSON
import Testing

/// What a root grant may hold, and whom a grant may be for: AAT -02, sections 6.1.3 and 6.2.
@Suite struct GrantingTests {
    private func start(_ world: World, _ scope: String, entitlements: String? = nil) throws -> Agent {
        try world.authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope(scope),
                entitlements: entitlements.map { try Scope($0) }))
    }

    @Test func whatIsGrantedIsBelowWhatWasAskedOrRefusedByItsName() throws {
        let world = try World()
        let asked = [
            "search(query: *)", "read_file(path under '/data/q3')",
            "read_file(path under '/data'); search(query like 'a*')",
        ]
        for text in asked {
            let granted = try start(world, text, entitlements: "read_file(path under '/'); search(query: *)").scope()
            #expect(try Scope(text).normalized().subsumes(granted), "\(text)")
        }
        let refused = ["read_file(path under '/etc')", "send_mail(to: *)", "{}"]
        for text in refused {
            let error = #expect(throws: AgentIDError.self) { try start(world, text) }
            #expect(error?.name == "invalid_authorization_details" && error?.place == "options.scope", "\(text)")
        }
        let error = #expect(throws: AgentIDError.self) {
            try start(world, "search(query: *)", entitlements: "read_file(path under '/data')")
        }
        #expect(error?.name == "invalid_authorization_details")
        #expect(try world.authority.agents().count == asked.count, "nothing was registered")
    }

    @Test func aKeyThatIsTheParentsOwnIsNotDelegatedTo() throws {
        let world = try World()
        let agent = try world.start()
        let error = #expect(throws: AgentIDError.self) { try agent.delegate(to: agent.publicKey(), .sameScope()) }
        #expect(error?.name == "own_key")
        let child = try agent.spawn("reader", .sameScope())
        #expect(try child.publicKey() != agent.publicKey(), "a sub-agent has a key of its own")
    }
}
