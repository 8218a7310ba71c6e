import Foundation
import JOSE
import Policy
import Scopes
import StrictJSON
import Testing

@testable import AgentID

/// Signs that an agent has gone astray are counted, and one too many stops it; nobody else's doing counts against it.
@Suite struct AnomalyTests {
    private let world: World
    private let call = Array(#"{"path":"/data/q3/a"}"#.utf8)
    private let wrong = Array(#"{"path":"/etc/passwd"}"#.utf8)

    init() throws { world = try World() }

    private func apply(_ anomaly: String, then: String = "suspend", more: String = "", mode: String = "enforce") throws
    {
        try world.authority.applyPolicy(
            Array(
                #"{"version":1,"rules":[{"id":"astray","anomaly":{\#(anomaly),"per":"1m"},"then":"\#(then)","mode":"\#(mode)"}\#(more)]}"#
                    .utf8))
    }

    private func ask(_ agent: Agent, _ tool: String = "read_file", _ arguments: [UInt8]? = nil) throws -> Decision {
        try agent.check(tool: tool, arguments: arguments ?? call)
    }

    private func reason(_ agent: Agent) throws -> String? { try ask(agent).denial?.reason.rawValue }

    /// Sends a call as it was proven, or otherwise.
    private func send(
        _ agent: Agent, _ guardian: Guard, _ proof: String, _ tool: String = "read_file", _ arguments: [UInt8]
    ) throws -> Decision {
        guardian.check(
            chain: Array(try agent.chain().utf8), proof: Array(proof.utf8), tool: tool, arguments: arguments)
    }

    @Test func oneDenialTooManyStopsTheAgentAndTheDenialSaysSo() throws {
        try apply(#""denials":3"#)
        let (agent, other) = (try world.start(), try world.start())
        let child = try agent.spawn("below", .sameScope())
        let id = try agent.id()
        for _ in 0..<3 { #expect(try ask(agent, "read_file", wrong).stop == nil) }
        #expect(try ask(agent).isPermitted, "permits count nothing")
        let last = try ask(agent, "delete_file")
        #expect(last.denial?.reason.rawValue == "tool_not_authorized" && last.rule == nil && last.policy == 1)
        #expect(last.stop?.rule == "astray" && last.stop?.then == "suspend" && last.stop?.stopped == [id])
        #expect(try reason(agent) == "suspended" && reason(child) == "suspended" && reason(other) == nil)
    }

    @Test(arguments: ["agent", "subtree"]) func whoFillsItsPlacesIsCountedAbove(subject: String) throws {
        try apply(#""denials":5,"for":"\#(subject)""#)
        let root = try world.start()
        let (id, key) = (try root.id(), try SigningKey.generate())
        let held = try Agent.open(
            key: key, chain: root.delegate(to: key.publicKey, .sameScope(agent: "\(id)/held")), clock: world.clock)
        // All meters that may be made below that holder.
        let subjects = PolicySubjects(
            issuer: "", agents: [id, "\(id)/held"], key: "k", isNamed: true, task: id, principal: "p", profile: "")
        let page = try #require(world.authority.home.meters).page(world.clock.milliseconds)
        let time = try page.look(world.clock.milliseconds)
        var isFull = false
        for number in 0..<4000 {
            let share = MeterShare(subjects, .agent, "\(id)/held/\(number)", world.authority.registry)
            let key = page.key(["filling", "\(number)"], in: share.range)
            do throws(Denial) { _ = try page.slot(of: key, .labels, until: .max, at: time, from: share) } catch {
                isFull = error.reason.rawValue == "meters_share"
            }
        }
        #expect(isFull)
        let own = try world.authority.guarding(.forTests(world))
        var stopped: [String] = []
        for _ in 0..<6 {
            let shown = try held.present(tool: "delete_file", arguments: call)
            let decision = own.check(
                chain: Array(shown.chain.utf8), proof: Array(shown.proof.utf8), tool: "delete_file", arguments: call)
            #expect(decision.denial?.reason.rawValue == "tool_not_authorized")
            stopped += decision.stop?.stopped ?? []
        }
        #expect(stopped == [id])
        #expect(try reason(root) == "suspended")
    }

    @Test func signsFlowOffAndPermitsNeverCount() throws {
        try apply(#""denials":2"#)
        let agent = try world.start()
        for _ in 0..<6 {
            #expect(try ask(agent, "read_file", wrong).stop == nil)
            #expect(try ask(agent).isPermitted)
            world.pass(seconds: 31)
        }
    }

    @Test func unknownToolsAreCountedApartFromOtherDenials() throws {
        try apply(#""unknown_tools":1"#, then: "revoke")
        let agent = try world.start()
        for _ in 0..<5 { #expect(try ask(agent, "read_file", wrong).stop == nil) }
        #expect(try ask(agent, "a").stop == nil && ask(agent, "b").stop?.then == "revoke")
        #expect(try reason(agent) == "authority_revoked")
    }

    @Test func attemptsToHandOnMoreThanOneHasAreCountedAndRecorded() throws {
        try apply(#""widenings":2"#)
        let agent = try world.start()
        for _ in 0..<2 {
            #expect(throws: AgentIDError.self) { try agent.spawn("x", DelegationRequest(scope: Scope("send_mail"))) }
            #expect(try reason(agent) == nil)
        }
        let key = try SigningKey.generate().publicKey
        #expect(throws: AgentIDError.self) { try agent.delegate(to: key, DelegationRequest(scope: Scope("send_mail"))) }
        #expect(try reason(agent) == "suspended")
    }

    @Test func whatIsObservedStopsNobodyAndIsSaid() throws {
        try apply(#""denials":1"#, mode: "observe")
        let agent = try world.start()
        _ = try ask(agent, "x")
        let seen = try ask(agent, "x")
        #expect(seen.stop?.isObserved == true && seen.document.text.contains(#""observed":true"#))
        #expect(try reason(agent) == nil)
    }

    @Test func anAgentAboveStopsWhereItsSubtreeStraysTooMuch() throws {
        try apply(#""denials":3,"for":"subtree""#)
        let root = try world.start()
        let children = try (0..<4).map { try root.spawn("c\($0)", .sameScope()) }
        for child in children.prefix(3) { #expect(try ask(child, "x").stop == nil) }
        let id = try root.id()
        #expect(try ask(children[3], "x").stop?.stopped == [id])
        #expect(try reason(children[0]) == "suspended" && reason(root) == "suspended")
    }

    // MARK: Enemies

    @Test func nobodyStopsAnAgentBySendingItsProofsAndChainsAgain() throws {
        try apply(#""denials":3"#)
        let agent = try world.start()
        let guardian = try world.authority.guarding(.forTests(world))
        let good = try agent.prove(tool: "read_file", arguments: call)
        let denied = try agent.prove(tool: "read_file", arguments: wrong)
        #expect(try send(agent, guardian, good, "read_file", call).isPermitted)
        for _ in 0..<20 {
            // As it was: replayed. With other arguments, under another name, damaged, without one.
            #expect(try send(agent, guardian, good, "read_file", call).denial?.reason.rawValue == "replayed")
            for sent in [
                try send(agent, guardian, good, "read_file", wrong), try send(agent, guardian, good, "delete", call),
                try send(agent, guardian, good + "x", "delete", wrong), try send(agent, guardian, "", "delete", wrong),
                try send(agent, guardian, good, "read_file", Array("{".utf8)),
            ] { #expect(!sent.isPermitted && sent.stop == nil) }
            // What was denied once counts once, however often it is sent.
            #expect(try send(agent, guardian, denied, "read_file", wrong).stop == nil)
            let damaged = Array(try agent.chain().utf8) + Array("~x".utf8)
            #expect(!guardian.check(chain: damaged, proof: Array(good.utf8), tool: "x", arguments: call).isPermitted)
        }
        #expect(try reason(agent) == nil)
        // Its own count, all the same: two more that it asked for itself, and then one.
        for i in 0..<3 {
            let proof = try agent.prove(tool: "read_file", arguments: wrong)
            #expect(try (send(agent, guardian, proof, "read_file", wrong).stop != nil) == (i == 2))
        }
        #expect(try reason(agent) == "suspended")
    }

    @Test func whatOthersUsedUpDoesNotCountAgainstAnAgent() throws {
        try apply(
            #""denials":2"#,
            more: #",{"id":"all","match":"read_file","rate":{"calls":1,"per":"1h","for":"task"}},"#
                + #"{"id":"own","match":"read_file","rate":{"calls":9,"per":"1h","for":"agent"}}"#)
        let root = try world.start()
        let (glutton, honest) = (try root.spawn("a", .sameScope()), try root.spawn("b", .sameScope()))
        #expect(try ask(glutton).isPermitted)
        for _ in 0..<10 { #expect(try ask(honest).rule == "all" && ask(honest).stop == nil) }
    }

    @Test func anIssuerThatNamesSomebodyElsesAgentStopsNobodyButTheKey() throws {
        try apply(#""denials":1"#)
        let victim = try world.start()
        let guardian = try world.authority.guarding(.forTests(world))
        let (issuer, holder) = (try SigningKey.generate(), try SigningKey.generate())
        try guardian.trust([issuer.publicKey], issuer: "https://partner.example")
        // Under the victim's name its chain does not verify; under none its holder strays.
        for (agent, reason) in [(try victim.id(), "subject_identity_mismatch"), (nil, "tool_not_authorized")] {
            let chain = HandMade.root(
                issuer, to: holder, agent: agent, keyID: .some(nil), at: world.clock.milliseconds / 1000,
                tools: ["read": [:]], ["iss": "https://partner.example"])
            let posing = try Agent.open(key: holder, chain: String(decoding: chain, as: UTF8.self), clock: world.clock)
            let sent = try (0..<2).map { _ in
                let proof = try posing.prove(tool: "wire", arguments: call)
                return guardian.check(chain: chain, proof: Array(proof.utf8), tool: "wire", arguments: call)
            }
            #expect(sent.map { $0.denial?.reason.rawValue } == [reason, reason])
            #expect(sent.map { $0.stop?.stopped } == [nil, agent == nil ? [holder.publicKey.thumbprint] : nil])
        }
        #expect(try self.reason(victim) == nil)
    }

    /// A domain with a bundle names its agents as it likes: another key may have that name tomorrow.
    @Test func anAgentOfAnotherDomainIsStoppedByItsKey() throws {
        try apply(#""denials":1"#)
        let guardian = try world.authority.guarding(.forTests(world))
        let (partner, holder) = (try SigningKey.generate(), try SigningKey.generate())
        try guardian.addBundle(HandMade.bundle([partner], sequence: 1), for: "partner.example")
        let name = "spiffe://partner.example/agent/x/1"
        func chain(to holder: SigningKey) -> [UInt8] {
            HandMade.root(
                partner, to: holder, agent: name, at: world.clock.milliseconds / 1000, tools: ["read_file": [:]],
                ["iss": "spiffe://partner.example"])
        }
        func decide(_ key: SigningKey, _ tool: String) throws -> Decision {
            let chain = chain(to: key)
            let agent = try Agent.open(key: key, chain: String(decoding: chain, as: UTF8.self), clock: world.clock)
            let proof = try agent.prove(tool: tool, arguments: call)
            return guardian.check(chain: chain, proof: Array(proof.utf8), tool: tool, arguments: call)
        }
        let stops = try (0..<2).map { _ in try decide(holder, "wire").stop?.stopped }
        #expect(stops == [nil, [holder.publicKey.thumbprint]])
        #expect(try decide(holder, "read_file").denial?.reason.rawValue == "authority_revoked")
        #expect(try decide(SigningKey.generate(), "read_file").isPermitted)
    }

    @Test func aHolderWithoutANameDoesNotStopWhoHandedOnToIt() throws {
        try apply(#""denials":1"#)
        let agent = try world.start()
        let key = try SigningKey.generate()
        let chain = try agent.delegate(to: key.publicKey, .sameScope())
        let guardian = try world.authority.guarding(.forTests(world))
        let below = try Agent.open(key: key, chain: chain, clock: world.clock)
        for i in 0..<2 {
            let proof = try below.prove(tool: "x", arguments: call)
            #expect(
                try (send(below, guardian, proof, "x", call).stop?.stopped == [key.publicKey.thumbprint]) == (i == 1))
        }
        #expect(try ask(agent, "x").stop == nil && reason(agent) == nil)
    }

    @Test func replaysAndSharedCountsAreRefusedWithTheReason() throws {
        func fault(_ anomaly: String) -> AgentIDError? {
            do { try apply(anomaly) } catch { return error as? AgentIDError }
            return nil
        }
        #expect(fault(#""replays":3"#)?.name == "not_built")
        #expect(fault(#""denials":3,"for":"task""#)?.place == "rules[0].anomaly.for")
        #expect(fault(#""denials":500001"#)?.name == "limit_exceeded")
    }
}
