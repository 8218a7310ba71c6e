import AgentID
import ArgumentParser
import Glibc
import StrictJSON

@main
struct AgentIDCtl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agentidctl", abstract: "Identities, narrowing authority and a guard for AI agents.",
        discussion: """
            Data goes to stdout, messages to stderr. Exit status: 0 done or permitted, 1 error, 2 wrong usage, \
            10 denied. AGENTID_AUTHORITY names the directory where --authority does not. With --json an error is \
            one object on stderr: code, reason, message, and where there are such path, rule, remedy.
            """,
        version: Version.text,
        groupedSubcommands: [
            CommandGroup(
                name: "Authority",
                subcommands: [
                    Init.self, ProfileCommand.self, PolicyCommand.self, ApprovalsCommand.self, DeclassifyCommand.self,
                    LimitsCommand.self,
                    BudgetsCommand.self, Bundle.self, KeysCommand.self, Revoke.self,
                    Revocations.self,
                ]),
            CommandGroup(name: "Agents", subcommands: [StartAgent.self, Issue.self, Delegate.self, Prove.self]),
            CommandGroup(
                name: "Lifecycle",
                subcommands: [
                    Agents.self, Suspend.self, Resume.self, Deprovision.self, Reap.self, GoneCommand.self, Prune.self,
                    TombstoneCommand.self, HooksCommand.self, Leases.self,
                ]),
            CommandGroup(
                name: "Decisions", subcommands: [Inspect.self, Verify.self, Authorize.self, ScopeCommand.self]),
            CommandGroup(name: "Evidence", subcommands: [AuditCommand.self, UsageCommand.self]),
            CommandGroup(
                name: "Upkeep",
                subcommands: [
                    Doctor.self, StatsCommand.self, Restored.self, Conform.self, Completion.self,
                ]),
        ])

    /// Errors go to stderr as one line; exit 1, or 2 for a wrong usage, or 10 for a denial.
    static func main() {
        // A file that may not grow is an error then, and not the end.
        signal(SIGXFSZ, SIG_IGN)
        do {
            try Arguments.refuseMalformed()
            try refuseUnknown(Arguments.all.dropFirst())
            try refuseRepeated(Arguments.all.dropFirst())
            var command = try parseAsRoot(Array(Arguments.all.dropFirst()))
            try Owner.become()
            try command.run()
        } catch let exit as ExitCode {
            Self.exit(withError: exit)
        } catch let error where exitCode(for: error) != .failure {
            if exitCode(for: error) == .success { Self.exit(withError: error) }
            // The message quotes the arguments, so it is kept on one line.
            var message = usage(of: error)
            for given in Arguments.all where !given.printable.isSame(as: given) {
                message = message.replacing(exactly: given, with: given.printable)
            }
            if Console.isJSON {
                Console.message(PrintableText(ErrorDocument(error, usage: message).tree))
            } else {
                Console.message(PrintableText(lines: message))
            }
            Console.end(2)
        } catch {
            Console.fail(error)
        }
    }
}

extension AgentIDCtl {
    /// The fault, and the usage of the command that was asked for. Of what a run throws the parser names no command.
    fileprivate static func usage(of error: any Error) -> String {
        guard let wrong = error as? ValidationError else { return fullMessage(for: error) }
        var (command, path): (any ParsableCommand.Type, String) = (Self.self, "agentidctl")
        for argument in Arguments.all.dropFirst() where !argument.isSame(as: "help") {
            let below = command.configuration.subcommands
            guard let next = below.first(where: { $0._commandName.isSame(as: argument) }) else { break }
            command = next
            path += " \(argument)"
        }
        return """
            Error: \(wrong.message)
            Usage: \(usageString(for: command))
              See '\(path) --help' for more information.
            """
    }

    /// Refuses a command that there is not, or that is cut short. The parser would take it for an argument, and
    /// complain of the first option after it.
    fileprivate static func refuseUnknown(_ arguments: some Sequence<String>) throws {
        var command: any ParsableCommand.Type = Self.self
        var path = "agentidctl"
        for argument in arguments {
            let below = command.configuration.subcommands
            guard !below.isEmpty else { return }
            // `help COMMAND` is about a command that there is.
            if path.isSame(as: "agentidctl"), argument.isSame(as: "help") { continue }
            let names = below.map { $0._commandName }
            if argument.starts(exactly: "-") {
                // Of the command itself are only -h, --help and --version, and a default command's.
                guard command.configuration.defaultSubcommand == nil, !argument.starts(exactly: "-h"),
                    !["--help", "--version", "--help-hidden"].holds(argument),
                    !argument.starts(exactly: "--experimental"), !argument.starts(exactly: "--generate")
                else { return }
                throw ValidationError("\(path) takes a command first: \(names.joined(separator: ", "))")
            }
            guard let next = names.firstIndex(where: { $0.isSame(as: argument) }) else {
                guard command.configuration.defaultSubcommand == nil else { return }
                let remedy =
                    path.isSame(as: "agentidctl") && argument.isSame(as: "mcp")
                    ? "the agentidctl of the Python package has it: `which -a agentidctl` lists those of this machine"
                    : "its commands are \(names.joined(separator: ", "))"
                throw ValidationError("\(path) has no command '\(argument)' here; \(remedy)")
            }
            command = below[next]
            path += " \(names[next])"
        }
    }

    /// Refuses an option that is given twice: one of the two would be ignored, and nobody would know which.
    fileprivate static func refuseRepeated(_ arguments: some Sequence<String>) throws {
        var seen: Set<ExactText> = []
        for argument in arguments {
            // The hook's command follows.
            if argument.isSame(as: "--") { return }
            guard argument.starts(exactly: "--"), let name = argument.parts(at: UInt8(ascii: "="), atMost: 2).first
            else { continue }
            guard seen.insert(name.exact).inserted else {
                throw ValidationError("\(name) is given twice: give it once")
            }
        }
    }
}

/// The options of every command.
struct Output: ParsableArguments {
    @Flag(name: .long, help: "Print JSON; an error too, on stderr.") var json = false
}
