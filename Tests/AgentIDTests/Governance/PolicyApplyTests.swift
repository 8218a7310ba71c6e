import Foundation
import Scopes
import StrictJSON
import Synchronization
import Testing

@testable import AgentID

/// A policy lives in the registry, and guards decide by it.
@Suite struct PolicyApplyTests {
    private func rule(_ rule: String, version: Int = 1) -> [UInt8] {
        Array(#"{"version":\#(version),"rules":[\#(rule)]}"#.utf8)
    }

    private func policy(_ agent: Agent, _ path: String = "/data/q3/a", at guardian: Guard? = nil) throws -> Decision {
        let arguments = Array(#"{"path":"\#(path)"}"#.utf8)
        if let guardian { return try guardian.check(agent, tool: "read_file", arguments: arguments) }
        return try agent.check(tool: "read_file", arguments: arguments)
    }

    @Test func aRuleDeniesFromTheNextCallOnAndTheDecisionNamesIt() throws {
        let world = try World()
        let agent = try world.start()
        #expect(try policy(agent).isPermitted && policy(agent).policy == nil)
        try world.authority.applyPolicy(rule(#"{"id":"no-csv","match":"read_*(path like '**.csv')","then":"deny"}"#))
        let denied = try policy(agent, "/data/q3/a.csv")
        #expect(denied.denial?.reason.rawValue == "policy_denied")
        #expect(denied.rule == "no-csv" && denied.policy == 1 && denied.denial?.place == "policy.no-csv")
        let permitted = try policy(agent, "/data/q3/a.txt")
        #expect(permitted.isPermitted && permitted.policy == 1 && permitted.rule == nil)
        // What the grant refuses, no policy was asked about.
        #expect(try policy(agent, "/etc").policy == nil)
        try world.authority.applyPolicy(rule("", version: 2))
        #expect(try policy(agent, "/data/q3/a.csv").isPermitted && policy(agent).policy == 2)
    }

    @Test(arguments: [
        (#"{"version":1,"version":2,"rules":[]}"#, 13), (#"{"version":1e400}"#, 11), ("\u{FEFF}{}", 0), ("{}x", 2),
        ("{", 1), ("{\r\n x", 4),
    ])
    func whatIsNotJSONIsRefusedAtItsByteAndChangesNothing(_ document: String, _ byte: Int) throws {
        let world = try World()
        try world.authority.applyPolicy(rule(""))
        let error = #expect(throws: AgentIDError.self) { try world.authority.applyPolicy(Array(document.utf8)) }
        #expect(error?.name == "json" && error?.message.contains(" at byte \(byte); ") == true)
        #expect(try policy(world.start()).policy == 1)
    }

    @Test func anAgentOutlivesAnyNumberOfPolicies() throws {
        let world = try World()
        let agent = try world.start()
        for version in 1...600 {
            try world.authority.applyPolicy(rule("", version: version))
            #expect(try policy(agent).policy == Int64(version))
        }
    }

    @Test func aPolicyIsNewerThanTheOneBeforeOrTheSame() throws {
        let world = try World()
        #expect(try world.authority.policy() == nil)
        let deny = #"{"id":"r","match":"t","then":"deny"}"#
        #expect(try world.authority.applyPolicy(rule(deny, version: 5)) == 5)
        #expect(try world.authority.applyPolicy(rule(deny, version: 5)) == 5)
        for version in [1, 4, 5] {
            #expect { try world.authority.applyPolicy(rule("", version: version)) } throws: {
                ($0 as? AgentIDError)?.name == "policy_version"
            }
        }
        let kept = try #require(try world.authority.policy())
        #expect(
            String(decoding: kept, as: UTF8.self) == #"{"rules":[{"id":"r","match":"t","then":"deny"}],"version":5}"#)
    }

    @Test func whatCannotBeReadGivesWayToANewerOne() throws {
        let world = try World()
        let agent = try world.start()
        try world.authority.applyPolicy(rule(""))
        for (i, damaged) in [
            #"{"version":1,"rules":[{"id":"r","match":"t","hours":"Mon 08:00-18:00 No/Where"}]}"#, "{",
        ].enumerated() {
            let version = Int64(10 * i + 10)
            try world.authority.registry.write {
                try $0.put(PolicyRecord(version: version, document: Array(damaged.utf8), appliedAt: 0))
            }
            try world.authority.applyPolicy(rule("", version: Int(version) + 1))
            #expect(try policy(agent).policy == version + 1)
        }
    }

    @Test func aBudgetKeepsItsScale() throws {
        let world = try World()
        func spend(_ limit: String, _ version: Int, id: String = "spend", more: String = "") -> [UInt8] {
            rule(
                #"{"id":"\#(id)","match":"t","budget":{"unit":"usd","limit":"\#(limit)","cost":{"fixed":"1"}\#(more)}}"#,
                version: version)
        }
        try world.authority.applyPolicy(spend("10.00", 1))
        #expect { try world.authority.applyPolicy(spend("10.000", 2)) } throws: {
            let error = $0 as? AgentIDError
            return error?.name == "policy_scale" && error?.place == "rules[0].budget"
        }
        try world.authority.applyPolicy(spend("5.00", 2))
        try world.authority.applyPolicy(spend("5", 3, more: #","scale":2"#))
        try world.authority.applyPolicy(spend("10.000", 4, id: "anew"))
    }

    @Test func whatIsReadAndNotEnforcedIsRefusedAndChangesNothing() throws {
        let world = try World()
        for (wrong, name, place) in [
            (#"{"id":"r","match":"t","approval":{"of":["a"]}}"#, "unknown_approver", "rules[0].approval.of[0]"),
            (#"{"id":"r","anomaly":{"replays":1,"per":"1m"},"then":"revoke"}"#, "not_built", "rules[0].anomaly"),
            (#"{"id":"r","match":"t","thn":"deny"}"#, "unknown_member", "rules[0].thn"),
        ] {
            #expect { try world.authority.applyPolicy(rule(wrong)) } throws: {
                let error = $0 as? AgentIDError
                return error?.name == name && error?.place == place && error?.message.contains("rule r") == true
            }
        }
        #expect(try world.authority.policy() == nil)
    }

    @Test func hoursAreTheMachinesAtTheGuardsClock() throws {
        let world = try World()
        let agent = try world.start()
        // The world's clock says Monday, 2026-09-21, 14:13 UTC.
        try world.authority.applyPolicy(rule(#"{"id":"h","match":"read_file","hours":"Mon 14:00-15:00 UTC"}"#))
        #expect(try policy(agent).isPermitted)
        world.pass(seconds: 50 * 60)
        let denied = try policy(try world.start())
        #expect(denied.denial?.reason.rawValue == "outside_hours" && denied.rule == "h")
    }

    @Test(arguments: [true, false]) func nobodyIsStoppedByHoursBecauseAClockWasWrong(isWrong: Bool) throws {
        let directory = try TemporaryDirectory()
        // The meters' clock, which nobody sets, moves along where the time has really passed.
        let world = try World(at: directory.path + "/acme", movesMeters: !isWrong) { options in
            if isWrong { options.metersClock = SteadyClock { SteadyTime(boot: "run", milliseconds: 1000) } }
        }
        try world.authority.applyPolicy(
            rule(#"{"id":"h","match":"read_file","hours":"Mon 14:00-15:00 UTC","then":"suspend"}"#))
        #expect(try policy(world.start()).isPermitted)
        world.pass(seconds: 50 * 60)
        let agent = try world.start()
        let denied = try policy(agent)
        #expect(denied.denial?.reason.rawValue == "outside_hours")
        #expect((denied.stop == nil) == isWrong)
        #expect(try policy(agent).denial?.reason.rawValue == (isWrong ? "outside_hours" : "suspended"))
    }

    @Test func whatIsObservedIsPermittedAndSaysWhatItWouldDeny() throws {
        let world = try World()
        let agent = try world.start()
        try world.authority.applyPolicy(
            rule(#"{"id":"o","match":"read_file","then":"deny","mode":"observe"}"#))
        let decision = try policy(agent)
        #expect(decision.isPermitted && decision.observed?.rule == "o" && decision.rule == nil)
        #expect(decision.document.text.contains(#""would_deny":{"reason":"policy_denied","rule":"o"}"#))
    }

    @Test func aCallThatLeavesARuleOpenIsUnderIt() throws {
        let world = try World()
        try world.authority.put(
            Profile(name: "payer", owner: "team:x@acme.example", ceiling: Scope("pay")))
        let agent = try world.authority.startAgent(
            profile: "payer",
            AgentRequest(principal: "user:alice@acme.example", task: "t", scope: Scope("pay")))
        try world.authority.applyPolicy(rule(#"{"id":"big","match":"pay(usd decimal >= '1000')","then":"deny"}"#))
        for (call, isPermitted) in [
            (#"{"usd":"999"}"#, true), (#"{"usd":"1000"}"#, false), (#"{"usd":5}"#, false), ("{}", false),
            (#"{"usd":"1000","to":"x"}"#, false), (#"{"usd":["5"]}"#, false),
        ] {
            #expect(
                try agent.check(tool: "pay", arguments: Array(call.utf8)).isPermitted == isPermitted, "\(call)")
        }
    }

    @Test func everyProcessGoesByItAndTheLogNamesIt() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start()
        let other = try Guard.open(directory: directory.path, .forTests(world))
        let chain = try agent.chain()
        func ask(_ path: String) throws -> Decision {
            let arguments = Array(#"{"path":"\#(path)"}"#.utf8)
            return other.check(
                chain: Array(chain.utf8), proof: Array(try agent.prove(tool: "read_file", arguments: arguments).utf8),
                tool: "read_file", arguments: arguments)
        }
        #expect(try ask("/data/q3/a").isPermitted)
        try world.authority.applyPolicy(
            rule(
                #"{"id":"no","match":"read_file(path == '/data/q3/no')","then":"deny"},"#
                    + #"{"id":"see","match":"read_file(path == '/data/q3/see')","then":"deny","mode":"observe"}"#,
                version: 7))
        let (denied, seen, permitted) = (try ask("/data/q3/no"), try ask("/data/q3/see"), try ask("/data/q3/a"))
        #expect(denied.rule == "no" && denied.policy == 7 && permitted.policy == 7 && seen.observed?.rule == "see")
        try world.authority.integrate()
        let entries = try AuditReader(authority: directory.path).entries(from: 0).map { try JSON(parsing: $0).root }
        func entry(_ decision: Decision) -> JSON.Value? { entries.first { $0["id"]?.string == decision.id } }
        #expect(entry(denied)?["rule"]?.string == "no" && entry(denied)?["policy"]?.int == 7)
        #expect(entry(permitted)?["policy"]?.int == 7 && entry(permitted)?["rule"] == nil)
        #expect(entry(seen)?["would_deny"]?["rule"]?.string == "see" && entry(seen)?["policy"]?.int == 7)
    }

    @Test func whileAPolicyIsAppliedEveryDecisionIsOfOneVersion() throws {
        let world = try World()
        let agent = try world.start()
        try world.authority.applyPolicy(rule("", version: 1))
        let wrong = Atomic(0)
        let decided = Atomic(0)
        let isDone = Atomic(false)
        DispatchQueue.concurrentPerform(iterations: 5) { thread in
            guard thread > 0 else {
                for version in 2...30 {
                    // Even versions deny, by a rule that is named after them.
                    let text = version % 2 == 0 ? #"{"id":"v\#(version)","match":"read_file","then":"deny"}"# : ""
                    _ = try? world.authority.applyPolicy(rule(text, version: version))
                }
                return isDone.store(true, ordering: .relaxed)
            }
            while !isDone.load(ordering: .relaxed) || decided.load(ordering: .relaxed) < 50 {
                guard let decision = try? policy(agent), let version = decision.policy else {
                    wrong.add(1, ordering: .relaxed)
                    decided.add(1, ordering: .relaxed)
                    continue
                }
                let holds = version % 2 == 1 ? decision.isPermitted : decision.rule == "v\(version)"
                if !holds { wrong.add(1, ordering: .relaxed) }
                decided.add(1, ordering: .relaxed)
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(try policy(agent).policy == 30)
    }
}
