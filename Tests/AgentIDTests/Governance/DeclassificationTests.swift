import JOSE
import Scopes
import StrictJSON
import TestSupport
import Testing

@testable import AgentID

/// Labels are taken away by people, over exactly one agent and these labels, once.
@Suite struct DeclassificationTests {
    @Test func enoughPeopleTakeLabelsAwayOnce() throws {
        let office = try LabelWorld()
        let agent = try office.start()
        try agent.authorize(tool: "read_mail", arguments: [:])
        office.world.pass(seconds: 160)
        try office.authority.lifecycle.renew()
        let before = try agent.chain()
        #expect(try office.reason(agent, "send") == "flow_refused")
        let request = try office.authority.askToDeclassify(agent: agent.id(), labels: ["untrusted"])
        #expect(try office.authority.askToDeclassify(agent: agent.id(), labels: ["untrusted"]) == request)
        #expect(office.fault { try office.authority.declassify(request) } == "approval_required")
        try office.approve(request, by: ["user:cfo"])
        #expect(office.fault { try office.authority.declassify(request) } == "approval_required")
        #expect(try office.reason(agent, "send") == "flow_refused")
        try office.approve(request, by: ["user:coo"])
        #expect(try office.reason(agent, "send") == "flow_refused")
        try office.authority.declassify(request)
        // At once: the grant that said it was made anew.
        #expect(try agent.labels() == [] && office.reason(agent, "send") == nil && agent.chain() != before)
        #expect(office.fault { try office.authority.declassify(request) } == "approval")
        // What is learnt afterwards is there again, and stays through renewals.
        try agent.authorize(tool: "read_mail", arguments: [:])
        #expect(office.fault { try office.authority.declassify(request) } == "approval")
        for _ in 0..<2 {
            office.world.pass(seconds: 160)
            try office.authority.lifecycle.renew()
            #expect(try agent.labels() == ["untrusted"] && office.reason(agent, "send") == "flow_refused")
        }
    }

    @Test func aSuspendedAgentLearnsNothingWhilePeopleDecide() throws {
        let office = try LabelWorld()
        let agent = try office.start()
        let id = try agent.id()
        try agent.authorize(tool: "read_mail", arguments: [:])
        try office.authority.suspend(agent: id)
        let request = try office.authority.askToDeclassify(agent: id, labels: ["untrusted"])
        try office.approve(request)
        try office.authority.declassify(request)
        // Its labels are gone, and it goes on only where it is resumed.
        #expect(try office.reason(agent, "send") == "suspended")
        try office.authority.resume(agent: id)
        #expect(try agent.labels() == [] && office.reason(agent, "send") == nil)
        // One that has ended has nothing to be taken away.
        try agent.authorize(tool: "read_mail", arguments: [:])
        let late = try office.authority.askToDeclassify(agent: id, labels: ["untrusted"])
        try office.approve(late)
        try agent.end(reason: "done")
        #expect(office.fault { try office.authority.declassify(late) } == "approval")
        #expect(
            office.fault { _ = try office.authority.askToDeclassify(agent: id, labels: ["untrusted"]) }
                == "agent_deprovisioned")
    }

    @Test func anApprovalIsOverThisAgentAndTheseLabelsAlone() throws {
        let office = try LabelWorld()
        let (agent, other) = (try office.start(), try office.start())
        for one in [agent, other] {
            try one.authorize(tool: "read_mail", arguments: [:])
            try one.authorize(tool: "read_hr", arguments: [:])
        }
        try office.declassify(agent, ["private"])
        #expect(try agent.labels() == ["untrusted"] && other.labels() == ["private", "untrusted"])
        // The approval of one request in another's record: signed over other words.
        let (first, second) = try (
            office.authority.askToDeclassify(agent: agent.id(), labels: ["untrusted"]),
            office.authority.askToDeclassify(agent: other.id(), labels: ["untrusted"])
        )
        try office.approve(first)
        var record = try office.authority.approval(second).record
        (record.tokens, record.state) = (try office.authority.approval(first).record.tokens, .approved)
        try office.authority.registry.write { try $0.put(record) }
        #expect(office.fault { try office.authority.declassify(second) } == "approval_required")
        #expect(try other.labels() == ["private", "untrusted"])
    }

    @Test func onlyLabelsOfARuleAreTakenAwayAndUnderItsOwnPolicy() throws {
        let office = try LabelWorld()
        let agent = try office.start()
        let id = try agent.id()
        for (labels, name) in [
            (["noted"], "not_declassifiable"), (["untrusted", "noted"], "not_declassifiable"),
            ([], "not_declassifiable"),
            (["unheard-of"], "unknown_label"), (["reviewed"], "label_permits"),
        ] {
            #expect(office.fault { _ = try office.authority.askToDeclassify(agent: id, labels: labels) } == name)
        }
        try agent.authorize(tool: "read_mail", arguments: [:])
        let request = try office.authority.askToDeclassify(agent: id, labels: ["untrusted"])
        try office.approve(request)
        try office.apply(LabelWorld.rules, version: 2)
        #expect(office.fault { try office.authority.declassify(request) } == "approval_required")
        #expect(try agent.labels() == ["untrusted"])
    }

    @Test func noAgentTakesItsOwnLabelsAwayOrHasAnApproverOfItsOwn() throws {
        let office = try LabelWorld()
        let agent = try office.start()
        let child = try agent.spawn("approver", .sameScope())
        try agent.authorize(tool: "read_mail", arguments: [:])
        let key = try child.withExportedKey { try? SigningKey(jwk: $0) }
        let stolen = Base64URL.encode(try #require(key).publicKey.bytes)
        try office.authority.applyPolicy(
            Array(
                #"""
                {"version":2,"labels":["untrusted","private","noted","reviewed"],
                "approvers":[{"name":"user:eve","key":"\#(stolen)"}],"rules":[
                {"id":"clear","declassifies":["untrusted"],"approval":{"of":["user:eve"]}}]}
                """#.utf8))
        let request = try office.authority.askToDeclassify(agent: agent.id(), labels: ["untrusted"])
        #expect(
            office.fault { try office.authority.approve(request, by: "user:eve", with: #require(key)) }
                == "approver_is_agent")
        // Nor one that was written past that.
        var record = try office.authority.approval(request).record
        record.tokens = [
            try office.authority.approvalToken(
                for: office.authority.approval(request), by: "user:eve", with: #require(key))
        ]
        record.state = .approved
        try office.authority.registry.write { try $0.put(record) }
        #expect(office.fault { try office.authority.declassify(request) } == "approval_required")
    }

    @Test func aCallNamedLikeItAndItsApprovalTakeNothingAway() throws {
        let office = try LabelWorld(
            rules: LabelWorld.rules
                + #",{"id":"ask","match":"send","approval":{"of":["user:cfo","user:coo"],"need":2}}"#)
        let agent = try office.start()
        try agent.authorize(tool: "read_hr", arguments: [:])
        let call = Array(#"{"agent":"\#(try agent.id())","labels":["private"]}"#.utf8)
        let id = try #require(try agent.check(tool: "send", arguments: call).approval)
        try office.approve(id)
        #expect(office.fault { try office.authority.declassify(id) } == "approval_other_call")
        #expect(try agent.labels() == ["private"])
    }

    @Test func whatIsAboveIsTakenAwayThereFirst() throws {
        let office = try LabelWorld()
        let agent = try office.start()
        let quarantine = try agent.spawn("quarantine", .sameScope(isolated: true))
        let helper = try agent.spawn("helper", .sameScope())
        try quarantine.authorize(tool: "read_mail", arguments: [:])
        try agent.authorize(tool: "read_hr", arguments: [:])
        for one in [quarantine, helper] {
            #expect(office.fault { try office.declassify(one, ["private"]) } == "labels_above")
        }
        try office.declassify(quarantine, ["untrusted"])
        #expect(try quarantine.labels() == ["private"] && office.reason(quarantine, "send") == nil)
        let late = try agent.spawn("late", .sameScope())
        try office.declassify(agent, ["private"])
        #expect(try agent.labels() == [] && helper.labels() == [])
        // Those whose grants say it keep it, until they are asked about by name.
        #expect(try late.labels() == ["private"] && quarantine.labels() == ["private"])
        try office.declassify(late, ["private"])
        #expect(try late.labels() == [])
    }

    @Test func itIsAnEventOfTheLogWithTheLabelsAndNothingElse() throws {
        let office = try LabelWorld()
        let agent = try office.start()
        try agent.authorize(tool: "read_mail", arguments: [:])
        let told = TakenEvents()
        try office.authority.add(
            Hook("told", on: [.approval], action: .callback { told.add($0) }))
        try office.declassify(agent, ["untrusted"])
        _ = try office.authority.settle(milliseconds: 5000)
        let states = try told.all.map { try JSON(parsing: Array($0.utf8)).root["approval"] }
        #expect(states.compactMap { $0?["state"]?.string } == ["asked", "approved", "approved", "used"])
        #expect(states.allSatisfy { $0?["declassifies"]?.elements.compactMap(\.string) == ["untrusted"] })
    }

    /// Under a clock that stands still, or goes back, and where the directory keeps nothing any more.
    @Test func aLabelThatIsLearntAgainStaysHoweverSoonThatIs() throws {
        for step in [0, 1, -5000] as [Int64] {
            let office = try LabelWorld()
            let agent = try office.start()
            let id = try agent.id()
            try agent.authorize(tool: "read_mail", arguments: [:])
            office.world.pass(seconds: 160)
            try office.authority.lifecycle.renew()
            try office.declassify(agent, ["untrusted"])
            #expect(try agent.labels() == [])
            office.world.pass(milliseconds: step)
            try agent.authorize(tool: "read_mail", arguments: [:])
            agent.hasFewerLabels = true
            _ = office.authority.lifecycle.renewGrants()
            #expect(try agent.current().held.grant.claim?.labels == ["untrusted"])
            // The next grant goes by the last one alone.
            #expect(try office.authority.lifecycle.labelsLeft(of: agent.current().held, id: id) == ["untrusted"])
            try agent.park(for: 60)
            let taken = try office.authority.unpark(agent: id)
            #expect(try taken.current().held.grant.claim?.labels == ["untrusted"])
        }
    }

    @Test func whatAnEarlierVersionTookAwayIsReadAndInDoubtStays() throws {
        let office = try LabelWorld()
        let agent = try office.start()
        try agent.authorize(tool: "read_mail", arguments: [:])
        office.world.pass(seconds: 160)
        try office.authority.lifecycle.renew()
        let (id, held) = (try agent.id(), try agent.current().held)
        for (time, left) in [(-1, ["untrusted"]), (0, ["untrusted"]), (1, [])] as [(Int64, [String])] {
            let name = "declassified \(id) untrusted"
            try office.authority.registry.write { writer in
                _ = try writer.add(held.grant.issuedAt + time + 1 - writer.counter(name), to: name)
            }
            #expect(try office.authority.lifecycle.labelsLeft(of: held, id: id) == left)
        }
        // And written over by the next one.
        try office.declassify(agent, ["untrusted"])
        #expect(try office.authority.lifecycle.labelsLeft(of: held, id: id) == [])
    }

    @Test func anAgentHeldInAnotherProcessGoesOnWithoutTheLabelFromItsNextGrantOn() throws {
        let office = try LabelWorld()
        let agent = try office.start()
        try agent.authorize(tool: "read_mail", arguments: [:])
        office.world.pass(seconds: 160)
        try office.authority.lifecycle.renew()
        var options = Authority.Options()
        options.clock = office.world.clock
        let operators = try Authority.open(directory: office.directory.path, options: options)
        let request = try operators.askToDeclassify(agent: agent.id(), labels: ["untrusted"])
        for (name, key) in [("user:cfo", office.cfo), ("user:coo", office.coo)] {
            try operators.approve(request, by: name, with: key)
        }
        try operators.declassify(request)
        // Its grant still says so.
        #expect(try office.reason(agent, "send") == "flow_refused")
        office.world.pass(seconds: 160)
        try office.authority.lifecycle.renew()
        #expect(try agent.labels() == [] && office.reason(agent, "send") == nil)
    }
}

private final class TakenEvents: Sendable {
    private let events = Locked<[String]>([])
    var all: [String] { events.withLock { $0 } }
    func add(_ event: String) { events.withLock { $0.append(event) } }
}
