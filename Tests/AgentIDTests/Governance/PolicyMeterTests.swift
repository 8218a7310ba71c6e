import AgentID
import Foundation
import Scopes
import StrictJSON
import Synchronization
import Testing

/// Rates and labels of a policy, as guards enforce them.
@Suite struct PolicyMeterTests {
    private let world: World

    init() throws {
        world = try World()
        try world.authority.put(
            Profile(
                name: "clerk", owner: "team:x@acme.example",
                ceiling: Scope("send_mail; pay; web_fetch; read_file; deploy; review"), maxDepth: 8))
    }

    private func start(_ principal: String = "user:alice@acme.example") throws -> Agent {
        try world.authority.startAgent(
            profile: "clerk",
            AgentRequest(
                principal: principal, task: "t",
                scope: Scope("send_mail; pay; web_fetch; read_file; deploy; review")))
    }

    private func apply(_ rules: String, version: Int = 1, labels: String = #""untrusted","private","reviewed""#) throws
    {
        try world.authority.applyPolicy(
            Array(#"{"version":\#(version),"labels":[\#(labels)],"rules":[\#(rules)]}"#.utf8))
    }

    private func ask(_ agent: Agent, _ tool: String, _ arguments: String = "{}") throws -> Decision {
        try agent.check(tool: tool, arguments: Array(arguments.utf8))
    }

    private func reason(_ agent: Agent, _ tool: String, _ arguments: String = "{}") throws -> String? {
        try ask(agent, tool, arguments).denial?.reason.rawValue
    }

    @Test func aRateIsTakenByAllWhoShareItAndRetryAfterIsTrueToTheMillisecond() throws {
        try apply(#"{"id":"mail","match":"send_*","rate":{"calls":3,"per":"1h","for":"task"}}"#)
        let agent = try start()
        let child = try agent.spawn("below", .sameScope())
        #expect(try reason(agent, "send_mail") == nil && reason(child, "send_mail") == nil)
        #expect(try reason(child, "send_mail") == nil)
        let denied = try ask(agent, "send_mail")
        #expect(denied.denial?.reason.rawValue == "rate_limited" && denied.rule == "mail")
        let wait = try #require(denied.denial?.retryAfter)
        #expect(wait == 1_200_000)
        // Another task has its own; and another tool no rule is about.
        #expect(try reason(start(), "send_mail") == nil && reason(agent, "pay") == nil)
        world.pass(milliseconds: 240_000)
        #expect(try reason(child, "send_mail") == "rate_limited")
        #expect(try ask(agent, "send_mail").denial?.retryAfter == wait - 240_000)
    }

    @Test func whateverStandsBesideARateOfAllCallsIsAskedToo() throws {
        let rate = #"{"id":"rate","match":"pay","rate":{"calls":100,"per":"1h","for":"agent"}}"#
        let agent = try start()
        for (i, other) in [
            #"{"id":"other","match":"pay(usd >= 5)","then":"deny"}"#,
            #"{"id":"other","match":"pay(usd >= 5)","rate":{"calls":1,"per":"1h","for":"agent"}}"#,
            #"{"id":"other","match":"pay(usd >= 5)","labels":{"requires":["checked"]}}"#,
            #"{"id":"other","match":"pay","budget":{"unit":"usd","cost":{"argument":"usd"},"limit":"5","for":"task"}}"#,
        ].enumerated() {
            let labels = #""untrusted","private","reviewed""# + (i < 2 ? "" : #","checked""#)
            try apply(rate + "," + other, version: i + 1, labels: labels)
            if i < 3 { #expect(try reason(agent, "pay", #"{"usd":1}"#) == nil) }
            _ = try ask(agent, "pay", #"{"usd":7}"#)
            #expect(try ask(agent, "pay", #"{"usd":7}"#).rule == "other", "\(other)")
        }
    }

    @Test func aSubtreesCallCountsForEveryAgentAboveIt() throws {
        try apply(#"{"id":"tree","match":"pay","rate":{"calls":2,"per":"1h","for":"subtree"}}"#)
        let root = try start()
        let (left, right) = (try root.spawn("left", .sameScope()), try root.spawn("right", .sameScope()))
        #expect(try reason(left, "pay") == nil && reason(right, "pay") == nil)
        // Each has one left of its own; the root has none.
        #expect(try reason(left, "pay") == "rate_limited" && reason(right, "pay") == "rate_limited")
        #expect(try reason(root, "pay") == "rate_limited")
    }

    @Test func whatALaterRuleRefusesHasTakenNothing() throws {
        try apply(
            #"{"id":"wide","match":"pay","rate":{"calls":5,"per":"1h","for":"principal"}},"#
                + #"{"id":"narrow","match":"pay","rate":{"calls":1,"per":"1h","for":"agent"}}"#)
        let agent = try start()
        #expect(try reason(agent, "pay") == nil)
        for _ in 0..<20 { #expect(try ask(agent, "pay").rule == "narrow") }
        // The principal's other agents have the four that are left.
        for _ in 0..<4 { #expect(try reason(start(), "pay") == nil) }
        #expect(try ask(start(), "pay").rule == "wide")
        #expect(try reason(start("user:bob@acme.example"), "pay") == nil)
    }

    @Test func anObservedRateCountsAndDeniesNothing() throws {
        try apply(#"{"id":"seen","match":"pay","mode":"observe","rate":{"calls":1,"per":"1h"}}"#)
        let agent = try start()
        #expect(try ask(agent, "pay").observed == nil)
        let second = try ask(agent, "pay")
        #expect(
            second.isPermitted && second.observed?.rule == "seen" && second.observed?.reason.rawValue == "rate_limited")
    }

    /// As an enforced one, which takes nothing where it denies: neither of the agent nor of those above it.
    @Test func anObservedRateOfASubtreeCountsOnlyWhatItWouldPermit() throws {
        try apply(#"{"id":"tree","match":"pay","mode":"observe","rate":{"calls":1,"per":"4m","for":"subtree"}}"#)
        let root = try start()
        let (left, right) = (try root.spawn("left", .sameScope()), try root.spawn("right", .sameScope()))
        #expect(try ask(left, "pay").observed == nil)
        world.pass(seconds: 120)
        // The root's is used up: the right one's stays whole; and the left one's does not stop the root's from being asked.
        for agent in [left, right, right] { #expect(try ask(agent, "pay").observed?.rule == "tree") }
        world.pass(seconds: 120)
        #expect(try ask(right, "pay").observed == nil && ask(root, "pay").observed?.rule == "tree")
    }

    @Test func aSubtreesRetryAfterWaitsForAllOfItsMeters() throws {
        try apply(#"{"id":"tree","match":"pay","rate":{"calls":2,"per":"4m","for":"subtree"}}"#)
        let root = try start()
        let (left, right) = (try root.spawn("left", .sameScope()), try root.spawn("right", .sameScope()))
        #expect(try reason(right, "pay") == nil)
        world.pass(seconds: 40)
        #expect(try reason(left, "pay") == nil)
        world.pass(seconds: 80)
        #expect(try reason(left, "pay") == nil)
        // Its own would let it through in 40 seconds, the root's in 120.
        #expect(try ask(left, "pay").denial?.retryAfter == 120_000)
        world.pass(milliseconds: 119_999)
        #expect(try reason(left, "pay") == "rate_limited")
        world.pass(milliseconds: 1)
        #expect(try reason(left, "pay") == nil)
    }

    /// What agents could tell themselves while nothing hung on it permits nothing later.
    @Test func aLabelThatNobodyRequiredIsNotRequiredLater() throws {
        let gate = #"{"id":"gate","match":"deploy","labels":{"requires":["reviewed"]}}"#
        try apply(#"{"id":"mail","match":"send_mail","labels":{"refuses":["private"]}}"#)
        let agent = try start()
        try agent.addLabels(["reviewed"])
        #expect(throws: AgentIDError.self) { try apply(gate, version: 2) }
        do { try apply(gate, version: 2) } catch let error as AgentIDError {
            #expect(error.name == "policy_labels" && error.place == "rules[0].labels.requires")
        }
        #expect(try reason(agent, "deploy") == nil)
        // One that is new is, and one that was required stays so.
        let labels = #""untrusted","private","reviewed","checked""#
        let checked = gate.replacingOccurrences(of: "reviewed", with: "checked")
        try apply(checked, version: 2, labels: labels)
        try apply(checked, version: 3, labels: labels)
        #expect(try reason(agent, "deploy") == "flow_refused")
    }

    @Test func dataThatWasReadDoesNotLeaveWithWhoReadUntrustedText() throws {
        try apply(
            #"{"id":"web","match":"web_fetch","labels":{"adds":["untrusted"]}},"#
                + #"{"id":"hr","match":"read_file(path under '/data/hr')","labels":{"adds":["private"]}},"#
                + #"{"id":"no-exfil","match":"send_mail","labels":{"refuses":["untrusted & private"]}}"#)
        let agent = try start()
        let child = try agent.spawn("below", .sameScope())
        #expect(try reason(agent, "send_mail") == nil && reason(child, "web_fetch") == nil)
        #expect(try reason(agent, "send_mail") == nil)
        #expect(try reason(agent, "read_file", #"{"path":"/data/q3"}"#) == nil && reason(agent, "send_mail") == nil)
        // A path that may lead there is taken for one that does.
        #expect(try reason(child, "read_file", #"{"path":"x/../hr"}"#) == nil)
        for who in [agent, child] {
            let denied = try ask(who, "send_mail")
            #expect(denied.denial?.reason.rawValue == "flow_refused" && denied.rule == "no-exfil")
            #expect(denied.denial?.message.contains("untrusted & private") == true)
        }
        #expect(try reason(start(), "send_mail") == nil)
    }

    @Test func whatIsRequiredIsAddedOnlyByACallThatSurelyMatches() throws {
        try apply(
            #"{"id":"review","match":"review(verdict == 'ok')","labels":{"adds":["reviewed"]}},"#
                + #"{"id":"deploy","match":"deploy","labels":{"requires":["reviewed"]}}"#)
        let agent = try start()
        #expect(try reason(agent, "deploy") == "flow_refused")
        for call in ["{}", #"{"verdict":["ok"]}"#, #"{"verdict":"no"}"#] {
            #expect(try reason(agent, "review", call) == nil && reason(agent, "deploy") == "flow_refused")
        }
        #expect(try reason(agent, "review", #"{"verdict":"ok","by":"bob"}"#) == nil && reason(agent, "deploy") == nil)
    }

    @Test func aCallThatIsDeniedAddsNoLabel() throws {
        try apply(
            #"{"id":"web","match":"web_fetch","labels":{"adds":["untrusted"]}},"#
                + #"{"id":"slow","match":"web_fetch","rate":{"calls":1,"per":"1h","for":"domain"}},"#
                + #"{"id":"pay","match":"pay","labels":{"refuses":["untrusted"]}}"#)
        let (first, second) = (try start(), try start())
        #expect(try reason(first, "web_fetch") == nil && reason(second, "web_fetch") == "rate_limited")
        #expect(try reason(first, "pay") == "flow_refused" && reason(second, "pay") == nil)
    }

    @Test func labelsKeepTheirPlacesFromOnePolicyToTheNext() throws {
        try apply("", labels: #""untrusted","private""#)
        #expect { try apply("", version: 2, labels: #""private","untrusted""#) } throws: {
            ($0 as? AgentIDError)?.name == "policy_labels"
        }
        #expect(throws: AgentIDError.self) { try apply("", version: 2, labels: #""untrusted""#) }
        try apply("", version: 2, labels: #""untrusted","private","secret""#)
    }

    @Test func onRandomTreesLabelsOnlyGrowAndAreThoseOfTheWholeTask() throws {
        try apply(
            #"{"id":"a","match":"web_fetch","labels":{"adds":["untrusted"]}},"#
                + #"{"id":"b","match":"read_file","labels":{"adds":["private"]}},"#
                + #"{"id":"own","match":"review","labels":{"adds":["reviewed"],"for":"agent"}},"#
                + #"{"id":"x","match":"send_mail","labels":{"refuses":["untrusted & private"]}},"#
                + #"{"id":"y","match":"deploy","labels":{"requires":["reviewed"]}}"#)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<6 {
            var agents = [try start()]
            var (task, own): (Set<String>, [Int: Bool]) = ([], [:])
            for step in 0..<40 {
                let i = Int.random(in: agents.indices, using: &random)
                switch Int.random(in: 0..<6, using: &random) {
                case 0 where agents.count < 7:
                    if let child = try? agents[i].spawn("s\(step)", .sameScope()) { agents.append(child) }
                case 1:
                    #expect(try reason(agents[i], "web_fetch") == nil)
                    task.insert("untrusted")
                case 2 where Bool.random(using: &random):
                    #expect(try reason(agents[i], "read_file") == nil)
                    task.insert("private")
                case 3:
                    #expect(try reason(agents[i], "review") == nil)
                    own[i] = true
                default:
                    #expect(try (reason(agents[i], "send_mail") == nil) == (task.count < 2))
                    #expect(try (reason(agents[i], "deploy") == nil) == (own[i] == true))
                }
            }
        }
    }

    @Test func everyGuardOfTheDirectoryCountsTogetherAndDeniesWithoutItsMeters() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start()
        try world.authority.applyPolicy(
            Array(
                #"{"version":1,"rules":[{"id":"r","match":"read_file","rate":{"calls":4,"per":"1h"}}]}"#.utf8))
        let arguments = Array(#"{"path":"/data/q3/a"}"#.utf8)
        let guards = try (0..<3).map { _ in try Guard.open(directory: directory.path, .forTests(world)) }
        func ask(_ i: Int) throws -> Decision {
            guards[i].check(
                chain: Array(try agent.chain().utf8),
                proof: Array(try agent.prove(tool: "read_file", arguments: arguments).utf8), tool: "read_file",
                arguments: arguments)
        }
        for i in [0, 1, 2, 0] { #expect(try ask(i).isPermitted) }
        for i in 0..<3 { #expect(try ask(i).denial?.reason.rawValue == "rate_limited") }
        // What the last look at revocations denies has taken nothing; what is gone is named.
        try FileManager.default.removeItem(atPath: "\(directory.path)/meters")
        usleep(120_000)
        let denied = try ask(0)
        #expect(denied.denial?.reason.rawValue == "meters_damaged")
    }
}
