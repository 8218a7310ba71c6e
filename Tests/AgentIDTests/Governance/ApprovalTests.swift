import JOSE
import Scopes
import StrictJSON
import Testing

@testable import AgentID

/// A call that a rule asks about is permitted once, after as many people approved exactly it.
@Suite struct ApprovalTests {
    @Test func anApprovedCallIsPermittedOnceAndAskedAboutOnlyOnce() throws {
        let office = try ApprovalWorld()
        let agent = try office.world.start()
        let id = try office.request(agent)
        // The very same call finds its request again, however its arguments are written.
        #expect(try office.request(agent) == id)
        let same = try agent.check(tool: "read_file", arguments: Array(#"{ "path" : "/data/q3/\#u{61}" }"#.utf8))
        #expect(same.approval == id)
        #expect(try office.authority.approvals().map(\.id) == [id])
        #expect(try office.approve(id))
        let permitted = try office.ask(agent)
        #expect(permitted.isPermitted && permitted.approval == nil && permitted.policy == 1)
        #expect(try office.request(agent) != id)
    }

    @Test func anotherCallNeedsAnApprovalOfItsOwn() throws {
        let office = try ApprovalWorld()
        let (agent, other) = (try office.world.start(), try office.world.start())
        let child = try agent.spawn("child", .sameScope())
        try office.approve(try office.request(agent))
        // Other arguments, another agent, another chain: each is another request.
        var ids = Set<String>()
        for decision in [try office.ask(agent, "/data/q3/b"), try office.ask(other), try office.ask(child)] {
            #expect(decision.denial?.reason.rawValue == "approval_required")
            ids.insert(try #require(decision.approval))
        }
        #expect(ids.count == 3)
        #expect(try office.ask(agent).isPermitted)
    }

    @Test func anApprovalOutlivesRenewalsOfTheGrant() throws {
        let office = try ApprovalWorld()
        let agent = try office.world.authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:alice@acme.example", task: "Q3 review",
                scope: Scope("read_file(path under '/data/q3')"),
                lifetime: 300, until: 1_790_000_000 + 7200))
        let (id, before) = (try office.request(agent), try agent.chain())
        for _ in 0..<4 {
            office.world.pass(seconds: 100)
            try office.authority.lifecycle.renew()
        }
        #expect(try agent.chain() != before)
        #expect(try office.request(agent) == id)
        try office.approve(id)
        #expect(try office.ask(agent).isPermitted)
    }

    @Test func aRequestLapsesApprovedOrNot() throws {
        for isApproved in [false, true] {
            let office = try ApprovalWorld()
            let id = try office.request(try office.world.start())
            if isApproved { try office.approve(id) }
            office.world.pass(seconds: 15 * 60)
            let agent = try office.world.start()
            #expect(office.fault { try office.approve(id) } == "approval")
            #expect(try office.authority.approvals().isEmpty)
            #expect(try office.ask(agent).approval != id)
            // Nothing of it is left.
            #expect(try office.authority.registry.read { try $0.approval(id) } == nil)
        }
    }

    @Test func twoOfTwoAreTwoPeople() throws {
        let office = try ApprovalWorld(ApprovalWorld.two)
        let agent = try office.world.start()
        let id = try office.request(agent)
        #expect(try office.approve(id) == false)
        #expect(office.fault { try office.approve(id) } == "approval_decided")
        #expect(try office.request(agent) == id)
        #expect(try office.authority.approve(id, by: "user:coo", with: office.coo))
        #expect(try office.ask(agent).isPermitted)
    }

    @Test func anApprovalIsOverOneCallAndNoOther() throws {
        let office = try ApprovalWorld()
        let agent = try office.world.start()
        let id = try office.request(agent)
        let request = try office.authority.approval(id)
        var whole: JSONTree.Members = [:]
        for (name, value) in try JSON(parsing: request.call.canonical()).root.members {
            whole[name.string ?? ""] = .value(value)
        }
        func refusal(of call: JSONTree, by name: String = "user:cfo", with key: SigningKey? = nil) throws -> String? {
            let token = try ApprovalToken.make(
                over: call, by: name, with: key ?? office.cfo, at: office.world.clock.milliseconds,
                until: request.expires)
            return office.fault { try office.authority.approve(id, token: token) }
        }
        for (name, value): (String, JSONTree) in [
            ("agent", "spiffe://acme.example/agent/researcher/x"), ("arguments", "AAAA"), ("chain", []),
            ("expires", .int(Int(request.expires) + 1)), ("issuer", "other.example"), ("policy", 2),
            ("request", "x"), ("rule", "bigger"), ("tool", "write_file"),
        ] {
            var bent = whole
            #expect(bent[name] != nil)
            bent[name] = value
            #expect(try refusal(of: .object(bent)) == "approval_other_call", "\(name)")
        }
        #expect(try refusal(of: request.call, with: SigningKey.generate()) == "approver_unknown")
        #expect(try refusal(of: request.call, by: "user:coo") == "approver_unknown")
        #expect(try refusal(of: request.call) == nil)
    }

    @Test func aTokenThatBringsAKeyOrBeginsLaterApprovesNothing() throws {
        let office = try ApprovalWorld()
        let agent = try office.world.start()
        let request = try office.authority.approval(try office.request(agent))
        let made = try office.authority.approvalToken(for: request, by: "user:cfo", with: office.cfo)
        let payload = try CompactJWS(Array(made.utf8)).payload(limits: JSON.Limits(bytes: 1 << 16, depth: 16)).root
        func refusal(header more: String = "", nbf: JSONTree? = nil) throws -> String? {
            var claims: JSONTree.Members = [:]
            for (name, value) in payload.members { claims[name.string ?? ""] = .value(value) }
            if let nbf { claims["nbf"] = nbf }
            let header =
                #"{"alg":"Ed25519","kid":"\#(office.cfo.publicKey.thumbprint)"\#(more),"typ":"agentid-approval+jwt"}"#
            let signed =
                Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(JSONTree.object(claims).canonical())
            let token = signed + "." + Base64URL.encode(office.cfo.sign(Array(signed.utf8).span))
            return office.fault { try office.authority.approve(request.id, token: token) }
        }
        let now = Int(office.world.clock.milliseconds / 1000)
        #expect(try refusal(header: #","jwk":{"kty":"OKP"}"#) == "approval_malformed")
        #expect(try refusal(header: #","x5u":"https://evil.example""#) == "approval_malformed")
        #expect(try refusal(nbf: .int(now + 600)) == "approval_expired")
        #expect(try refusal(nbf: "soon") == "approval_malformed")
        #expect(try office.ask(agent).isPermitted == false)
        #expect(try refusal(nbf: .int(now)) == nil)
    }

    @Test func aTokenThatIsBentApprovesNothing() throws {
        let office = try ApprovalWorld()
        let agent = try office.world.start()
        let request = try office.authority.approval(try office.request(agent))
        let token = Array(
            try office.authority.approvalToken(for: request, by: "user:cfo", with: office.cfo).utf8)
        for i in token.indices {
            var bent = token
            bent[i] = bent[i] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            let fault = office.fault {
                try office.authority.approve(request.id, token: String(decoding: bent, as: UTF8.self))
            }
            #expect(fault != nil, "byte \(i)")
        }
        #expect(try office.ask(agent).isPermitted == false)
    }

    @Test func whatEndsAnApproverEndsTheirApprovals() throws {
        for kind in [Revocation.Kind.key, .principal] {
            let office = try ApprovalWorld()
            let agent = try office.world.start()
            let id = try office.request(agent)
            try office.approve(id)
            let value = kind == .key ? office.cfo.publicKey.thumbprint : "user:cfo"
            try office.authority.revoke(Revocation(kind, value))
            // Others are asked.
            let next = try office.request(agent)
            #expect(next != id)
            #expect(office.fault { try office.approve(next) } == "approver_revoked")
            #expect(try office.authority.approve(next, by: "user:coo", with: office.coo))
            #expect(try office.ask(agent).isPermitted)
        }
    }

    @Test func anotherPolicyAsksAnew() throws {
        let office = try ApprovalWorld()
        let agent = try office.world.start()
        let (approved, waiting) = (try office.request(agent), try office.request(agent, "/data/q3/b"))
        try office.approve(approved)
        // The very same rules; the approver has another key.
        try office.apply(ApprovalWorld.one, version: 2, cfo: SigningKey.generate().publicKey)
        #expect(try office.request(agent) != approved)
        #expect(office.fault { try office.approve(waiting) } == "approval_decided")
        #expect(office.fault { try office.approve(try office.request(agent)) } == "approver_unknown")
    }

    @Test func noAgentOfTheCallApprovesIt() throws {
        let office = try ApprovalWorld()
        let agent = try office.world.start()
        let key = try SigningKey.generate()
        let jwk = try agent.withExportedKey { span in span.indices.map { span[$0] } }
        let own = try SigningKey(jwk: jwk.span)
        for (i, (name, approver)) in [
            (try agent.id(), key), ("\(try agent.id())/helper", key), ("user:cfo", own),
        ].enumerated() {
            let rules =
                #"{"id":"big","match":"read_file","approval":{"of":["\#(name)"]}}"#
            let approvers = #"[{"name":"\#(name)","key":"\#(Base64URL.encode(approver.publicKey.bytes))"}]"#
            try office.authority.applyPolicy(
                Array(#"{"version":\#(i + 2),"approvers":\#(approvers),"rules":[\#(rules)]}"#.utf8))
            let id = try office.request(agent)
            #expect(office.fault { try office.authority.approve(id, by: name, with: approver) } == "approver_is_agent")
            // Nor does its guard believe such a token, however it came into the registry.
            try office.smuggle(id, by: name, with: approver)
            #expect(try office.ask(agent).isPermitted == false)
        }
    }

    /// The registry knows no agent with this key: only the chain says that it holds a link.
    @Test func aKeyThatHoldsALinkApprovesNoCallUnderIt() throws {
        let office = try ApprovalWorld()
        let agent = try office.world.start()
        let guardian = try office.authority.guarding(.forTests(office.world))
        let (state, clock) = (try agent.current(), CheckedClock(office.world.clock))
        let held = try state.held.derive(
            to: office.cfo.publicKey, agent: "\(agent.id())/helper", .sameScope(), by: state.key, clock: clock
        ).held
        let below = try SigningKey.generate()
        let lower = try held.derive(
            to: below.publicKey, agent: "\(agent.id())/helper/below", .sameScope(), by: office.cfo, clock: clock
        ).held
        let call = Array(#"{"path":"/data/q3/a"}"#.utf8)
        for (key, chain) in [(office.cfo, held.chain), (below, lower.chain)] {
            let holder = try Agent.open(
                key: key, chain: String(decoding: chain, as: UTF8.self), clock: office.world.clock)
            func ask() throws -> Decision {
                let proof = try holder.prove(tool: "read_file", arguments: call)
                return guardian.check(chain: chain, proof: Array(proof.utf8), tool: "read_file", arguments: call)
            }
            let id = try #require(try ask().approval)
            #expect(office.fault { try office.approve(id) } == "approver_is_agent")
            #expect(try office.authority.approval(id).approvedBy == [])
            // Nor does its guard believe one that nobody checked.
            try office.smuggle(id, by: "user:cfo", with: office.cfo)
            let denied = try ask()
            #expect(denied.denial?.reason.rawValue == "approval_required" && denied.approval != id)
            // Somebody else's approval counts.
            let next = try #require(denied.approval)
            #expect(try office.authority.approve(next, by: "user:coo", with: office.coo))
            #expect(try ask().isPermitted)
        }
    }

    @Test func whoApprovedAndMayNotAnyMoreIsReplacedByAnother() throws {
        let office = try ApprovalWorld()
        let third = try SigningKey.generate()
        let people = [("user:cfo", office.cfo), ("user:coo", office.coo), ("user:ceo", third)]
        let approvers = people.map { #"{"name":"\#($0)","key":"\#(Base64URL.encode($1.publicKey.bytes))"}"# }
        let rule =
            #"{"id":"big","match":"read_file","approval":{"of":["user:cfo","user:coo","user:ceo"],"need":2}}"#
        try office.authority.applyPolicy(
            Array(#"{"version":2,"approvers":[\#(approvers.joined(separator: ","))],"rules":[\#(rule)]}"#.utf8))
        let agent = try office.world.start()
        let id = try office.request(agent)
        #expect(try !office.approve(id))
        try office.authority.revoke(Revocation(.principal, "user:cfo"))
        #expect(try !office.authority.approve(id, by: "user:coo", with: office.coo))
        #expect(try office.authority.approval(id).state == .pending && office.ask(agent).approval == id)
        #expect(try office.authority.approve(id, by: "user:ceo", with: third))
        #expect(try office.ask(agent).isPermitted)
    }

    @Test func refusedIsDeniedUntilItLapses() throws {
        let office = try ApprovalWorld()
        let agent = try office.world.start()
        let id = try office.request(agent)
        #expect(office.fault { try office.authority.refuse(id, by: "user:mallory") } == "approver_unknown")
        try office.authority.refuse(id, by: "user:coo")
        let denied = try office.ask(agent)
        #expect(denied.denial?.reason.rawValue == "approval_refused" && denied.approval == id)
        #expect(office.fault { try office.approve(id) } == "approval_decided")
        #expect(try office.authority.approval(id).arguments == nil)
    }

    @Test func aRuleThatAsksLetsThroughWhatItWouldDeny() throws {
        let people = #""then":"ask","approval":{"of":["user:cfo"]}"#
        for rule in [
            #"{"id":"big","match":"read_file","rate":{"calls":1,"per":"1h"},\#(people)}"#,
            #"{"id":"big","match":"read_file","budget":{"unit":"calls","cost":{"fixed":"1"},"limit":"1","per":"day"},\#(people)}"#,
        ] {
            let office = try ApprovalWorld(rule)
            let agent = try office.world.start()
            #expect(try office.ask(agent).isPermitted)
            try office.approve(try office.request(agent))
            #expect(try office.ask(agent).isPermitted)
            _ = try office.request(agent)
        }
        for rule in [
            #"{"id":"big","match":"read_file","hours":"Sun 10:00-11:00 UTC",\#(people)}"#,
            #"{"id":"big","match":"read_file","labels":{"requires":["seen"]},\#(people)}"#,
        ] {
            let office = try ApprovalWorld()
            try office.apply(rule, version: 2, labels: #""labels":["seen"],"#)
            let agent = try office.world.start()
            try office.approve(try office.request(agent))
            #expect(try office.ask(agent).isPermitted)
        }
    }

    @Test func anObservedQuestionIsRecordedAndAsksNobody() throws {
        let office = try ApprovalWorld(
            #"{"id":"big","match":"read_file","mode":"observe","approval":{"of":["user:cfo"]}}"#)
        let decision = try office.ask(try office.world.start())
        #expect(decision.isPermitted && decision.observed?.reason.rawValue == "approval_required")
        #expect(try office.authority.approvals().isEmpty)
    }
}
