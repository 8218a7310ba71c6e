import Foundation
import JOSE
import Policy
import Scopes
import Testing

@testable import AgentID

/// A call that is denied after the policy permitted it has taken nothing: the log cannot take its entry.
@Suite struct GivenBackTests {
    private let directory: TemporaryDirectory
    private let office: ApprovalWorld
    private static let rate = #"{"id":"pace","match":"read_file","rate":{"calls":2,"per":"1h"}}"#
    private static let some = #"{"id":"some","match":"read_file(path under '/data')","rate":{"calls":2,"per":"1h"}}"#
    private static let budget =
        #"{"id":"purse","match":"read_file","budget":{"unit":"call","cost":{"fixed":"1"},"limit":"2","for":"task"}}"#

    init() throws {
        directory = try TemporaryDirectory()
        office = try ApprovalWorld(at: directory.path)
    }

    /// Decides calls of an agent while the log takes nothing.
    private func askWithoutALog(_ agent: Agent, _ count: Int = 5) throws {
        office.authority.trail?.log?.close()
        for _ in 0..<count { #expect(try office.ask(agent).denial?.reason.rawValue == "audit_unavailable") }
    }

    /// Another guard of the directory, whose log is sound.
    private func reason(_ agent: Agent, _ guardian: Guard, _ path: String = "/data/q3/a") throws -> String? {
        try guardian.check(agent, tool: "read_file", arguments: Array(#"{"path":"\#(path)"}"#.utf8)).denial?.reason
            .rawValue
    }

    @Test(arguments: [rate, some, budget, rate + "," + budget, some + "," + rate])
    func aCallThatTheLogCannotTakeHasTakenNothing(rules: String) throws {
        try office.apply(rules, version: 2)
        let agent = try office.world.start()
        let guardian = try Guard.open(directory: directory.path, .forTests(office.world))
        try askWithoutALog(agent)
        for _ in 0..<2 { #expect(try reason(agent, guardian) == nil, "\(rules)") }
        #expect(try reason(agent, guardian) != nil)
    }

    @Test func anApprovalIsGivenBackAndIsGoodForOneCallAllTheSame() throws {
        let agent = try office.world.start()
        let id = try office.request(agent)
        try office.approve(id)
        let guardian = try Guard.open(directory: directory.path, .forTests(office.world))
        try askWithoutALog(agent)
        #expect(try office.authority.registry.read { try $0.approval(id) }?.state == .approved)
        #expect(try reason(agent, guardian) == nil)
        #expect(try reason(agent, guardian) == "approval_required")
    }

    @Test func anApprovalIsNotGivenBackInPlaceOfANewerQuestion() throws {
        let agent = try office.world.start()
        let id = try office.request(agent)
        try office.approve(id)
        let record = try office.authority.approval(id).record
        let desk = ApprovalDesk(directory: nil, registry: office.authority.registry)
        let now = office.world.clock.milliseconds
        try desk.use([record], now: now)
        let newer = try office.request(agent)
        desk.giveBack([record], now: now)
        #expect(try office.authority.registry.read { try $0.approval(id) } == nil)
        #expect(try office.authority.approval(newer).record.state == .pending)
        // Nor once it has lapsed.
        let other = try office.request(agent, "/data/q3/b")
        try office.approve(other)
        let lapsed = try office.authority.approval(other).record
        try desk.use([lapsed], now: now)
        desk.giveBack([lapsed], now: lapsed.expires)
        #expect(try office.authority.registry.read { try $0.approval(other) } == nil)
    }

    @Test func aLabelThatPermitsIsNotAddedByACallThatIsDenied() throws {
        try office.apply(
            """
            {"id":"rev","match":"read_file(path like '/data/q3/a*')","labels":{"adds":["reviewed","seen"]}},
            {"id":"gate","match":"read_file(path == '/data/q3/out')","labels":{"requires":["reviewed"]}}
            """, version: 2, labels: #""labels":["reviewed","seen"],"#)
        let agent = try office.world.start()
        let guardian = try Guard.open(directory: directory.path, .forTests(office.world))
        try askWithoutALog(agent)
        #expect(try reason(agent, guardian, "/data/q3/out") == "flow_refused")
        #expect(try reason(agent, guardian) == nil)
        #expect(try reason(agent, guardian, "/data/q3/out") == nil)
    }
}
