import AgentID
import ArgumentParser
import Scopes
import StrictJSON

struct UsageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage",
        abstract:
            "Least privilege, measured: what was granted beside what was used, and the smallest ceiling above it.",
        discussion: Usage.caveat)
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output
    @ArgumentParser.Option(name: .long, help: "Only this profile.") var profile: String?
    @ArgumentParser.Option(
        name: .long,
        help: .init(
            "Only since a time, 2027-01-31T12:00:00Z, a day, seconds since 1970, or for so long: 90d, 12h.",
            valueName: "time")
    )
    var since: LogTime?

    func run() throws {
        let authority = try open()
        defer { authority.close() }
        let usage = try Progress.showing("reading the audit log") { progress in
            try authority.usage(profile: profile, since: since?.start) {
                progress.set(Int(clamping: $0), of: Int(clamping: $1))
            }
        }
        if output.json { return Console.data(usage.document) }
        for profile in usage.profiles { tell(profile) }
        if usage.unattributed > 0 {
            Console.data("of no profile of this authority: \(Console.count(usage.unattributed, "decision"))")
        }
        if usage.foreign > 0 {
            Console.data("of chains of other domains: \(Console.count(usage.foreign, "decision"))")
        }
        if usage.archived > 0 {
            Console.message("the first \(usage.archived) entries are archived: what was used then is not in this")
        }
        Console.message("\(Usage.caveat)")
    }

    /// Opens the authority with its log, whose waiting entries are integrated first; without, where nothing can be written or
    /// signed.
    private func open() throws -> Authority {
        let passphrase = try options.readPassphrase()
        do { return try options.open(passphrase: passphrase) } catch let refusal as AgentIDError {
            let isBearable = ["read_only", "disk_full", "passphrase_missing"].contains { refusal.name.isSame(as: $0) }
            guard isBearable else { throw refusal }
            let authority = try options.open(onlyToRead: true, passphrase: passphrase)
            Console.message("without the entries that are not integrated yet: \(refusal)")
            return authority
        }
    }

    private func tell(_ usage: ProfileUsage) {
        let denied = usage.denials.reduce(0) { $0 + $1.count }
        Console.data(
            "\(Console.coloured(PrintableText(usage.profile), .bold)): "
                + "\(Console.count(usage.permitted, "call")) permitted, \(denied) denied")
        for tool in usage.used {
            let arguments = PrintableText(tool.arguments.joined(separator: ", "))
            Console.data(
                "  used: \(tool.name)(\(arguments)) \(Console.count(tool.calls, "time")), last "
                    + "\(Console.time(Int(clamping: tool.latest / 1000)))")
        }
        for tool in usage.unused {
            Console.data("  " + Console.coloured("never used", .red) + ": \(tool)")
        }
        for (reason, count) in usage.denials {
            Console.data("  denied: \(reason) \(Console.count(count, "time"))")
        }
        if usage.unknown > 0 {
            Console.data(
                "  under a grant derived elsewhere, judged by one above it: \(Console.count(usage.unknown, "call"))")
        }
        if usage.beyond > 0 {
            Console.data("  beyond the present ceiling, which was wider then: \(Console.count(usage.beyond, "call"))")
        }
        guard let proposal = usage.proposal else { return Console.data("  no call was permitted: nothing to propose") }
        guard proposal != usage.ceiling else { return Console.data("  the present ceiling is the smallest") }
        Console.data("  at present: \(usage.ceiling.text)")
        Console.data("  would do:   " + Console.coloured(PrintableText(proposal.text), .green))
    }
}
