import AgentID
import ArgumentParser
import StrictJSON

struct Prune: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Forget agents that ended long ago, but for their tombstones.",
        discussion: """
            What they did stays in the audit log, with its proofs. Kept are those with a grant that expired less than an \
            hour ago, and those of whom something is still to be done. `usage` no longer knows what a forgotten agent's \
            grants permitted.
            """)
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output
    @ArgumentParser.Option(
        name: .long,
        help: .init(
            "Those that ended before: 2027-01-31T12:00:00Z, a day, seconds since 1970, or so long ago: 90d, 12h.",
            valueName: "time"))
    var endedBefore: LogTime

    func run() throws {
        let authority = try options.open()
        defer { authority.close() }
        let pruned = try Progress.showing("forgetting agents") { progress in
            try authority.prune(endedBefore: endedBefore.start / 1000) { progress.advance(by: $0) }
        }
        if output.json { return Console.data(["pruned": .int(pruned)]) }
        Console.message("forgotten: \(Console.count(pruned, "agent"))")
    }
}
