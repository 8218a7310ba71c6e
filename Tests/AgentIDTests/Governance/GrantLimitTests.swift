import Scopes
import TestSupport
import Testing

@testable import AgentID

/// Limits that grants state: whatever tree of grants and calls there is, nobody below a grant has spent more than it states.
@Suite struct GrantLimitTests {
    private static func usd(_ cents: Int) -> String { "\(cents / 100).\(cents % 100 < 10 ? "0" : "")\(cents % 100)" }

    private static func limit(_ cents: Int, _ id: String = "pocket") -> String {
        #"[{"id":"\#(id)","match":"pay","budget":{"unit":"usd","limit":"\#(usd(cents))","cost":{"argument":"usd"}}}]"#
    }

    @Test func noTreeOfGrantsSpendsMoreThanAnyOfThemStates() throws {
        var random = Seeded.announced("GrantLimitTests")
        for _ in 0..<20 {
            let world = try World()
            try world.authority.put(
                Profile(name: "buyer", owner: "team:a@acme.example", ceiling: Scope("pay(usd: *)"), maxDepth: 5))
            let most = Int.random(in: 1...400, using: &random)
            let request = AgentRequest(
                principal: "user:a@acme.example", task: "t", scope: try Scope("pay(usd: *)"),
                limits: try GrantLimits(Self.limit(most)))
            let root = try world.authority.startAgent(profile: "buyer", request)
            var agents = [(agent: root, above: -1, most: most, spent: 0)]
            for _ in 0..<60 {
                let i = Int.random(in: 0..<agents.count, using: &random)
                if agents.count < 12, Bool.random(using: &random) {
                    // With less, or with a limit of another name, of which there is as much as it likes, or with none.
                    let own = Int.random(in: 0...agents[i].most, using: &random)
                    let text =
                        [Self.limit(own), Self.limit(own * 7, "other"), nil].randomElement(using: &random) ?? nil
                    let limits = try text.map { try GrantLimits($0) }
                    guard let child = try? agents[i].agent.spawn("c", .sameScope(limits: limits)) else { continue }
                    agents.append((child, i, text == Self.limit(own) ? own : agents[i].most, 0))
                    continue
                }
                let cents = Int.random(in: 0...120, using: &random)
                let call = Array(#"{"usd":"\#(Self.usd(cents))"}"#.utf8)
                let decision = try agents[i].agent.check(tool: "pay", arguments: call)
                guard decision.isPermitted else {
                    #expect(decision.denial?.reason.rawValue == "budget_exhausted")
                    continue
                }
                var place = i
                while place >= 0 {
                    agents[place].spent += cents
                    #expect(agents[place].spent <= agents[place].most)
                    place = agents[place].above
                }
            }
        }
    }
}
