import AgentID
import Foundation
import Scopes
import StrictJSON
import Testing

/// One list of cases for every language: Tests/Verdicts/cases.json.
@Suite struct VerdictTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let steps: [[String: String]]
        var testDescription: String { name }
    }

    static let cases: [Case] = {
        let list = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Verdicts/cases.json")
        guard let bytes = try? Data(contentsOf: list), let root = try? JSON(parsing: Array(bytes)).root else {
            return []
        }
        return root.elements.map { one in
            let steps = one["steps"].map { Array($0.elements) } ?? []
            return Case(
                name: one["name"]?.string ?? "",
                steps: steps.map { step in
                    var members: [String: String] = [:]
                    for (name, value) in step.members { members[name.string ?? ""] = value.string }
                    return members
                })
        }
    }()

    final class Runner {
        let acme: Authority
        var agents: [String: Agent] = [:]
        var ids: [String: String] = [:]
        var chains: [String: String] = [:]
        var guards: [String: Guard] = [:]
        var proofs: [String: String] = [:]
        var admissions: [String: Admission] = [:]

        init() throws {
            var options = Authority.Options()
            options.trustDomain = "acme.example"
            acme = try Authority.open(directory: nil, options: options)
            try acme.put(
                Profile(
                    name: "researcher", owner: "team:research@acme.example",
                    ceiling: Scope("read_file(path under '/data'); search(query: *, limit?: *)")))
        }

        func keep(_ agent: Agent, as name: String) throws {
            (agents[name], ids[name], chains[name]) = (agent, try agent.id(), try agent.chain())
        }

        /// What comes of a step: `ok`, or what `expect` would say.
        func run(_ step: [String: String]) throws -> String {
            do { return try act(step) ?? "ok" } catch let error as AgentIDError {
                return error.name
            } catch let error as NotPermitted {
                switch error {
                case .denied(let decision): return decision.denial?.reason.rawValue ?? ""
                case .failed(let error): return error.name
                }
            } catch let denial as Denial {
                return denial.reason.rawValue
            } catch let error as ScopeError { return error.name }
        }

        private func act(_ step: [String: String]) throws -> String? {
            func named(_ name: String) throws -> String { try #require(step[name]) }
            func agent() throws -> Agent { try #require(agents[named("agent")]) }
            func id() throws -> String { try step["id"] ?? #require(ids[named("agent")]) }
            func point() throws -> Guard { try #require(guards[named("guard")]) }
            func proof() throws -> String { try #require(proofs[named("proof")]) }
            func chain() throws -> String { try #require(chains[named("agent")]) }
            let (tool, arguments) = (step["tool"] ?? "", Array((step["args"] ?? "{}").utf8))
            switch try named("op") {
            case "start":
                let request = AgentRequest(
                    principal: "user:alice@acme.example", task: "review", scope: try Scope(named("scope")))
                try keep(acme.startAgent(profile: step["profile"] ?? "researcher", request), as: named("agent"))
            case "spawn":
                let parent = try #require(agents[named("parent")])
                // What names neither does not compile.
                guard step["scope"] != nil || step["same_scope"] != nil else { return "scope_missing" }
                let part: DelegationRequest =
                    try step["scope"].map { DelegationRequest(scope: try Scope($0)) } ?? .sameScope()
                try keep(parent.spawn("reader", part), as: named("agent"))
            case "guard":
                var options = Guard.Options()
                options.audience = step["audience"]
                options.acceptsProofsWithoutAudience = step["any_audience"] != nil
                guards[try named("guard")] = try acme.guarding(options)
            case "authorize":
                try agent().authorize(tool: tool, arguments: arguments)
                return "permit"
            case "check":
                return try agent().check(tool: tool, arguments: arguments).denial?.reason.rawValue ?? "permit"
            case "keep": proofs[try named("proof")] = step["text"]
            case "prove":
                let audience = try named("audience")
                let caller = try agent()
                proofs[try named("proof")] = try caller.prove(
                    tool: tool, arguments: arguments, audience: audience.isEmpty ? nil : audience)
                chains[try named("agent")] = try caller.chain()
            case "refer":
                let caller = try agent()
                let reference = try step["text"] ?? caller.chainReference()
                if step["text"] == nil { #expect(try ChainReference.of(caller.chain()) == reference) }
                chains[try named("agent")] = reference
            case "guard_authorize":
                try point().authorize(chain: chain(), proof: proof(), tool: tool, arguments: arguments)
                return "permit"
            case "guard_check":
                return try point().check(chain: chain(), proof: proof(), tool: tool, arguments: arguments)
                    .denial?.reason.rawValue ?? "permit"
            case "guard_agent":
                try point().authorize(agent(), tool: tool, arguments: arguments)
                return "permit"
            case "admit": admissions[try named("admission")] = try point().admit(chain: Array(chain().utf8))
            case "admission":
                let admission = try #require(admissions[named("admission")])
                try admission.guardian.authorize(
                    admission, proof: Array(proof().utf8), tool: tool, arguments: arguments)
                return "permit"
            case "end": try agent().end(reason: "done")
            case "close": try agent().close()
            case "park": try agent().park(for: 60)
            case "unpark": try keep(acme.unpark(agent: id()), as: named("agent"))
            case "rotate": try agent().rotateKey()
            case "deprovision": _ = try acme.deprovision(agent: id(), reason: "done")
            case "suspend": try acme.suspend(agent: id(), reason: "look into it")
            case "resume": try acme.resume(agent: id())
            case "revoke": _ = try acme.revoke(Revocation(.agent, id()))
            case "guard_revoke": try point().revoke(Revocation(.agent, id()))
            case "verify_gone": return try acme.verifyGone(agent: id()).isGone ? "gone" : "not_gone"
            case "permits":
                let call = try JSON(parsing: arguments)
                return try Scope(named("scope")).permits(tool, call.root) ? "permit" : "deny"
            default: Issue.record("there is no such verb: \(step)")
            }
            return nil
        }
    }

    @Test(arguments: cases) func verdict(_ one: Case) throws {
        let runner = try Runner()
        for (number, step) in one.steps.enumerated() {
            #expect(try runner.run(step) == step["expect"] ?? "ok", "step \(number): \(step)")
        }
    }

    @Test func theListIsThere() { #expect(Self.cases.count > 30) }
}
