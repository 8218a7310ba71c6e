import JOSE
import Scopes
import StrictJSON
import TestSupport
import Testing

@testable import AgentID

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
