import AgentIDAsync
import AgentIDFoundation
import Foundation
import Testing

/// Documents go through anybody's Codable types and come back the same.
struct DocumentTests {
    private struct Answer: Codable {
        var status: Int
        var decision: JSONTree
    }

    @Test func aDocumentIsCodable() async throws {
        let world = try await World()
        try await world.withAgent { agent in
            for path in ["/data/q3/a", "/etc/passwd"] {
                let document = try decision(on: agent, path).document
                let data = try JSONEncoder().encode(Answer(status: 403, decision: document))
                let answer = try JSONDecoder().decode(Answer.self, from: data)
                #expect(answer.status == 403 && answer.decision.text == document.text)
            }
        }
    }

    @Test(arguments: [
        "null", "true", "0", "-7", "0.5", "1e300", "9007199254740991", #""""#, #""é\u0000""#, "[]", "{}",
        #"[1,[null,{"a":[{}],"K":"K","k":false}],"x"]"#,
    ])
    func everyValueComesBack(text: String) throws {
        let tree = try JSONDecoder().decode([JSONTree].self, from: Data("[\(text)]".utf8))
        let again = try JSONDecoder().decode([JSONTree].self, from: JSONEncoder().encode(tree))
        #expect(again.map(\.text) == tree.map(\.text))
        let plain = try JSONSerialization.data(withJSONObject: [
            JSONSerialization.jsonObject(
                with: Data(text.utf8), options: .fragmentsAllowed)
        ])
        #expect(try JSONDecoder().decode([JSONTree].self, from: plain).map(\.text) == tree.map(\.text))
    }

    @Test func whatNestsTooDeepIsRefused() {
        for depth in [129, 400] {
            let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            #expect(throws: DecodingError.self) { try JSONDecoder().decode(JSONTree.self, from: Data(text.utf8)) }
        }
    }

    @Test func durationsAreCutWhereTheyLimit() async throws {
        let scope = try Scope("search")
        func lifetime(_ duration: Duration) -> Int64? {
            AgentRequest(principal: "user:a", task: "t", scope: scope, lifetime: duration).lifetime
        }
        #expect(lifetime(.seconds(300)) == 300 && lifetime(.milliseconds(2999)) == 2)
        #expect(lifetime(.milliseconds(-1)) == -1 && lifetime(.seconds(Int64.max)) == .max)
        #expect(DelegationRequest(scope: scope, lifetime: .seconds(60)).lifetime == 60)
        #expect(DelegationRequest.sameScope(lifetime: .seconds(60)).lifetime == 60)
        let world = try await World()
        #expect(try await world.authority.settle(within: .milliseconds(1)))
        #expect(try await world.authority.settle(within: .nanoseconds(1)))
    }

    @Test func localizedDescriptionsSayWhatIsWrong() throws {
        let scope = #expect(throws: ScopeError.self) { try Scope("read_file(") }
        let error: any Error = try #require(scope)
        #expect(error.localizedDescription == "\(error)" && error.localizedDescription.contains("byte"))
        let profile = #expect(throws: AgentIDError.self) {
            _ = try Profile(name: "P Q", owner: "team:x@acme.example", ceiling: Scope("search"))
        }
        #expect((profile as (any Error)?)?.localizedDescription.contains("name") == true)
    }
}
