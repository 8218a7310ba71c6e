import AgentID
import ArgumentParser
import StrictJSON

/// The rates of the policy in force, and their users.
struct LimitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limits", abstract: "The rates of the policy that are in use, and who used how much.",
        discussion: "Those of agents that have not ended; of each rule, those with least left first.")
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output
    @OptionGroup var page: MetersPageOptions

    func run() throws {
        let found = try options.open(onlyToRead: true).limits(from: page.offset, atMost: page.limit)
        if output.json { return Console.data(found) }
        try page.tell(found) { meter in
            let more = meter.number("more_in_ms").map { "; one more in \(Console.span(($0 + 999) / 1000))" } ?? ""
            return "\(meter.number("left") ?? 0) of \(meter.number("burst") ?? 0) calls left\(more)"
        }
    }
}

/// The budgets of the policy in force, and their users.
struct BudgetsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "budgets", abstract: "The budgets of the policy that something was spent of, and by whom.",
        discussion:
            "Those of agents that have not ended, in their present period; of each rule, those with least left first."
    )
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output
    @OptionGroup var page: MetersPageOptions

    func run() throws {
        let found = try options.open(onlyToRead: true).budgets(from: page.offset, atMost: page.limit)
        if output.json { return Console.data(found) }
        try page.tell(found) { meter in
            let resets = meter.number("resets_in_ms").map { "; anew in \(Console.span(($0 + 999) / 1000))" } ?? ""
            let unit = meter.text("unit")
            return "\(meter.text("spent")) of \(meter.text("limit")) \(unit) spent, \(meter.text("left")) left\(resets)"
        }
    }
}

/// Which of many meters are listed.
struct MetersPageOptions: ParsableArguments {
    @ArgumentParser.Option(name: .long, help: "The most that are listed, 1 to 100000.") var limit = 1000
    @ArgumentParser.Option(name: .long, help: "How many to skip.") var offset = 0

    func tell(_ found: JSONTree, _ says: (JSON.Value) -> String) throws {
        let document = try JSON(parsing: found.canonical()).root
        let meters = document["meters"].map { Array($0.elements) } ?? []
        for meter in meters {
            let who = meter.text("subject").isEmpty ? "" : " \(meter.text("subject"))"
            let observed = meter.text("mode").isSame(as: "observe") ? ", observed only" : ""
            Console.data(
                Console.coloured("\(meter.text("rule"))", .bold)
                    + PrintableText(lines: ": \(meter.text("for"))\(who): \(says(meter))\(observed)"))
        }
        let total = document.number("total") ?? 0
        if meters.isEmpty { Console.message(total == 0 ? "nothing was used" : "there are \(String(total))") }
        if total > meters.count, !meters.isEmpty {
            Console.message("\(String(meters.count)) of \(String(total)): see --offset and --limit")
        }
        if document["cut"]?.bool == true { Console.message("only the first 20000 agents were looked at") }
    }
}

extension JSON.Value {
    fileprivate func text(_ name: String) -> String { self[name]?.string ?? "" }
    fileprivate func number(_ name: String) -> Int? { self[name]?.int }
}
