import JOSE
import Scopes
import StrictJSON
import Testing

@testable import AgentID

/// What is held of a grant that was made here is what its token says.
@Suite struct SignedGrantTests {
    private let world: World

    init() throws {
        world = try World()
        let ceiling = try Scope(
            """
            read_file(path under '/data', head? <= 200); search(query: *, limit >= 0 <= 100, kind in ['a', 'b', 'c']);
            fetch(url uri {"hosts":["api.example"]}); mail(to each(like '*@acme.example'), cc?: any(like 'a*', like 'b*'));
            book(trip members(from: *, to?: *), day in [1, 2, 3]); ping
            """)
        try world.authority.put(Profile(name: "wide", owner: "team:x", ceiling: ceiling, maxDepth: 8))
    }

    private func expectAsRead(_ agent: Agent, _ what: String) throws {
        let held = try agent.current().held
        let read = try HeldGrant(reading: held.chain)
        #expect(held.scope == read.scope, "\(what)")
        #expect(held.scope.tree.text == read.scope.tree.text, "\(what)")
        #expect(held.signingInputHash == read.signingInputHash, "\(what)")
        let (one, other) = (held.grant, read.grant)
        #expect(one.id == other.id && one.holder == other.holder && one.audiences == other.audiences, "\(what)")
        #expect(
            [one.issuedAt, one.expires, one.depth, one.maxDepth]
                == [other.issuedAt, other.expires, other.depth, other.maxDepth], "\(what)")
        #expect(one.claim?.tree.text == other.claim?.tree.text, "\(what)")
    }

    @Test(arguments: [
        "read_file(path under '/data/x')", "ping; search(query like 'w*', limit >= 5 <= 50, kind in ['b'])",
        "mail(to each(like 'x@acme.example'), cc?: like 'a1*')",
        "book(trip members(from == 'here', to?: *), day in [2])",
    ])
    func whatIsHeldIsWhatTheTokenSays(_ scope: String) throws {
        let agent = try world.authority.startAgent(
            profile: "wide",
            AgentRequest(
                principal: "user:alice@acme.example", task: "e\u{0301} \"task\"\n", scope: Scope(scope),
                intent: "\u{212A}", labels: ["z", "a", "a"], audiences: ["files", "a", "files"]))
        try expectAsRead(agent, scope)
        let child = try agent.spawn("sub", .sameScope(lifetime: 7, maxDepth: 1, labels: ["b"], audiences: ["files"]))
        try expectAsRead(child, scope)
        try expectAsRead(try child.spawn("sub", .sameScope()), scope)
        try agent.rotateKey(revokingOldKey: true)
        try expectAsRead(agent, scope)
    }

    @Test func whatIsPlainIsFarFromEveryLimit() throws {
        let list = (0..<200).map { "'v\($0)'" }.joined(separator: ", ")
        #expect(try Scope("a(x in ['1', '2']); b; c(d all(like 'x*', like '*y'))").isPlain)
        for scope in [
            "a(x in [\(list)])", "a(x each(like 'y*'))", "a(x members(y: *))", "a(x any(all(like 'a*'), like 'b*'))",
        ] { #expect(try !Scope(scope).isPlain, "\(scope)") }
    }
}
