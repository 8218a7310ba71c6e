import Policy
import Scopes
import TestSupport
import Testing

@testable import AgentID

/// Budgets of an agent go with it: agents that come and go fill neither the page of meters nor the registry.
@Suite struct EndedBudgetTests {
    private static let rules = ["agent", "subtree", "task"].map {
        #"{"id":"\#($0)","match":"note","budget":{"unit":"usd","limit":"5.00","cost":{"fixed":"0.10"},"for":"\#($0)"}}"#
    }.joined(separator: ",")

    private static let limit =
        #"[{"id":"own","match":"note","budget":{"unit":"usd","limit":"2.00","cost":{"fixed":"0.10"}}}]"#

    private func start(_ office: LabelWorld) throws -> Agent {
        try office.authority.startAgent(
            profile: "clerk",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope(LabelWorld.scope),
                limits: GrantLimits(Self.limit)))
    }

    private func counters(_ office: LabelWorld, of agent: String) throws -> [String] {
        try office.authority.lifecycle.registry.read { try $0.counters(of: agent) }
    }

    @Test func agentsThatComeAndGoDoNotFillAPage() throws {
        let office = try LabelWorld(rules: Self.rules)
        let (view, now) = (office.authority.view, office.world.clock.milliseconds)
        // 32 meters.
        _ = try MetersPage(
            path: view.metersPath, epoch: view.epoch, buckets: 1, believesSteps: false, now: now,
            steady: office.world.steadyClock)
        let lasting = try start(office)
        for _ in 0..<10 { try lasting.authorize(tool: "note", arguments: [:]) }
        for i in 0..<60 {
            let agent = try start(office)
            let child = try agent.spawn("child", .sameScope())
            for one in [child, agent] { try one.authorize(tool: "note", arguments: [:]) }
            // Others end a child before its parent, and one that has no children of its own.
            if i % 3 == 0 { try child.end() }
            try agent.end()
        }
        for _ in 0..<10 { try lasting.authorize(tool: "note", arguments: [:]) }
        #expect(try office.reason(lasting, "note") == "budget_exhausted")
        #expect(try office.authority.home.meters?.page(office.world.clock.milliseconds).room.slots == 32)
    }

    @Test func countersAreKeptUntilTheirAgentIsPrunedAndGoWithIt() throws {
        let office = try LabelWorld(rules: Self.rules)
        let (lasting, agent) = (try start(office), try start(office))
        let child = try agent.spawn("child", .sameScope())
        for one in [lasting, agent, child] { try one.authorize(tool: "note", arguments: [:]) }
        let (id, below) = try (agent.id(), child.id())
        // A budget, and a loan of it: of the rule for agents, subtrees and tasks, and of the limit.
        #expect(try counters(office, of: id).count == 8 && counters(office, of: below).count == 4)
        try agent.end()
        // Nobody gets a budget anew who has not seen the end yet.
        #expect(try counters(office, of: id).count == 8)
        office.world.pass(seconds: 8000)
        #expect(try office.authority.prune(endedBefore: office.world.clock.milliseconds / 1000) >= 2)
        #expect(try counters(office, of: id).isEmpty && counters(office, of: below).isEmpty)
        #expect(try counters(office, of: lasting.id()).count == 8)
    }

    @Test func whatWasCountedInPeriodsThatAreOverIsPruned() throws {
        let rule =
            #"{"id":"hourly","match":"note","budget":{"unit":"usd","limit":"5.00","per":"1h","cost":{"fixed":"0.10"},"for":"domain"}}"#
        let office = try LabelWorld(rules: rule)
        func count() throws -> Int {
            try office.authority.lifecycle.registry.read { registry in
                try (0...20).count { hour in
                    let period = (office.world.clock.milliseconds / 3_600_000 - Int64(hour)) * 3_600_000
                    let account = BudgetAccount(
                        ["budget", "hourly", "usd", "2", "domain", "", ""], limit: 1, length: 3_600_000, end: 0,
                        at: MeterTime(milliseconds: period))
                    return try registry.counter(LoanNames.budget(account)) > 0
                }
            }
        }
        for _ in 0..<8 {
            try start(office).authorize(tool: "note", arguments: [:])
            office.world.pass(seconds: 3600)
        }
        try start(office).authorize(tool: "note", arguments: [:])
        #expect(try count() == 9)
        _ = try office.authority.prune(endedBefore: office.world.clock.milliseconds / 1000)
        // That of now, and those that ended within the last hour.
        #expect(try (1...2).contains(count()))
    }

    @Test func aClockThatIsAheadForACallForgetsNothingOfTheRunningPeriod() throws {
        let rule =
            #"{"id":"daily","match":"note","budget":{"unit":"usd","limit":"0.15","per":"30d","cost":{"fixed":"0.10"},"for":"domain"}}"#
        let office = try LabelWorld(rules: rule)
        let account = BudgetAccount(
            ["budget", "daily", "usd", "2", "domain", "", ""], limit: 1, length: 30 * 86_400_000, end: 0,
            at: MeterTime(milliseconds: office.world.clock.milliseconds))
        func counted() throws -> Bool {
            try office.authority.lifecycle.registry.read { try $0.counter(LoanNames.budget(account)) > 0 }
        }
        try start(office).authorize(tool: "note", arguments: [:])
        #expect(try counted())
        var options = Authority.Options()
        let clock = office.world.clock
        options.clock = CallbackClock { clock.milliseconds + 90 * 86_400_000 }
        (options.steadyClock, options.metersClock) = (office.world.steadyClock, office.world.steadyClock)
        let ahead = try Authority.open(directory: office.directory.path, options: options)
        _ = try ahead.prune(endedBefore: clock.milliseconds / 1000 + 89 * 86_400)
        #expect(try counted())
    }
}
