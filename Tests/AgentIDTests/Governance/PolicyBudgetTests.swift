import AgentID
import Foundation
import Scopes
import StrictJSON
import Testing

/// Budgets of a policy, as guards enforce them.
@Suite struct PolicyBudgetTests {
    private func apply(_ rules: String, to world: World, version: Int = 1) throws {
        try world.authority.applyPolicy(Array(#"{"version":\#(version),"rules":[\#(rules)]}"#.utf8))
    }

    private func check(_ agent: Agent, _ path: String = "/data/q3/a") throws -> Decision {
        try agent.check(tool: "read_file", arguments: Array(#"{"path":"\#(path)"}"#.utf8))
    }

    private func begin(_ agent: Agent) throws -> Call {
        try agent.begin(tool: "read_file", arguments: ["path": "/data/q3/a"])
    }

    private let reading =
        #"{"id":"spend","match":"read_file","budget":{"unit":"usd","limit":"1.00","cost":{"fixed":"0.40"},"for":"task"}}"#

    @Test func whatAPolicyLetsATaskSpendIsSpentAndNoMore() throws {
        let world = try World()
        let agent = try world.start()
        try apply(reading, to: world)
        #expect(try check(agent).isPermitted && check(agent).isPermitted)
        let denied = try check(agent)
        #expect(denied.denial?.reason.rawValue == "budget_exhausted" && denied.rule == "spend")
        #expect(denied.denial?.message.contains("0.20 usd are left of 1.00 usd") == true)
        // Another version of the policy has the same budget, with what was spent of it.
        try apply(reading.replacingOccurrences(of: "1.00", with: "1.60"), to: world, version: 2)
        #expect(try check(agent).isPermitted && check(agent).isPermitted && !check(agent).isPermitted)
    }

    @Test func whatACallDidNotCostCanBeSpentAndIsGivenBackOnce() throws {
        let world = try World()
        let agent = try world.start()
        try apply(reading, to: world)
        let (first, second) = (try begin(agent), try begin(agent))
        #expect(throws: AgentIDError.self) { try first.cost("0.123", in: "usd") }
        #expect(throws: AgentIDError.self) { try first.cost("-1", in: "usd") }
        try first.cost("0.20", in: "usd")
        try first.commit()
        #expect(throws: AgentIDError.self) { try first.cost("0.00", in: "usd") }
        #expect(throws: AgentIDError.self) { try first.abort() }
        #expect(try check(agent).isPermitted && !check(agent).isPermitted)
        try second.abort()
        try second.abort()
        #expect(try check(agent).isPermitted && !check(agent).isPermitted)
    }

    @Test func aTrueCostAboveTheReservationDeniesFromThenOn() throws {
        let world = try World()
        let agent = try world.start()
        try apply(reading, to: world)
        let call = try begin(agent)
        try call.cost("7.5", in: "usd")
        try call.commit()
        #expect(try check(agent).denial?.reason.rawValue == "budget_exhausted")
    }

    @Test func aRuleThatIsObservedDeniesNothingAndAnotherThatDeniesTakesNothing() throws {
        let world = try World()
        let agent = try world.start()
        let observed = reading.replacingOccurrences(of: #""id":"spend""#, with: #""id":"seen","mode":"observe""#)
        let narrow =
            #"{"id":"narrow","match":"read_file","budget":{"unit":"calls","limit":"1","cost":{"fixed":"1"},"for":"agent"}}"#
        try apply("\(observed),\(narrow)", to: world)
        #expect(try check(agent).isPermitted)
        for _ in 0..<5 { #expect(try check(agent).rule == "narrow") }
        try apply(observed, to: world, version: 2)
        #expect(try check(agent).observed == nil)
        let third = try check(agent)
        #expect(third.isPermitted && third.observed?.reason.rawValue == "budget_exhausted")
    }

    @Test func aCallWhoseCostCannotBeToldIsDenied() throws {
        let world = try World()
        let agent = try world.start()
        try apply(reading.replacingOccurrences(of: #"{"fixed":"0.40"}"#, with: #"{"argument":"usd"}"#), to: world)
        #expect(try check(agent).denial?.reason.rawValue == "policy_denied")
    }
}
