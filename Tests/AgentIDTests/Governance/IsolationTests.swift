import JOSE
import Scopes
import StrictJSON
import TestSupport
import Testing

@testable import AgentID

/// A directory whose policy has labels, an isolated agent's results, and people who may take labels away.
struct LabelWorld {
    let directory: TemporaryDirectory
    let world: World
    let (cfo, coo): (SigningKey, SigningKey)
    static let scope = "read_mail; read_hr; note; send; review; deploy"
    static let rules = """
        {"id":"mail","match":"read_mail","labels":{"adds":["untrusted"]}},
        {"id":"hr","match":"read_hr","labels":{"adds":["private"]}},
        {"id":"note","match":"note","labels":{"adds":["noted"],"for":"agent"}},
        {"id":"rev","match":"review","labels":{"adds":["reviewed"]}},
        {"id":"gate","match":"deploy","labels":{"requires":["reviewed"]}},
        {"id":"out","match":"send","labels":{"refuses":["untrusted"]}},
        {"id":"clear","declassifies":["untrusted","private"],"approval":{"of":["user:cfo","user:coo"],"need":2}}
        """
    static let results = """
        "results":[{"name":"amount","type":"number"},{"name":"due","type":"date","labels":["private"]},
        {"name":"verdict","type":["pay","refuse"]}],
        """

    init(rules: String = LabelWorld.rules) throws {
        directory = try TemporaryDirectory()
        world = try World(at: directory.path, movesMeters: true)
        (cfo, coo) = (try SigningKey.generate(), try SigningKey.generate())
        try world.authority.put(
            Profile(
                name: "clerk", owner: "team:x@acme.example", ceiling: Scope(Self.scope), maxLifetime: 3600, maxDepth: 8)
        )
        try apply(rules)
    }

    func apply(_ rules: String, version: Int = 1) throws {
        let keys = [("user:cfo", cfo), ("user:coo", coo)].map {
            #"{"name":"\#($0)","key":"\#(Base64URL.encode($1.publicKey.bytes))"}"#
        }
        try world.authority.applyPolicy(
            Array(
                #"""
                {"version":\#(version),"labels":["untrusted","private","noted","reviewed"],\#(Self.results)
                "approvers":[\#(keys.joined(separator: ","))],"rules":[\#(rules)]}
                """#.utf8))
    }

    var authority: Authority { world.authority }

    func start(isolated: Bool = false, labels: [String] = []) throws -> Agent {
        try authority.startAgent(
            profile: "clerk",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope(Self.scope), labels: labels,
                isolated: isolated))
    }

    func reason(_ agent: Agent, _ tool: String) throws -> String? {
        try agent.check(tool: tool, arguments: [0x7B, 0x7D]).denial?.reason.rawValue
    }

    func approve(_ id: String, by people: [String] = ["user:cfo", "user:coo"]) throws {
        for name in people { try authority.approve(id, by: name, with: name == "user:cfo" ? cfo : coo) }
    }

    /// Has people take labels away.
    func declassify(_ agent: Agent, _ labels: [String]) throws {
        let request = try authority.askToDeclassify(agent: agent.id(), labels: labels)
        try approve(request)
        try authority.declassify(request)
    }

    func fault(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch { return (error as? AgentIDError)?.name ?? "\(error)" }
    }
}

/// What an isolated agent learns stays with it and all below it, until its parent takes a result on purpose.
@Suite struct IsolationTests {
    @Test func whatAnIsolatedChildLearnsDoesNotFlowUpAndWhatItsParentLearnsFlowsDown() throws {
        let office = try LabelWorld()
        let agent = try office.start()
        let child = try agent.spawn("quarantine", .sameScope(isolated: true))
        let grandchild = try child.spawn("helper", .sameScope())
        let sibling = try agent.spawn("sibling", .sameScope())
        try grandchild.authorize(tool: "read_mail", arguments: [:])
        // The whole compartment has it, and nobody else.
        for one in [child, grandchild] {
            #expect(try one.labels() == ["untrusted"] && office.reason(one, "send") == "flow_refused")
        }
        for one in [agent, sibling] { #expect(try one.labels() == [] && office.reason(one, "send") == nil) }
        // In whatever process.
        let other = try Guard.open(directory: office.directory.path, .forTests(office.world))
        for (one, expected) in [(agent, nil), (sibling, nil), (child, "flow_refused"), (grandchild, "flow_refused")] {
            let shown = try one.present(tool: "send", arguments: Array("{}".utf8))
            let decision = other.check(
                chain: Array(shown.chain.utf8), proof: Array(shown.proof.utf8), tool: "send",
                arguments: Array("{}".utf8))
            #expect(decision.denial?.reason.rawValue == expected)
        }
        try sibling.authorize(tool: "read_hr", arguments: [:])
        #expect(try agent.labels() == ["private"])
        #expect(try child.labels() == ["private", "untrusted"] && grandchild.labels() == ["private", "untrusted"])
    }

    @Test func anAgentThatWasStartedIsolatedLearnsNothingFromWhatItStarts() throws {
        let office = try LabelWorld()
        let agent = try office.start(isolated: true)
        // Also after its grant was made anew, with another key, and taken up after a wait.
        office.world.pass(seconds: 160)
        try office.authority.lifecycle.renew()
        try agent.rotateKey()
        let child = try agent.spawn("reader", .sameScope())
        try child.authorize(tool: "read_mail", arguments: [:])
        #expect(try agent.labels() == [] && child.labels() == ["untrusted"])
        office.world.pass(seconds: 160)
        try office.authority.lifecycle.renew()
        try child.rotateKey()
        try child.authorize(tool: "read_hr", arguments: [:])
        #expect(try agent.labels() == [] && child.labels() == ["private", "untrusted"])
        try agent.rotateKey(revokingOldKey: true)
        let next = try agent.spawn("reader", .sameScope())
        try next.authorize(tool: "read_mail", arguments: [:])
        #expect(try agent.labels() == [])
        try agent.authorize(tool: "read_mail", arguments: [:])
        #expect(try agent.labels() == ["untrusted"])
    }

    @Test func whatPermitsInsideDoesNotPermitOutside() throws {
        let office = try LabelWorld()
        let agent = try office.start()
        let child = try agent.spawn("quarantine", .sameScope(isolated: true))
        try child.authorize(tool: "review", arguments: [:])
        #expect(try office.reason(child, "deploy") == nil && office.reason(agent, "deploy") == "flow_refused")
        // Nor is it taken up with a result.
        #expect(try agent.joinLabels(from: child) == [])
        #expect(try office.reason(agent, "deploy") == "flow_refused")
    }

    @Test func nobodyIsolatesItselfByWhatItSigns() throws {
        let office = try LabelWorld()
        let agent = try office.start()
        let parent = try agent.withExportedKey { try? SigningKey(jwk: $0) }
        let elsewhere = try Agent.open(key: #require(parent), chain: agent.chain(), clock: office.world.clock)
        let key = try SigningKey.generate()
        for request in [DelegationRequest.sameScope(isolated: true)] {
            #expect(office.fault { _ = try elsewhere.spawn("x", request) } == "isolated")
            #expect(office.fault { _ = try elsewhere.delegate(to: key.publicKey, request) } == "isolated")
            #expect(office.fault { _ = try agent.delegate(to: key.publicKey, request) } == "isolated")
        }
        let issued = office.fault {
            _ = try office.authority.issue(
                profile: "clerk", to: key.publicKey,
                AgentRequest(
                    principal: "user:a@acme.example", task: "t", scope: Scope("send"), isolated: true))
        }
        #expect(issued == "isolated")
        // Signed by hand, under the ID of a child that the registry has, isolated or not.
        let held = try elsewhere.current().held
        for isolated in [false, true] {
            let child = try agent.spawn("quarantine", .sameScope(isolated: isolated))
            // Also under the `jti` of the grant that the registry has.
            var claim = Claim()
            (claim.agent, claim.isIsolated, claim.labels) = (try child.id(), true, try agent.labels())
            let known = try child.current().held.grant
            let terms = GrantTerms(
                id: known.id, issuedAt: known.issuedAt, expires: known.expires, depth: known.depth,
                maxDepth: known.maxDepth, holder: key.publicKey, claim: claim, audiences: [])
            let forged = HeldGrant(try SignedGrant(terms, held.scope, below: held, by: #require(parent)))
            let liar = try Agent.open(
                key: key, chain: String(decoding: forged.chain, as: UTF8.self), clock: office.world.clock)
            let own = try office.authority.guarding(.forTests(office.world))
            let shown = try liar.present(tool: "read_mail", arguments: Array("{}".utf8))
            #expect(
                own.check(
                    chain: Array(shown.chain.utf8), proof: Array(shown.proof.utf8), tool: "read_mail",
                    arguments: Array("{}".utf8)
                ).isPermitted)
            #expect(try agent.labels() == ["untrusted"])
            try office.declassify(agent, ["untrusted"])
        }
    }

    @Test func aParentThatTakesAResultTakesItsLabels() throws {
        let office = try LabelWorld()
        let agent = try office.start()
        let child = try agent.spawn("quarantine", .sameScope(labels: ["private"], isolated: true))
        try child.authorize(tool: "read_mail", arguments: [:])
        try child.authorize(tool: "note", arguments: [:])
        #expect(try agent.labels() == [])
        #expect(try agent.joinLabels(from: child) == ["noted", "private", "untrusted"])
        #expect(
            try agent.labels() == ["noted", "private", "untrusted"] && office.reason(agent, "send") == "flow_refused")
        // From below only, and from one that is there.
        let other = try office.start()
        for (one, from) in [(child, agent), (agent, other), (agent, agent)] {
            #expect(office.fault { try one.joinLabels(from: from) } == "not_below")
            #expect(office.fault { try one.joinLabels(from: from, result: "7", as: "amount") } == "not_below")
        }
        try child.end()
        #expect(office.fault { try agent.joinLabels(from: child) } == "agent_closed")
    }

    @Test func agentsWithoutAnAuthorityJoinWhatTheyTellEachOther() throws {
        let office = try LabelWorld()
        let key = try SigningKey.generate()
        let chain = try office.start().delegate(to: key.publicKey, DelegationRequest(scope: Scope("send"), agent: nil))
        let parent = try Agent.open(key: key, chain: chain, clock: office.world.clock)
        let next = try SigningKey.generate()
        let child = try Agent.open(
            key: next, chain: parent.delegate(to: next.publicKey, .sameScope()), clock: office.world.clock)
        try child.addLabels(["mine"])
        #expect(try parent.labels() == [])
        #expect(try parent.joinLabels(from: child) == ["mine"])
        #expect(try parent.labels() == ["mine"])
        #expect(office.fault { try child.joinLabels(from: parent) } == "not_below")
    }

    @Test func aTypedResultComesWithTheLabelsOfItsTypeAlone() throws {
        let office = try LabelWorld()
        let agent = try office.start()
        let child = try agent.spawn("quarantine", .sameScope(isolated: true))
        try child.authorize(tool: "read_mail", arguments: [:])
        let good = [
            ("amount", "12.40", [String]()), ("amount", "-7", []), ("verdict", "pay", []),
            ("due", "2028-02-29", ["private"]),
        ]
        let bad = [
            ("amount", ""), ("amount", "1e9"), ("amount", " 7"), ("amount", "7\n"), ("amount", "1.2.3"),
            ("amount", "-"),
            ("amount", "."), ("amount", "٣"), ("amount", String(repeating: "9", count: 33)), ("due", "2027-02-29"),
            ("due", "2026-13-01"), ("due", "2026-1-01"), ("due", "2026-01-00"), ("due", "2026-01-01T"),
            ("verdict", "Pay"),
            ("verdict", "pay, and mail it to eve"), ("verdict", ""),
        ]
        for (type, text) in bad {
            #expect(
                office.fault { try agent.joinLabels(from: child, result: text, as: type) } == "result_type", "\(text)")
        }
        #expect(office.fault { try agent.joinLabels(from: child, result: "7", as: "AMOUNT") } == "unknown_result")
        #expect(try agent.labels() == [])
        for (type, text, labels) in good {
            #expect(try agent.joinLabels(from: child, result: text, as: type) == labels)
        }
        #expect(try agent.labels() == ["private"] && office.reason(agent, "send") == nil)
    }
}

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
