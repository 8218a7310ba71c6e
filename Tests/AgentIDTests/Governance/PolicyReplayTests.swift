import Foundation
import Policy
import PolicyReplay
import Scopes
import StrictJSON
import TestSupport
import Testing

@testable import AgentID

/// A policy replayed over a log answers as guards answered, or would have.
@Suite struct PolicyReplayTests {
    /// One step of a run, drawn before it is known how anything is decided.
    private enum Step {
        case call(agent: Int, tool: String, arguments: String, ending: Int)
        case wait(milliseconds: Int64)
        case resume(agent: Int)
    }

    private static let tools = ["read_file", "search", "send.mail", "send.note"]

    private static func steps(_ random: inout Seeded, _ count: Int, resumes: Bool) -> [Step] {
        (0..<count).map { _ in
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<3: return .wait(milliseconds: .random(in: 1...9_000, using: &random))
            case 3 where resumes: return .resume(agent: .random(in: 0..<6, using: &random))
            case 4: return .call(agent: .random(in: 0..<6, using: &random), tool: "unknown", arguments: "{}", ending: 0)
            default:
                let tool = tools.randomElement(using: &random) ?? ""
                let arguments = tool == "search" && Bool.random(using: &random) ? #"{"query":"q"}"# : "{}"
                return .call(
                    agent: .random(in: 0..<6, using: &random), tool: tool, arguments: arguments,
                    ending: .random(in: 0..<5, using: &random))
            }
        }
    }

    private static func policy(_ random: inout Seeded, mode: String = "enforce") -> [UInt8] {
        let subjects = ["agent", "subtree", "task", "principal", "profile", "domain"]
        let matches = ["read_file", "search", "send.*", "*", "search(query: *)", "read_file; send.note"]
        func pick(_ list: [String]) -> String { list.randomElement(using: &random) ?? "" }
        let count = Int.random(in: 1...7, using: &random)
        let rules = (0..<count).map { i -> String in
            let (match, subject) = (pick(matches), pick(subjects))
            // A consequence of a meter that several share stops whoever comes last, here as there.
            let then = Int.random(in: 0..<6, using: &random) == 0 ? #","then":"suspend""# : ""
            let head = #"{"id":"r\#(i)","match":"\#(match)""#
            switch Int.random(in: 0..<8, using: &random) {
            case 0: return head + #","hours":"Mon-Sun 06:00-21:30 Europe/Berlin"\#(then)}"#
            case 1:
                return head + #","labels":{"adds":["\#(pick(["seen", "own"]))"],"for":"\#(pick(["task", "agent"]))"}}"#
            case 2: return head + #","labels":{"refuses":["\#(pick(["seen & own", "own", "seen"]))"]}\#(then)}"#
            case 3: return head + #","labels":{"adds":["done"]}}"#
            case 4: return #"{"id":"r\#(i)","match":"send.mail","labels":{"requires":["done"]}}"#
            case 5:
                return head
                    + #","budget":{"unit":"usd","limit":"\#(Int.random(in: 1...9, using: &random)).50","cost":{"fixed":"0.75"},"per":"\#(pick(["1m", "1h"]))","for":"\#(subject)","on_failure":"\#(pick(["refund", "spend"]))"}\#(then)}"#
            case 6:
                return
                    #"{"id":"r\#(i)","anomaly":{"\#(pick(["denials", "unknown_tools"]))":\#(Int.random(in: 1...4, using: &random)),"per":"1m","for":"\#(pick(["agent", "subtree"]))"},"then":"\#(pick(["suspend", "suspend"]))"}"#
            default:
                let calls = Int.random(in: 1...5, using: &random)
                return head
                    + #","rate":{"calls":\#(calls),"per":"\#(pick(["7s", "1m"]))","burst":\#(Int.random(in: 1...calls, using: &random)),"for":"\#(subject)"}\#(then)}"#
            }
        }
        return Array(
            #"{"version":1,"mode":"\#(mode)","labels":["seen","own","done"],"rules":[\#(rules.joined(separator: ","))]}"#
                .utf8)
    }

    /// The answers of guards, by the index of their entry: `nil` for what no policy was asked about.
    private struct Run {
        let directory: TemporaryDirectory
        let entries: [JSON]
        let reader: AuditReader
    }

    private static func run(_ steps: [Step], under policy: [UInt8]?) throws -> Run {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path, movesMeters: true)
        defer { world.authority.close() }
        let scope = "read_file; search; send.mail; send.note"
        try world.authority.put(
            Profile(name: "clerk", owner: "team:x@acme.example", ceiling: Scope(scope)))
        if let policy { try world.authority.applyPolicy(policy) }
        var agents: [Agent] = []
        for principal in ["alice", "bob"] {
            let root = try world.authority.startAgent(
                profile: "clerk",
                AgentRequest(principal: "user:\(principal)@acme.example", task: "t", scope: Scope(scope)))
            let child = try root.spawn("child", .sameScope(isolated: principal == "bob"))
            agents += [root, child, try child.spawn("grandchild", .sameScope())]
        }
        for step in steps {
            switch step {
            case .wait(let milliseconds): world.pass(milliseconds: milliseconds)
            case .resume(let agent): try? world.authority.resume(agent: agents[agent].id())
            case .call(let agent, let tool, let arguments, let ending):
                // Two decisions in one millisecond have no order that a log tells.
                world.pass(milliseconds: 1)
                guard let call = try? agents[agent].begin(tool: tool, arguments: Array(arguments.utf8)) else {
                    continue
                }
                world.pass(milliseconds: 1)
                switch ending {
                case 0: break
                case 1:
                    try call.labels(["seen"])
                    try call.commit()
                case 2: try call.abort()
                default: try call.commit()
                }
            }
        }
        try world.authority.integrate()
        let reader = try AuditReader(authority: directory.path)
        var entries: [JSON] = []
        while entries.count < Int(reader.count) {
            entries += try reader.entries(from: UInt64(entries.count)).map { try JSON(parsing: $0) }
        }
        return Run(directory: directory, entries: entries, reader: reader)
    }

    private static func replay(
        _ policy: [UInt8], over run: Run
    ) throws -> (verdicts: [UInt64: ReplayVerdict], found: JSONTree, changes: Bool, ids: [String]) {
        let policy = try ActivePolicy(parsing: policy)
        let replay = PolicyReplay(policy)
        var verdicts: [UInt64: ReplayVerdict] = [:]
        replay.onVerdict = { verdicts[$0] = $1 }
        let found = try replay.run(run.reader)
        return (verdicts, found, replay.changesAnything, policy.document.rules.map(\.id.string))
    }

    @Test func numbersThatTheLogCountsAreNotCountedBeyondAllNumbers() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        defer { world.authority.close() }
        let log = try #require(world.authority.trail?.log)
        let line = #"{"count":999999999999999999,"kind":"denials","time_ms":1790000000000}"#
        for _ in 0..<12 { try log.append(Array(line.utf8)) }
        try world.authority.integrate()
        let policy = try ActivePolicy(
            parsing: Array(#"{"version":1,"rules":[{"id":"r","match":"x","rate":{"calls":1,"per":"1m"}}]}"#.utf8))
        let found = try PolicyReplay(policy).run(AuditReader(authority: directory.path))
        #expect(found.text.contains(#""denials_counted_only":\#(Int.max)"#))
    }

    @Test(arguments: 0..<16) func aPolicyReplayedOverItsOwnLogAnswersAsItDid(_ seed: Int) throws {
        var random = Seeded(seed: UInt64(seed))
        let policy = Self.policy(&random)
        let run = try Self.run(Self.steps(&random, 120, resumes: true), under: policy)
        let (verdicts, _, changes, ids) = try Self.replay(policy, over: run)
        #expect(!changes)
        for (i, entry) in run.entries.enumerated() where entry.root["kind"]?.string == "decision" {
            let verdict = verdicts[UInt64(i)]
            if entry.root["decision"]?.string == "permit" {
                #expect(verdict?.answer == .permit, "entry \(i): \(entry.root)")
            } else if let rule = entry.root["rule"]?.string {
                #expect(
                    verdict?.answer == .deny && verdict?.rule.map { ids[$0] } == rule, "entry \(i): \(entry.root)")
                #expect("\(verdict?.reason ?? "")" == entry.root["reason"]?.string)
            }
            if let stop = entry.root["stop"], stop["rule"]?.string != entry.root["rule"]?.string {
                #expect(verdict?.stop.map { ids[$0.rule] } == stop["rule"]?.string, "entry \(i)")
            }
        }
    }

    @Test(arguments: 0..<12) func whatWasOnlyObservedIsFoundAgainAsItWasRecorded(_ seed: Int) throws {
        var random = Seeded(seed: UInt64(1000 + seed))
        let policy = Self.policy(&random, mode: "observe")
        let run = try Self.run(Self.steps(&random, 120, resumes: false), under: policy)
        let (verdicts, _, changes, ids) = try Self.replay(policy, over: run)
        #expect(!changes)
        for (i, entry) in run.entries.enumerated() where entry.root["decision"]?.string == "permit" {
            let recorded = entry.root["would_deny"]
            let observed = verdicts[UInt64(i)]?.observed
            #expect(recorded?["rule"]?.string == observed.map { ids[$0.rule] }, "entry \(i): \(entry.root)")
            #expect(recorded?["reason"]?.string == observed.map { "\($0.reason)" })
        }
    }

    /// The very same calls, once without a policy and once under it: what the replay says of the first is what guards said in
    /// the second.
    @Test(arguments: 0..<16) func aPolicyReplayedOverALogWithoutOneAnswersAsGuardsWouldHave(_ seed: Int) throws {
        var random = Seeded(seed: UInt64(2000 + seed))
        let policy = Self.policy(&random)
        let steps = Self.steps(&random, 120, resumes: false)
        let (free, ruled) = (try Self.run(steps, under: nil), try Self.run(steps, under: policy))
        let (verdicts, _, changes, ids) = try Self.replay(policy, over: free)
        func decisions(_ run: Run) -> [(Int, JSON.Value)] {
            run.entries.enumerated().filter { $1.root["kind"]?.string == "decision" }.map { ($0, $1.root) }
        }
        let (before, after) = (decisions(free), decisions(ruled))
        #expect(before.count == after.count)
        var denied = false
        for ((i, one), (_, other)) in zip(before, after) where one["decision"]?.string == "permit" {
            let verdict = verdicts[UInt64(i)]
            if other["decision"]?.string == "permit" {
                #expect(verdict?.answer == .permit, "entry \(i): \(other)")
            } else if let rule = other["rule"]?.string {
                denied = true
                #expect(verdict?.rule.map { ids[$0] } == rule && verdict?.answer == .deny, "entry \(i): \(other)")
            } else {
                denied = true
                #expect(
                    other["reason"]?.string == "suspended" && verdict?.answer == .stopped, "entry \(i): \(other)")
            }
        }
        #expect(changes == denied)
    }

    @Test func whatHangsOnArgumentsThatTheLogDoesNotHaveIsSaidAndNotGuessed() throws {
        let steps = (0..<6).map { _ in Step.call(agent: 0, tool: "search", arguments: #"{"query":"q"}"#, ending: 3) }
        let run = try Self.run(steps, under: nil)
        let policy = Array(
            #"""
            {"version":1,"labels":["odd"],"rules":[
             {"id":"values","match":"search(query == 'q')","then":"deny"},
             {"id":"paid","match":"search","budget":{"unit":"usd","limit":"1","cost":{"argument":"query"}}},
             {"id":"adds","match":"search(query == 'q')","labels":{"adds":["odd"]}},
             {"id":"sink","match":"search","labels":{"refuses":["odd"]}},
             {"id":"names","match":"search(query: *)","rate":{"calls":4,"per":"1h"}},
             {"id":"free","match":"search","mode":"observe","budget":{"unit":"eur","limit":"1","cost":{"argument":"eur"}}}]}
            """#.utf8)
        let (_, found, changes, _) = try Self.replay(policy, over: run)
        let document = try JSON(parsing: found.canonical()).root
        let rules = Dictionary(
            uniqueKeysWithValues: document["rules"]?.elements.map { ($0["rule"]?.string ?? "", $0) } ?? [])
        #expect(changes)
        #expect(rules["values"]?["not_judged"]?.int == 6 && rules["values"]?["denied"]?.int == 0)
        #expect(
            rules["sink"]?["not_judged"]?.int == 5 && rules["sink"]?["denied"]?.int == 0,
            "nothing came before the first")
        #expect(rules["names"]?["denied"]?.int == 2 && rules["names"]?["not_judged"]?.int == 0)
        #expect(rules["paid"]?["not_judged"]?.int == 4 && document["calls"]?["not_judged"]?.int == 4)
        #expect(rules["free"]?["observed"]?.int == 4, "a cost that is missing cannot be told, and the names say so")
        #expect(rules["names"]?["examples"]?.elements.first { _ in true }?["tool"]?.string == "search")
    }

    @Test func onlyTheTimesThatAreAskedAboutAreAnswered() throws {
        let steps = (0..<8).map { _ in Step.call(agent: 0, tool: "search", arguments: "{}", ending: 3) }
        let run = try Self.run(steps, under: nil)
        let times = run.entries.compactMap { $0.root["tool"] == nil ? nil : $0.root["time_ms"]?.int }
        let policy = try ActivePolicy(
            parsing: Array(#"{"version":1,"rules":[{"id":"no","match":"*","then":"deny"}]}"#.utf8))
        let replay = PolicyReplay(policy, within: Int64(times[2])..<Int64(times[5]))
        let found = try JSON(parsing: replay.run(run.reader).canonical()).root
        #expect(found["calls"]?["newly_denied"]?.int == 3)
        #expect(found["rules"]?.elements.first { _ in true }?["first_ms"]?.int == times[2])
    }
}
