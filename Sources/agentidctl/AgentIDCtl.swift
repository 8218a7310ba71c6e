import AgentID
import ArgumentParser

@main
struct AgentIDCtl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agentidctl", abstract: "Identities, narrowing authority and a guard for AI agents.",
        version: Version.text,
        subcommands: [
            Init.self, ProfileCommand.self, Bundle.self, Revoke.self, Inspect.self, Verify.self, ScopeCommand.self,
            Conform.self,
            Doctor.self,
        ])

    /// Errors go to stderr as one line; exit 1, or 2 for a wrong usage, or 10 for a denial.
    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let exit as ExitCode {
            Self.exit(withError: exit)
        } catch let error where exitCode(for: error) != .failure {
            if exitCode(for: error) == .success { Self.exit(withError: error) }
            Console.message(fullMessage(for: error))
            Console.end(2)
        } catch {
            Console.message("agentidctl: \(Console.safe("\(error)"))")
            Console.end(1)
        }
    }
}
