import ArgumentParser
import StrictJSON

struct Completion: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a completion script for a shell.",
        discussion: "e.g. agentidctl completion bash > /etc/bash_completion.d/agentidctl")
    @OptionGroup var output: Output
    @Argument(help: "bash, zsh or fish.") var shell: String

    func validate() throws {
        guard CompletionShell(rawValue: shell) != nil else {
            throw ValidationError("'\(shell)' is none of bash, zsh, fish")
        }
    }

    func run() throws {
        guard let shell = CompletionShell(rawValue: shell) else { return }
        let script = AgentIDCtl.completionScript(for: shell)
        if output.json { return Console.data(["script": .string(script)]) }
        Console.data(PrintableText(verbatim: script))
    }
}
