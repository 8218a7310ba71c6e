import AgentID
import ArgumentParser
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
        do {
            try refuseRepeated(CommandLine.arguments.dropFirst())
            var command = try parseAsRoot()
            try Owner.become()
            try command.run()
        } catch let exit as ExitCode {
            Self.exit(withError: exit)
        } catch let error where exitCode(for: error) != .failure {
            if exitCode(for: error) == .success { Self.exit(withError: error) }
            // The message quotes the arguments, so it is kept on one line.
            var message = fullMessage(for: error)
            for given in CommandLine.arguments where !given.printable.isSame(as: given) {
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
