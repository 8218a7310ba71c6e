import AgentID
import StrictJSON
import Testing

/// `authorize` permits or throws, whichever way the call came; `check` answers.
struct PermitTests {
    private let inside = Array(#"{"path":"/data/q3/a"}"#.utf8)
    private let outside = Array(#"{"path":"/etc/passwd"}"#.utf8)

    private func reason(_ body: () throws(NotPermitted) -> Permit) -> String? {
        do throws(NotPermitted) {
            _ = try body()
            return nil
        } catch { return error.denial?.reason.rawValue ?? "failed" }
    }

    @Test func authorizeThrowsWhatCheckReturns() throws {
        let world = try World()
        let agent = try world.start()
        let guardian = try world.guarding()
        let admission = try guardian.admit(chain: Array(agent.chain().utf8))
        func proof(_ arguments: [UInt8]) throws -> String {
            try agent.prove(tool: "read_file", arguments: arguments, audience: "files")
        }
        for (arguments, expected) in [(inside, nil), (outside, "argument_constraint_violated")] {
            let chain = try agent.chain()
            let proofs = try (0..<3).map { _ in try proof(arguments) }
            #expect(try agent.check(tool: "read_file", arguments: arguments).denial?.reason.rawValue == expected)
            #expect(
                reason { () throws(NotPermitted) in try agent.authorize(tool: "read_file", arguments: arguments) }
                    == expected)
            #expect(
                reason { () throws(NotPermitted) in
                    try guardian.authorize(agent, tool: "read_file", arguments: arguments)
                } == expected)
            #expect(
                reason { () throws(NotPermitted) in
                    try guardian.authorize(chain: chain, proof: proofs[0], tool: "read_file", arguments: arguments)
                } == expected)
            #expect(
                reason { () throws(NotPermitted) in
                    try guardian.authorize(
                        admission, proof: Array(proofs[1].utf8), tool: "read_file", arguments: arguments)
                } == expected)
            let made = try agent.present(tool: "read_file", arguments: arguments, audience: "files")
            #expect(
                reason { () throws(NotPermitted) in
                    try guardian.authorize(
                        presentation: Array(made.json.utf8), tool: "read_file", arguments: arguments)
                } == expected)
        }
    }

    @Test func aFaultIsNoPermit() throws {
        let world = try World()
        let agent = try world.start()
        let guardian = try world.guarding()
        agent.close()
        #expect(
            reason { () throws(NotPermitted) in
                try guardian.authorize(agent, tool: "read_file", arguments: inside)
            } == "failed")
    }

    @Test func onlyAPermitHasAPermit() throws {
        let agent = try World().start()
        #expect(try agent.check(tool: "read_file", arguments: inside).permit != nil)
        #expect(try agent.check(tool: "read_file", arguments: outside).permit == nil)
    }
}
