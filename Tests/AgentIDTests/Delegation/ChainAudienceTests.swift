import StrictJSON
import Scopes
import Testing

@testable import AgentID

/// Whom a chain and a proof are for: `aud` in grants, `aat_aud` in proofs (AAT -02, 3.2, 7.2, 9.5).
@Suite struct ChainAudienceTests {
    // Made each time: LeakSanitizer does not see what only a tagged pointer of a global holds.
    private static var cases: [(JSONTree, String?)] {
        [
            ("files", nil), (["files"], nil), (["mail", "files"], nil), ("mail", "chain_audience_mismatch"),
            ("FILES", "chain_audience_mismatch"), ("", "chain_audience_mismatch"), ([], "chain_audience_mismatch"),
            (["mail", "file"], "chain_audience_mismatch"), (7, "token_malformed"), (.null, "token_malformed"),
            (["files", 7], "token_malformed"), (["aud": "files"], "token_malformed"),
        ]
    }

    @Test func everyGrantThatNamesGuardsMustNameThisOne() throws {
        let world = try Presenting()
        for (audience, reason) in Self.cases {
            let root = world.root { $0["aud"] = audience }
            #expect(world.reason([root], try world.proof(under: root)) == reason, "\(audience.text)")
            let plain = world.root()
            let child = try world.child(of: plain) { $0["aud"] = audience }
            #expect(world.reason([plain, child], try world.proof(under: child)) == reason, "\(audience.text) below")
            // What is said below takes nothing of what is said above away.
            let free = try world.child(of: root) { $0["aud"] = "files" }
            #expect(world.reason([root, free], try world.proof(under: free)) == reason, "\(audience.text) above")
        }
    }

    @Test func aGuardThatRequiresItDeniesChainsThatNameNobody() throws {
        let world = try Presenting { $0.requiresChainAudience = true }
        let root = world.root()
        #expect(world.reason([root], try world.proof(under: root)) == "chain_audience_missing")
        let named = world.root { $0["aud"] = "files" }
        let child = try world.child(of: named)
        #expect(world.reason([named, child], try world.proof(under: child)) == nil, "one of them is enough")
    }

    @Test func aGuardWithoutANameIsMeantByNoName() throws {
        let world = try Presenting { ($0.audience, $0.acceptsProofsWithoutAudience) = (nil, true) }
        let root = world.root()
        #expect(world.reason([root], try world.proof(under: root) { $0["aat_aud"] = nil }) == nil)
        #expect(world.reason([root], try world.proof(under: root)) == "pop_recipient_mismatch")
        let named = world.root { $0["aud"] = "files" }
        let proof = try world.proof(under: named) { $0["aat_aud"] = nil }
        #expect(world.reason([named], proof) == "chain_audience_mismatch")
    }

    @Test func aNamedGuardMayTakeForwardedProofsButNoneForAnother() throws {
        let world = try Presenting { $0.acceptsProofsWithoutAudience = true }
        let root = world.root()
        #expect(world.reason([root], try world.proof(under: root)) == nil)
        #expect(world.reason([root], try world.proof(under: root) { $0["aat_aud"] = nil }) == nil)
        let others = try world.proof(under: root) { $0["aat_aud"] = "mail" }
        #expect(world.reason([root], others) == "pop_recipient_mismatch")
        let strict = try Presenting()
        let strictRoot = strict.root()
        let unnamed = try strict.proof(under: strictRoot) { $0["aat_aud"] = nil }
        #expect(strict.reason([strictRoot], unnamed) == "pop_recipient_mismatch")
    }

    private func present(_ agent: Agent, to guardian: Guard, as name: String) throws -> String? {
        let call = Array(#"{"query":"x"}"#.utf8)
        let made = try agent.present(tool: "search", arguments: call, audience: name)
        return guardian.check(chain: made.chain, proof: made.proof, tool: "search", arguments: call)
            .denial?.reason.rawValue
    }

    @Test func whomAGrantIsForStaysWithItAndNarrowsBelow() throws {
        let world = try World()
        let (files, mail) = (try world.guarding(), try world.guarding { $0.audience = "mail" })
        let agent = try world.authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope("search(query: *)"), lifetime: 60,
                audiences: ["mail", "files", "mail"]))
        #expect(try present(agent, to: files, as: "files") == nil)
        #expect(try present(agent, to: mail, as: "mail") == nil)
        let below = try agent.spawn("reader", .sameScope(lifetime: 60, audiences: ["files"]))
        #expect(try present(below, to: files, as: "files") == nil)
        #expect(try present(below, to: mail, as: "mail") == "chain_audience_mismatch")
        let beyond = try agent.spawn("beyond", .sameScope(audiences: ["elsewhere"]))
        let elsewhere = try world.guarding { $0.audience = "elsewhere" }
        #expect(try present(beyond, to: elsewhere, as: "elsewhere") == "chain_audience_mismatch")
        // Renewed and rotated, it is the same.
        world.pass(seconds: 40)
        _ = world.authority.lifecycle.renewGrants()
        for _ in 0..<2 {
            #expect(try present(below, to: files, as: "files") == nil)
            #expect(try present(agent, to: elsewhere, as: "elsewhere") == "chain_audience_mismatch")
            #expect(try present(below, to: mail, as: "mail") == "chain_audience_mismatch")
            try agent.rotateKey(revokingOldKey: false)
        }
        try agent.rotateKey(revokingOldKey: true)
        #expect(try present(agent, to: files, as: "files") == nil)
        #expect(try present(agent, to: elsewhere, as: "elsewhere") == "chain_audience_mismatch")
    }

    @Test func whatIsForSomeGuardsOnlyIsNotTakenForGone() throws {
        let world = try World()
        let agent = try world.authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope("search(query: *)"), audiences: ["files"])
        )
        #expect(try world.authority.verifyGone(agent: agent.id()).permitted.count == 1)
        let id = try agent.id()
        try agent.end()
        #expect(try world.authority.verifyGone(agent: id).permitted.isEmpty)
    }

    @Test func aNameThatNoGuardCanHaveIsRefusedByItsOption() throws {
        let world = try World()
        let agent = try world.start()
        for names in [[""], [String(repeating: "x", count: 257)], (0..<65).map { "g\($0)" }] {
            let error = #expect(throws: AgentIDError.self) { try agent.spawn("a", .sameScope(audiences: names)) }
            #expect(error?.name == "audience" && error?.place == "options.audiences")
        }
    }
}
