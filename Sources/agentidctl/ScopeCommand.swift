import AgentID
import ArgumentParser
import JOSE
import Scopes

struct ScopeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scope", abstract: "Check, intersect and explain scopes.",
        subcommands: [Check.self, Meet.self, Explain.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Whether a scope permits a call: exit 0 or 10.")
        @Argument(help: "The scope, text or JSON form.") var scope: String
        @Argument(help: "The tool.") var tool: String
        @Argument(help: "The arguments, a JSON object.") var arguments = "{}"

        func run() throws {
            if let refusal = try Scope(scope).refusal(of: tool, arguments: JSON(parsing: arguments).root) {
                Console.data("denied: \(Console.safe(refusal.explanation(tool: tool)))")
                throw ExitCode(10)
            }
            Console.data("permitted")
        }
    }

    struct Meet: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The intersection of two scopes.")
        @Argument(help: "One scope.") var a: String
        @Argument(help: "The other.") var b: String
        @Flag(name: .long, help: "As JSON.") var json = false

        func run() throws {
            let meet = try Scope(a).meet(Scope(b))
            Console.data(json ? meet.tree.text : meet.text)
        }
    }

    struct Explain: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "A scope in words.")
        @Argument(help: "The scope.") var scope: String
        @Flag(name: .long, help: "As JSON, the form tokens carry.") var json = false

        func run() throws {
            let scope = try Scope(scope)
            Console.data(json ? scope.tree.text : Console.safe(scope.summary))
        }
    }
}
