import Policy
import Scopes
import StrictJSON
import Testing

/// Reading policies.
@Suite struct PolicyDocumentTests {
    @Test func everyKindOfRuleIsRead() throws {
        let policy = try policy(example)
        #expect(policy.version == 3 && policy.mode == .enforce && policy.rules.count == 11)
        #expect(
            policy.rules.map(\.effect.member) == [
                "rate", "budget", "labels", "labels", "labels", "labels", "labels", "approval", "anomaly", "hours",
                "then",
            ])
        #expect(policy.rules[7].consequence == .ask && policy.rules[7].approval?.needed == 1)
        #expect(policy.rules[10].mode == .observe && policy.rules[9].mode == .enforce)
        guard case .budget(let budget) = policy.rules[1].effect else { throw Unexpected() }
        #expect(budget.scale == 2 && budget.limit.units == 500 && budget.period == 86_400_000)
        #expect(budget.limit.text(scale: budget.scale) == "5.00")
    }

    struct Unexpected: Error {}

    /// Each with the path, a word of what is wrong, and a word of the remedy.
    static let wrong: [(rule: String, path: String, message: String, remedy: String)] = [
        (#"7"#, "rules[0]", "not an object", "{ }"),
        (#"{"match":"t","then":"deny"}"#, "rules[0].id", "missing", "ID"),
        (#"{"id":"a b","match":"t","then":"deny"}"#, "rules[0].id", "not a name", "letters"),
        (#"{"id":"","match":"t","then":"deny"}"#, "rules[0].id", "0 bytes", "1 to 64"),
        (#"{"id":"r","match":"t","thn":"deny"}"#, "rules[0].thn", "no such member", "then"),
        (#"{"id":"r","match":"t"}"#, "rules[0]", "does nothing", "rate"),
        (#"{"id":"r","then":"deny"}"#, "rules[0].match", "missing", "which calls"),
        (#"{"id":"r","match":"t(","then":"deny"}"#, "rules[0].match", "ends too early", "scope"),
        (#"{"id":"r","match":7,"then":"deny"}"#, "rules[0].match", "neither", "scope"),
        (#"{"id":"r","match":"","then":"deny"}"#, "rules[0].match", "no tool", "scope"),
        (#"{"id":"r","match":"t","then":"stop"}"#, "rules[0].then", "not one of", "deny, ask, suspend"),
        (#"{"id":"r","match":"t","then":"deny","mode":"off"}"#, "rules[0].mode", "not one of", "enforce, observe"),
        (#"{"id":"r","match":"t","rate":{"calls":1,"per":"1h"},"hours":"x"}"#, "rules[0]", "one of", "own"),
        (#"{"id":"r","match":"t","rate":{"calls":0,"per":"1h"}}"#, "rules[0].rate.calls", "out of range", "1 to"),
        (#"{"id":"r","match":"t","rate":{"calls":1.5,"per":"1h"}}"#, "rules[0].rate.calls", "not an integer", "1 to"),
        (#"{"id":"r","match":"t","rate":{"per":"1h"}}"#, "rules[0].rate.calls", "missing", "integer"),
        (#"{"id":"r","match":"t","rate":{"calls":5,"per":"1y"}}"#, "rules[0].rate.per", "not a duration", "15m"),
        (#"{"id":"r","match":"t","rate":{"calls":5,"per":"0h"}}"#, "rules[0].rate.per", "not a duration", "15m"),
        (#"{"id":"r","match":"t","rate":{"calls":5,"per":"367d"}}"#, "rules[0].rate.per", "not a duration", "15m"),
        (
            #"{"id":"r","match":"t","rate":{"calls":5,"per":"1h","burst":6}}"#, "rules[0].rate.burst", "out of range",
            "5"
        ),
        (#"{"id":"r","match":"t","rate":{"calls":5,"per":"1h","for":"me"}}"#, "rules[0].rate.for", "not one", "task"),
        (#"{"id":"r","match":"t","rate":[]}"#, "rules[0].rate", "not an object", "{ }"),
        (#"{"id":"r","match":"t","labels":{}}"#, "rules[0].labels", "does nothing", "adds"),
        (#"{"id":"r","match":"t","labels":{"adds":["c"]}}"#, "rules[0].labels.adds[0]", "no label c", "labels"),
        (#"{"id":"r","match":"t","labels":{"adds":["a & b"]}}"#, "rules[0].labels.adds[0]", "expression", "one label"),
        (#"{"id":"r","match":"t","labels":{"refuses":["a &"]}}"#, "rules[0].labels.refuses[0]", "expression", "&"),
        (#"{"id":"r","match":"t","labels":{"refuses":[]}}"#, "rules[0].labels.refuses", "0 elements", "1 to"),
        (#"{"id":"r","match":"t","labels":{"adds":["a"],"for":"domain"}}"#, "rules[0].labels.for", "task's", "agent"),
        (#"{"id":"r","match":"t","labels":{"adds":["a"]},"then":"deny"}"#, "rules[0].then", "only adds", "leave"),
        (#"{"id":"r","match":"t","approval":{}}"#, "rules[0].approval.of", "missing", "approve"),
        (#"{"id":"r","match":"t","approval":{"of":["a","a"]}}"#, "rules[0].approval.of[1]", "twice", "remove"),
        (#"{"id":"r","match":"t","approval":{"of":["a"],"need":2}}"#, "rules[0].approval.need", "range", "of the 1"),
        (#"{"id":"r","match":"t","then":"ask"}"#, "rules[0].then", "nobody", "approval"),
        (#"{"id":"r","match":"t","approval":{"of":["a"]},"then":"deny"}"#, "rules[0].approval", "asks nobody", "ask"),
        (#"{"id":"r","match":"t","approval":{"of":["a"]}}"#, "rules[0].approval.of[0]", "no key", "approvers"),
        (#"{"id":"r","match":"t","anomaly":{"denials":5,"per":"1m"}}"#, "rules[0].match", "all calls", "leave"),
        (#"{"id":"r","anomaly":{"denials":5,"per":"1m"}}"#, "rules[0].then", "stops", "suspend"),
        (#"{"id":"r","anomaly":{"per":"1m"},"then":"revoke"}"#, "rules[0].anomaly", "one sign", "denials"),
        (
            #"{"id":"r","anomaly":{"denials":5,"replays":1,"per":"1m"},"then":"revoke"}"#, "rules[0].anomaly", "one",
            "one"
        ),
        (#"{"id":"r","match":"t","hours":"Mon-Fri"}"#, "rules[0].hours", "no days", "Europe"),
        (#"{"id":"r","match":"t","hours":"Mon-Fri 08:00-18:00"}"#, "rules[0].hours", "not a time zone", "UTC"),
        (#"{"id":"r","match":"t","hours":"Mon-Fry 08:00-18:00 UTC"}"#, "rules[0].hours", "not days", "Mon-Fri"),
        (#"{"id":"r","match":"t","hours":"Mon 08:00-24:01 UTC"}"#, "rules[0].hours", "not days and times", "Mon-Fri"),
        (#"{"id":"r","match":"t","hours":"08:00-18:00 Europe/Atlantis"}"#, "rules[0].hours", "Atlantis", "tzdata"),
        (#"{"id":"r","match":"t","hours":"08:00-18:00 ../etc/passwd"}"#, "rules[0].hours", "not a time zone", "UTC"),
        (
            #"{"id":"r","match":"t","budget":{"unit":"usd","limit":5,"cost":{"fixed":"1"}}}"#,
            "rules[0].budget.limit", "not a text", "5.00"
        ),
        (
            #"{"id":"r","match":"t","budget":{"unit":"usd","limit":"-5","cost":{"fixed":"1"}}}"#,
            "rules[0].budget.limit", "not a decimal", "digits"
        ),
        (
            #"{"id":"r","match":"t","budget":{"unit":"usd","limit":"5","scale":2,"cost":{"fixed":"0.001"}}}"#,
            "rules[0].budget.cost.fixed", "more digits", "at most 2"
        ),
        (
            #"{"id":"r","match":"t","budget":{"unit":"usd","limit":"99999999999999999999","cost":{"fixed":"1"}}}"#,
            "rules[0].budget.limit", "too large", "decimal"
        ),
        (
            #"{"id":"r","match":"t","budget":{"unit":"usd","limit":"5","cost":{"fixed":"1","argument":"a"}}}"#,
            "rules[0].budget.cost", "one way", "either"
        ),
        (
            #"{"id":"r","match":"t","budget":{"unit":"usd","limit":"5"}}"#, "rules[0].budget.cost", "missing",
            "argument"
        ),
    ]

    @Test func eachMistakeIsNamedWithItsPathItsRuleAndARemedy() {
        for (rule, path, message, remedy) in Self.wrong {
            let errors = errors(ofRule: rule)
            #expect(errors.count == 1, "\(rule)")
            guard let error = errors.first else { continue }
            #expect(error.path == path, "\(rule): \(error)")
            #expect(error.message.contains(message), "\(rule): \(error)")
            #expect(error.remedy.contains(remedy), "\(rule): \(error)")
            #expect((error.rule == nil) == !rule.contains(#""id":"r""#), "\(rule): \(error)")
        }
    }

    @Test func aDocumentsOwnMistakesAreNamed() {
        #expect(errors(of: "{").first?.name == "json")
        #expect(errors(of: "[]").first?.message == "this is not an object")
        #expect(errors(of: #"{"rules":[]}"#).first?.path == "version")
        #expect(errors(of: #"{"version":0,"rules":[]}"#).first?.path == "version")
        #expect(errors(of: #"{"version":1}"#).first?.path == "rules")
        #expect(errors(of: #"{"version":1,"rules":[],"rule":[]}"#).first?.path == "rule")
        #expect(errors(of: #"{"version":1,"rules":[],"labels":["a","a"]}"#).first?.path == "labels[1]")
        let labels = (0...64).map { "\"l\($0)\"" }.joined(separator: ",")
        #expect(errors(of: #"{"version":1,"rules":[],"labels":[\#(labels)]}"#).first?.name == "limit_exceeded")
        let rule = #"{"id":"r","match":"t","then":"deny"}"#
        let twice = errors(of: #"{"version":1,"rules":[\#(rule),\#(rule)]}"#)
        #expect(twice.first?.path == "rules[1].id" && twice.first?.name == "duplicate")
        let many = (0...1000).map { #"{"id":"r\#($0)","match":"t","then":"deny"}"# }.joined(separator: ",")
        #expect(errors(of: #"{"version":1,"rules":[\#(many)]}"#).first?.name == "limit_exceeded")
        #expect(errors(of: #"{"version":1,"rules":[],"x":"\#(String(repeating: "x", count: 1 << 18))"}"#).count == 1)
    }

    @Test func theFirstErrorOfEachRuleIsReported() {
        let found = errors(
            of: #"{"version":1,"rules":[{"id":"a"},{"id":"b","match":"t","then":"deny"},{"id":"c","x":1}]}"#)
        #expect(found.map(\.rule) == ["a", "c"] && found.map(\.path) == ["rules[0]", "rules[2].x"])
    }

    @Test func aLabelDoesNotBothPermitAndRestrict() {
        let found = errors(
            of: #"{"version":1,"labels":["a"],"rules":[{"id":"p","match":"t","labels":{"requires":["a"]}},"#
                + #"{"id":"q","match":"t","labels":{"refuses":["a"]}}]}"#)
        #expect(found.first?.remedy == "use two labels")
    }

    @Test func oddRulesAreFound() throws {
        let policy = try policy(
            #"""
            {"version":1,"rules":[
              {"id":"all","match":"delete_*","then":"deny"},
              {"id":"one","match":"delete_file","rate":{"calls":5,"per":"1h"}},
              {"id":"gone","match":"fax","then":"deny"},
              {"id":"slow","match":"send","rate":{"calls":5,"per":"1h"}},
              {"id":"fast","match":"send(to == 'a')","rate":{"calls":50,"per":"1h"}},
              {"id":"task","match":"pay","budget":{"unit":"usd","limit":"5.00","cost":{"argument":"usd"}}},
              {"id":"agent","match":"pay(usd: *)","budget":{"unit":"usd","limit":"6","cost":{"argument":"usd"},"for":"agent"}}
            ]}
            """#)
        let findings = policy.findings(ceilings: [try Scope("delete_file; send; pay")])
        #expect(
            findings.map { "\($0.rule ?? "-") \($0.name)" } == [
                "one shadowed_rule", "gone unreachable_rule", "fast shadowed_rule", "agent budget_above_parent",
            ])
        #expect(policy.findings(ceilings: []).count == 3)
    }

    @Test func aCostThatNoToolOfAProfileTellsIsFound() throws {
        let policy = try policy(
            #"""
            {"version":1,"rules":[
              {"id":"spend","match":"pay*","budget":{"unit":"usd","limit":"5.00","cost":{"argument":"usd"}}},
              {"id":"fixed","match":"pay*","budget":{"unit":"calls","limit":"5","cost":{"fixed":"1"}}}
            ]}
            """#)
        func found(_ ceilings: String...) throws -> [String] {
            try policy.findings(ceilings: ceilings.map { try Scope($0) }).map(\.description)
        }
        #expect(
            try found("pay(amount: *, to: *); pay_out(Usd: *); fax", "pay(eur: *)") == [
                "rules[0].budget.cost.argument: rule spend: no profile gives these tools the argument usd, so that every "
                    + "such call is denied: pay, pay_out: name one that they have (Usd, amount, eur, to), or a fixed cost"
            ])
        // One profile has it, or a tool takes any arguments.
        #expect(try found("pay(amount: *)", "pay(usd: *)") == [] && found("pay", "pay_out(usd?: *)") == [])
        #expect(try found() == [])
    }

    @Test func toolsThatNoRuleAboutLabelsIsAboutAreFound() throws {
        let policy = try policy(
            #"""
            {"version":1,"labels":["private"],"rules":[
              {"id":"reads","match":"read_*; db.get(table == 'hr')","labels":{"adds":["private"]}},
              {"id":"all","match":"*","rate":{"calls":5,"per":"1h"}}
            ]}
            """#)
        let findings = policy.findings(ceilings: [try Scope("read_mail; fax; db.get"), try Scope("fax; Read_mail")])
        #expect(
            findings.map(\.description) == [
                "labels: no rule about labels is about these tools of profiles: Read_mail, fax"
            ])
        #expect(policy.findings(ceilings: []).isEmpty)
    }
}
