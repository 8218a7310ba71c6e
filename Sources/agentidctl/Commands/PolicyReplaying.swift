import AgentID
import ArgumentParser
import PolicyReplay
import StrictJSON

extension PolicyCommand {
    struct Replay: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "What a policy would have done to the decisions in the audit log: exit 0, or 10 where it denies one.",
            discussion: """
                Answers each recorded call by the policy, in the order and by the times of the log, and says of each rule \
                what it would have denied, and before what it would have asked. Exit 10 if that is a call that the log \
                permitted. Nothing is written. The log has no argument values: what hangs on them is counted as not judged.
                """)
        @OptionGroup var options: AuditLogOptions
        @OptionGroup var output: Output
        @Argument(help: "The policy's file; - is stdin.") var file: String
        @ArgumentParser.Option(
            name: .long,
            help: .init(
                "Only decisions from then on: a day, 2027-01-31T12:00:00Z, seconds since 1970, or how long ago, 24h, 7d.",
                valueName: "time"))
        var since: LogTime?
        @ArgumentParser.Option(
            name: .long, help: .init("Only decisions before then: likewise, a day to its end.", valueName: "time"))
        var until: LogTime?

        func validate() throws {
            guard since?.start ?? .min < until?.end ?? .max else { throw ValidationError("--until is before --since") }
        }

        func run() throws {
            let document = try Console.read(file)
            let policy: ActivePolicy
            do { policy = try ActivePolicy(parsing: document) } catch {
                throw PolicyCheck(of: document).fault(instead: AgentIDError(error))
            }
            let replay = PolicyReplay(policy, within: (since?.start ?? .min)..<(until?.end ?? .max))
            let log = try options.open()
            let found = try Progress.showing("replaying") { progress in
                try replay.run(log) { progress.set($0, of: $1) }
            }
            if output.json {
                Console.data(found)
            } else {
                ReplaySummary(try JSON(parsing: found.canonical()).root, home: log.trustDomain).show()
            }
            if replay.changesAnything { throw ExitCode(10) }
        }
    }
}

/// A replay's answer for people.
private struct ReplaySummary {
    let found: JSON.Value
    let home: String

    init(_ found: JSON.Value, home: String) { (self.found, self.home) = (found, home) }

    func show() {
        for rule in found["rules"].map({ Array($0.elements) }) ?? [] { show(rule) }
        guard let totals = found["calls"] else { return }
        func say(_ text: String) { Console.message(PrintableText(lines: text)) }
        func count(_ name: String) -> Int { totals[name]?.int ?? 0 }
        say(
            "\(calls(count("judged"))) answered by the policy: \(count("newly_denied")) that the log permitted would be denied, "
                + "\(count("newly_asked")) wait for approval, \(count("newly_permitted")) that a rule denied would be permitted"
        )
        if count("not_judged") > 0 {
            say(
                "\(calls(count("not_judged"))) not wholly judged: a rule goes by argument values, or labels learnt in quarantine, which the log does not have"
            )
        }
        let others = count("denied_otherwise") + count("denials_counted_only")
        if others > 0 { say("\(calls(others)) denied whatever the policy says, or only counted in the log") }
        if count("out_of_order") > 0 { say("\(count("out_of_order")) decisions are out of order in the log") }
        if let unread = found["log"]?["not_read"]?.int, unread > 0 {
            say("\(unread) entries are not in the form of this log")
        }
        if let archived = found["log"]?["archived"]?.int, archived > 0 {
            say(
                "the first \(archived) entries are archived: replay the archive apart; what those calls counted and "
                    + "labelled is not in this")
        }
    }

    private func calls(_ count: Int) -> String { Console.count(count, "call") }

    private func show(_ rule: JSON.Value) {
        func count(_ name: String) -> Int { rule[name]?.int ?? 0 }
        var parts: [String] = []
        if count("denied") > 0 {
            parts.append("denies \(count("denied")), \(count("newly_denied")) of them permitted before")
        }
        if count("asked") > 0 {
            parts.append("asks before \(count("asked")), \(count("newly_asked")) of them permitted before")
        }
        if count("observed") > 0 { parts.append("would deny \(count("observed")), if it were enforced") }
        let stops = count("stopped_agents")
        if stops > 0 {
            let often = stops == 1 ? "an agent once" : "agents \(stops) times"
            parts.append("stops \(often), whose \(calls(count("denied_after_stop"))) after that were permitted")
        }
        if count("not_judged") > 0 { parts.append("not judged: \(count("not_judged"))") }
        let says = parts.isEmpty ? "nothing" : parts.joined(separator: "; ")
        Console.data(
            Console.coloured("\(rule["rule"]?.string ?? "")", .bold)
                + PrintableText(lines: " (\(rule["does"]?.string ?? "")): \(says)"))
        if let first = rule["first_ms"]?.int, let last = rule["last_ms"]?.int {
            Console.data(PrintableText(lines: "    from \(Console.date(first / 1000)) to \(Console.date(last / 1000))"))
        }
        for example in rule["examples"].map({ Array($0.elements) }) ?? [] {
            let agent = example["agent"]?.string.map { AgentName.short($0, in: home) } ?? ""
            Console.data(
                PrintableText(
                    lines:
                        "    entry \(example["index"]?.int ?? 0)  \(Console.date((example["time_ms"]?.int ?? 0) / 1000))  "
                        + "\(agent)  \(example["tool"]?.string ?? "")  \(example["reason"]?.string ?? "")"))
        }
    }
}
