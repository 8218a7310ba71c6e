import PolicyReplay
import StrictJSON
import TestSupport
import Testing

@testable import AgentID

/// Labels in a replay: quarantines hold there too, and what people took away is gone.
@Suite struct LabelReplayTests {
    /// The decisions of a log beside what the policy in force says of them again.
    private static func replayed(_ office: LabelWorld) throws -> [(entry: JSON.Value, verdict: ReplayVerdict?)] {
        try office.authority.integrate()
        let reader = try AuditReader(authority: office.directory.path)
        let policy = try office.authority.policy()
        let replay = try PolicyReplay(ActivePolicy(parsing: #require(policy)))
        var verdicts: [UInt64: ReplayVerdict] = [:]
        replay.onVerdict = { verdicts[$0] = $1 }
        _ = try replay.run(reader)
        var entries: [JSON] = []
        while entries.count < Int(reader.count) {
            entries += try reader.entries(from: UInt64(entries.count)).map { try JSON(parsing: $0) }
        }
        return entries.enumerated().compactMap { i, entry in
            entry.root["kind"]?.string == "decision" ? (entry.root, verdicts[UInt64(i)]) : nil
        }
    }

    @Test(arguments: 0..<12) func aReplayKnowsQuarantinesAndWhatPeopleTookAway(_ seed: Int) throws {
        var random = Seeded(seed: UInt64(4000 + seed))
        let office = try LabelWorld()
        let root = try office.start()
        let quarantine = try root.spawn("quarantine", .sameScope(isolated: true))
        let agents = [
            root, quarantine, try quarantine.spawn("helper", .sameScope()),
            try quarantine.spawn("inner", .sameScope(isolated: true)), try root.spawn("sibling", .sameScope()),
            try office.start(),
        ]
        let tools = ["read_mail", "read_hr", "note", "send", "send", "review", "deploy"]
        for _ in 0..<120 {
            // Two decisions in one millisecond have no order that a log tells.
            office.world.pass(milliseconds: 1)
            let agent = try #require(agents.randomElement(using: &random))
            if Int.random(in: 0..<12, using: &random) == 0 {
                try? office.declassify(agent, [Bool.random(using: &random) ? "untrusted" : "private"])
            } else {
                _ = try agent.check(tool: tools.randomElement(using: &random) ?? "", arguments: Array("{}".utf8))
            }
        }
        var (judged, open) = (0, 0)
        for (entry, verdict) in try Self.replayed(office) {
            let verdict = try #require(verdict)
            let isDenied = entry["decision"]?.string == "deny"
            if verdict.isOpen {
                // Those above a quarantine may have joined from it.
                open += 1
                #expect(!isDenied || entry["reason"]?.string == "flow_refused", "seed \(seed): \(entry)")
            } else {
                judged += 1
                #expect(verdict.answer == (isDenied ? .deny : .permit), "seed \(seed): \(entry)")
            }
        }
        #expect(judged > open, "seed \(seed): \(judged) judged, \(open) not")
    }

    @Test func whatAnAgentMayHaveJoinedIsNotJudged() throws {
        let office = try LabelWorld()
        let root = try office.start()
        let child = try root.spawn("quarantine", .sameScope(isolated: true))
        for (agent, tool) in [
            (child, "read_mail"), (child, "review"), (child, "send"), (root, "send"), (root, "deploy"),
        ] {
            office.world.pass(milliseconds: 1)
            _ = try agent.check(tool: tool, arguments: Array("{}".utf8))
        }
        let answers = try Self.replayed(office).map { ($0.verdict?.answer, $0.verdict?.isOpen) }
        let expected: [(ReplayVerdict.Answer, Bool)] = [
            (.permit, false), (.permit, false), (.deny, false), (.permit, true),
            // What a rule requires does not leave a quarantine.
            (.deny, false),
        ]
        #expect(answers.count == expected.count)
        for (found, right) in zip(answers, expected) { #expect(found.0 == right.0 && found.1 == right.1) }
    }
}
