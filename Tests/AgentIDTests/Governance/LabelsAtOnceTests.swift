import Policy
import Scopes
import Testing

@testable import AgentID

/// Rules about labels that are asked together, without a look at the arguments of a call.
@Suite struct LabelsAtOnceTests {
    private func labels(_ names: [Substring]) -> String { names.map { "\"\($0)\"" }.joined(separator: ",") }

    @Test func rulesThatAreAskedTogetherRefuseWhatAnyOfThemRefuses() throws {
        var random = SystemRandomNumberGenerator()
        // What one rule requires, none refuses: a policy that has both is not read.
        let (refusable, requirable) = ("abcd".split(separator: ""), "ef".split(separator: ""))
        let names = refusable + requirable
        for _ in 0..<60 {
            let rules = (0..<Int.random(in: 1...5, using: &random)).map { i in
                let refuses = (0..<Int.random(in: 0...2, using: &random)).map { _ in
                    "\"\(refusable.shuffled(using: &random).prefix(Int.random(in: 1...3, using: &random)).joined(separator: " & "))\""
                }
                let requires = requirable.shuffled(using: &random).prefix(Int.random(in: 0...1, using: &random))
                let adds = names.shuffled(using: &random).prefix(requires.isEmpty && refuses.isEmpty ? 1 : 0)
                let subject = Bool.random(using: &random) ? "task" : "agent"
                let parts = [
                    ("adds", labels(Array(adds))), ("refuses", refuses.joined(separator: ",")),
                    ("requires", labels(Array(requires))),
                ]
                let body = parts.filter { !$0.1.isEmpty }.map { "\"\($0.0)\":[\($0.1)]" } + ["\"for\":\"\(subject)\""]
                return #"{"id":"r\#(i)","match":"pay","labels":{\#(body.joined(separator: ","))}}"#
            }
            let text = #"{"version":1,"labels":[\#(labels(names))],"rules":[\#(rules.joined(separator: ","))]}"#
            let policy = try ActivePolicy(parsing: Array(text.utf8))
            var together = LabelsAtOnce()
            var all: [LabelRule] = []
            for rule in policy.document.rules {
                guard case .labels(let labels) = rule.effect else { continue }
                together.add(labels)
                all.append(labels)
            }
            for bits in UInt64(0)..<64 {
                #expect(
                    together.permits(bits) == all.allSatisfy { $0.refusal(under: LabelSet(rawValue: bits)) == nil },
                    "\(text) under \(bits)")
            }
            for (subject, added) in [(Subject.task, together.task), (.agent, together.agent)] {
                let expected = all.filter { $0.subject == subject }.reduce(0) { $0 | $1.adds.rawValue }
                #expect(added == expected, "\(text)")
            }
        }
    }

    @Test func aLabelThatWouldLapseBeforeItWereAddedAgainIsNotThere() {
        let kept = KeptLabels(bits: 0b110, until: 1000)
        #expect(kept.hold(0b110, until: 1000) && kept.hold(0, until: .max) && kept.hold(0b010, until: 5))
        #expect(!kept.hold(0b110, until: 1001) && !kept.hold(0b111, until: 1000))
    }

    @Test func aLabelThatIsNotOnTheDiskIsPutThereByWhoeverDependsOnIt() throws {
        let world = try MetersWorld()
        let start = MetersWorld.start
        let hasty = try world.page()
        let durable = try MetersPage(path: world.file, believesSteps: true, now: start, isDurable: true)
        #expect(durable.hasSyncedLabels)
        // By another guard, which does not wait for the disk, or whose sync failed.
        let time = try hasty.look(start)
        let its = try hasty.slot(of: hasty.key(["l"]), .labels, until: start, at: time)
        try hasty.raise(its, bits: 1, until: start, at: time)
        #expect(!durable.hasSyncedLabels && hasty.hasSyncedLabels)
        let slot = try durable.slot(of: durable.key(["l"]), .labels, until: start, at: durable.look(start))
        try durable.raise(slot, bits: 1, until: start, at: durable.look(start))
        #expect(durable.hasSyncedLabels)
        try durable.raise(slot, bits: 2, until: start, at: durable.look(start))
        #expect(durable.hasSyncedLabels)
    }

    @Test func aCallAfterAnotherIsDecidedByTheLabelsOfItsOwnMoment() throws {
        let world = try World()
        let scope = try Scope("send_mail; web_fetch; review; deploy")
        try world.authority.put(Profile(name: "clerk", owner: "team:x@acme.example", ceiling: scope, maxDepth: 4))
        try world.authority.applyPolicy(
            Array(
                (#"{"version":1,"labels":["untrusted","reviewed"],"rules":["#
                    + #"{"id":"web","match":"web_fetch","labels":{"adds":["untrusted"]}},"#
                    + #"{"id":"review","match":"review(verdict == 'ok')","labels":{"adds":["reviewed"],"for":"agent"}},"#
                    + #"{"id":"few","match":"send_mail","rate":{"calls":4,"per":"1h","for":"agent"}},"#
                    + #"{"id":"flow","match":"send_mail","labels":{"refuses":["untrusted"]}},"#
                    + #"{"id":"deploy","match":"deploy","labels":{"requires":["reviewed"]}}]}"#).utf8))
        func start() throws -> Agent {
            try world.authority.startAgent(
                profile: "clerk", AgentRequest(principal: "user:alice@acme.example", task: "t", scope: scope))
        }
        func rule(_ agent: Agent, _ tool: String, _ arguments: String = "{}") throws -> String? {
            try agent.check(tool: tool, arguments: Array(arguments.utf8)).rule
        }
        let (agent, other) = (try start(), try start())
        let child = try agent.spawn("below", .sameScope())
        for _ in 0..<3 { #expect(try rule(agent, "send_mail") == nil) }
        // Each call that adds is permitted, whether the label is new or not; and each one counts from then on.
        for _ in 0..<3 { #expect(try rule(child, "web_fetch") == nil && rule(agent, "send_mail") == "flow") }
        // What labels refused took nothing of the rate, which still refuses by itself.
        for _ in 0..<4 { #expect(try rule(other, "send_mail") == nil) }
        #expect(try rule(other, "send_mail") == "few" && rule(agent, "send_mail") == "flow")
        for _ in 0..<2 {
            #expect(try rule(agent, "review", #"{"verdict":"no"}"#) == nil && rule(agent, "deploy") == "deploy")
        }
        for _ in 0..<2 {
            #expect(try rule(agent, "review", #"{"verdict":"ok"}"#) == nil && rule(agent, "deploy") == nil)
        }
        #expect(try rule(child, "deploy") == "deploy")
    }
}
