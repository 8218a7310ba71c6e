import Foundation
import JOSE
import Scopes
import StrictJSON
import TestSupport
import Testing

@testable import AgentID

/// Labels go down into grants and beside calls in proofs, so that guards elsewhere see what a task has read.
@Suite struct LabelFlowTests {
    private let home: World
    private let elsewhere: World
    /// Of another authority, with a policy of its own that lists the labels in another order.
    private let guardian: Guard
    private static let scope = "send_mail; web_fetch; read_file; deploy"

    init() throws {
        (home, elsewhere) = (try World(), try World { $0.trustDomain = "globex.example" })
        try home.authority.put(
            Profile(
                name: "clerk", owner: "team:x@acme.example", ceiling: Scope(Self.scope), maxLifetime: 3600, maxDepth: 8)
        )
        try Self.apply(
            #"{"id":"web","match":"web_fetch","labels":{"adds":["untrusted"]}}"#,
            labels: #""untrusted","private","reviewed""#, to: home)
        try Self.apply(
            #"""
            {"id":"no-exfil","match":"send_mail","labels":{"refuses":["untrusted"]}},
            {"id":"no-private","match":"read_file","labels":{"refuses":["private","K"]}},
            {"id":"gate","match":"deploy","labels":{"requires":["reviewed"]}}
            """#, labels: #""reviewed","private","untrusted","K""#, to: elsewhere)
        guardian = try elsewhere.authority.guarding(.forTests(elsewhere))
        try guardian.addBundle(Array(home.authority.bundle().utf8), for: "acme.example")
    }

    private static func apply(_ rules: String, labels: String, to world: World) throws {
        try world.authority.applyPolicy(Array(#"{"version":1,"labels":[\#(labels)],"rules":[\#(rules)]}"#.utf8))
    }

    private func start(labels: [String] = []) throws -> Agent {
        try home.authority.startAgent(
            profile: "clerk",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope(Self.scope), labels: labels))
    }

    private func reason(_ agent: Agent, _ tool: String, at guardian: Guard? = nil) throws -> String? {
        let shown = try agent.present(tool: tool, arguments: Array("{}".utf8))
        let decision = (guardian ?? self.guardian).check(
            chain: Array(shown.chain.utf8), proof: Array(shown.proof.utf8), tool: tool, arguments: Array("{}".utf8))
        return decision.denial?.reason.rawValue
    }

    /// A holder in another process: with a key and a chain, and no authority.
    private func holder(below agent: Agent, labels: [String] = []) throws -> Agent {
        let key = try SigningKey.generate()
        let request = DelegationRequest(scope: try Scope(Self.scope), labels: labels)
        return try Agent.open(key: key, chain: agent.delegate(to: key.publicKey, request), clock: home.clock)
    }

    @Test func whatATaskHasReadStandsInEveryGrantBelowItAndAGuardElsewhereRefusesByIt() throws {
        let agent = try start()
        #expect(try reason(holder(below: agent), "send_mail") == nil)
        try agent.authorize(tool: "web_fetch", arguments: [:])
        let child = try agent.spawn("reader", .sameScope())
        let below = try holder(below: holder(below: child))
        for one in [child, below] {
            #expect(try one.labels() == ["untrusted"])
            #expect(try reason(one, "send_mail") == "flow_refused" && reason(one, "read_file") == nil)
        }
    }

    @Test func aProofCarriesWhatTheGrantDoesNotSayYet() throws {
        let agent = try start()
        #expect(try reason(agent, "send_mail") == nil)
        try agent.authorize(tool: "web_fetch", arguments: [:])
        #expect(try reason(agent, "send_mail") == "flow_refused")
        let below = try holder(below: start())
        #expect(try reason(below, "read_file") == nil)
        try below.addLabels(["private"])
        #expect(try below.labels() == ["private"] && reason(below, "read_file") == "flow_refused")
        // And what it knows goes down.
        #expect(try holder(below: below).labels() == ["private"])
    }

    @Test func whatAProofHasShownOnceStaysThoughTheHolderLeaveItOutNextTime() throws {
        let agent = try start()
        let key = try SigningKey.generate()
        let chain = try agent.delegate(to: key.publicKey, .sameScope())
        let honest = try Agent.open(key: key, chain: chain, clock: home.clock)
        try honest.addLabels(["private"])
        #expect(try reason(honest, "read_file") == "flow_refused")
        let liar = try Agent.open(key: key, chain: chain, clock: home.clock)
        #expect(try reason(liar, "read_file") == "flow_refused")
    }

    @Test func whatIsLeftOutGainsNothingWhereTheDirectoryIsShared() throws {
        let directory = try TemporaryDirectory()
        let home = try World(at: directory.path)
        try home.authority.put(
            Profile(name: "clerk", owner: "team:x@acme.example", ceiling: Scope("send_mail; web_fetch"), maxDepth: 8))
        try Self.apply(
            #"""
            {"id":"web","match":"web_fetch","labels":{"adds":["untrusted"]}},
            {"id":"no-exfil","match":"send_mail","labels":{"refuses":["untrusted"]}}
            """#, labels: #""untrusted""#, to: home)
        let agent = try home.authority.startAgent(
            profile: "clerk",
            AgentRequest(principal: "user:alice@acme.example", task: "t", scope: Scope("send_mail; web_fetch")))
        let key = try SigningKey.generate()
        let silent = try Agent.open(
            key: key, chain: agent.delegate(to: key.publicKey, .sameScope()), clock: home.clock)
        let own = try home.authority.guarding(.forTests(home))
        #expect(try reason(silent, "send_mail", at: own) == nil)
        try agent.authorize(tool: "web_fetch", arguments: [:])
        #expect(try silent.labels() == [] && reason(silent, "send_mail", at: own) == "flow_refused")
    }

    @Test func whatPermitsIsNeverCarried() throws {
        let agent = try start(labels: ["reviewed"])
        let below = try holder(below: agent, labels: ["reviewed"])
        try below.addLabels(["reviewed"])
        for one in [agent, below] { #expect(try reason(one, "deploy") == "flow_refused") }
    }

    @Test func namesAreComparedByTheirBytesAndOnesThatNoPolicyListsAreNotSeen() throws {
        let kelvin = try holder(below: start(), labels: ["\u{212A}", "of another house"])
        #expect(try kelvin.labels() == ["of another house", "\u{212A}"] && reason(kelvin, "read_file") == nil)
        #expect(try reason(holder(below: start(), labels: ["K"]), "read_file") == "flow_refused")
    }

    @Test func aGrantMadeAnewKeepsItsLabelsAndTakesUpWhatWasReadMeanwhile() throws {
        let agent = try start(labels: ["mine"])
        let child = try agent.spawn("reader", .sameScope(labels: ["its"]))
        try child.addLabels(["private"])
        try agent.authorize(tool: "web_fetch", arguments: [:])
        let before = try (agent.expires(), child.expires())
        for _ in 0..<3 {
            home.pass(seconds: 75)
            try home.authority.lifecycle.renew()
        }
        #expect(try agent.expires() > before.0 && child.expires() > before.1)
        #expect(try Self.granted(agent) == ["mine", "private", "untrusted"])
        #expect(try Self.granted(child) == ["its", "mine", "private", "untrusted"])
        try child.rotateKey()
        #expect(try Self.granted(child) == ["its", "mine", "private", "untrusted"])
    }

    /// The labels of the leaf, as anybody reads them.
    private static func granted(_ agent: Agent) throws -> [String] {
        let leaf = try #require(try agent.chain().split(separator: "~").last)
        let payload = try CompactJWS(Array(leaf.utf8)).payload().root
        return payload["urn:agentid:1"]?["labels"]?.elements.compactMap(\.string) ?? []
    }

    @Test func labelsAreBoundedInNumberAndLength() throws {
        let below = try holder(below: start())
        let many = (0..<64).map { "l\($0)" }
        try below.addLabels(many)
        #expect(try reason(below, "read_file") == nil && holder(below: below).labels().count == 64)
        for bad in [["one more"], [String(repeating: "x", count: 257)]] {
            #expect(throws: AgentIDError.self) { try below.addLabels(bad) }
            #expect(throws: AgentIDError.self) { try holder(below: below, labels: bad) }
        }
        #expect(try below.labels().count == 64)
        // Of a policy in this process, only what it lists, and nothing that permits.
        try home.authority.applyPolicy(
            Array(
                #"{"version":2,"labels":["untrusted","private","reviewed","checked"],"rules":[{"id":"g","match":"deploy","labels":{"requires":["checked"]}}]}"#
                    .utf8))
        for bad in ["unheard-of", "checked"] {
            #expect(throws: AgentIDError.self) { try start().addLabels([bad]) }
        }
    }

    @Test func aProofWhoseLabelsCannotBeReadIsMalformed() throws {
        let agent = try start()
        let key = try SigningKey.generate()
        let chain = try agent.delegate(to: key.publicKey, .sameScope())
        let shown = try Agent.open(key: key, chain: chain, clock: home.clock)
            .prove(tool: "read_file", arguments: Array("{}".utf8))
        let payload = String(decoding: try CompactJWS(Array(shown.utf8)).payloadBytes(), as: UTF8.self)
        let long = String(repeating: "x", count: 257)
        for (claim, expected) in [
            (#"{}"#, nil), (#"{"labels":[]}"#, nil), (#"{"labels":["private"]}"#, "flow_refused"),
            (#"{"labels":"private"}"#, "pop_malformed"), (#"{"labels":[7]}"#, "pop_malformed"),
            (#"["private"]"#, "pop_malformed"), (#"{"labels":["\#(long)"]}"#, "pop_malformed"),
            (#"{"labels":[\#(Array(repeating: #""a""#, count: 65).joined(separator: ","))]}"#, "pop_malformed"),
        ] as [(String, String?)] {
            let id = "\(UInt64.random(in: 0 ... .max))"
            let claims = payload.dropLast() + #","urn:agentid:1":\#(claim)}"#
            let fresh = claims.replacing(/"jti":"[^"]*"/, with: #""jti":"\#(id)""#)
            let proof = CompactJWS.make(type: "aat-pop+jwt", payload: Array(fresh.utf8)) { key.sign($0) }
            let decision = guardian.check(
                chain: Array(chain.utf8), proof: proof, tool: "read_file", arguments: Array("{}".utf8))
            #expect(decision.denial?.reason.rawValue == expected, "\(claim)")
        }
    }

    /// A guard elsewhere knows no more than the grant says.
    @Test func whereThePolicyCannotBeReadNoGrantIsMadeWithoutItsLabels() throws {
        let office = try LabelWorld()
        let agent = try office.start()
        try agent.authorize(tool: "read_mail", arguments: [:])
        try office.authority.registry.write { registry in
            try registry.put(PolicyRecord(version: 2, document: Array("{\"version\":2,\"new\":1}".utf8), appliedAt: 0))
        }
        let key = try SigningKey.generate().publicKey
        #expect(office.fault { _ = try agent.spawn("child", .sameScope()) } == "policy_unreadable")
        #expect(office.fault { _ = try agent.delegate(to: key, .sameScope()) } == "policy_unreadable")
        #expect(office.fault { _ = try agent.labels() } == "policy_unreadable")
        try office.apply(LabelWorld.rules, version: 3)
        #expect(try agent.spawn("child", .sameScope()).labels() == ["untrusted"])
    }
}
