import AgentID
import ArgumentParser
import Scopes
import StrictJSON

struct ScopeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scope", abstract: "Check, intersect and explain scopes, in text or JSON form.",
        subcommands: [Check.self, Meet.self, Explain.self, ForTask.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Whether a scope permits a call: exit 0 or 10.")
        @OptionGroup var output: Output
        @Argument(help: "The scope.") var scope: String
        @Argument(help: "The tool.") var tool: String
        @Argument(help: "The arguments, a JSON object.") var arguments = "{}"

        func run() throws {
            let call = try JSON(parsing: arguments, limits: ScopeLimits.arguments).root
            guard call.kind == .object else { throw Fault("the arguments are not a JSON object") }
            let refusal = try Scope(scope).refusal(of: tool, arguments: call)
            if output.json {
                Console.data([
                    "permitted": .bool(refusal == nil), "reason": refusal.map { .string($0.reason.rawValue) } ?? .null,
                    "argument": refusal?.argument.map { .string($0) } ?? .null,
                ])
            } else if let refusal {
                Console.data(
                    Console.coloured("denied", .red) + ": " + PrintableText(lines: refusal.explanation(tool: tool)))
            } else {
                Console.data(Console.coloured("permitted", .green))
            }
            if refusal != nil { throw ExitCode(10) }
        }
    }

    struct Meet: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The intersection of two scopes.")
        @OptionGroup var output: Output
        @Argument(help: "One scope.") var a: String
        @Argument(help: "The other.") var b: String

        func run() throws {
            let meet = try Scope(a).meet(Scope(b))
            Console.data(output.json ? PrintableText(meet.tree) : "\(meet.text)")
        }
    }

    struct Explain: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "A scope in words.")
        @OptionGroup var output: Output
        @Argument(help: "The scope.") var scope: String

        func run() throws {
            let scope = try Scope(scope)
            Console.data(output.json ? PrintableText(scope.tree) : PrintableText(lines: scope.summary))
        }
    }

    struct ForTask: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The part of a ceiling that a person's own words name, and why.")
        @OptionGroup var output: Output
        @Argument(help: "The ceiling.") var ceiling: String
        @Argument(help: "What the person asked for, in their own words; - is stdin.") var prompt: String
        @ArgumentParser.Option(name: .long, help: "The file that says which arguments reach something; - is stdin.")
        var pins: String
        @ArgumentParser.Option(name: .long, help: "The file with the names that the person may use.")
        var directory: String?

        func validate() throws {
            guard !prompt.isSame(as: "-") || !pins.isSame(as: "-") else {
                throw ValidationError("the prompt and the pins cannot both be on stdin")
            }
        }

        func run() throws {
            let words = try prompt.isSame(as: "-") ? String(validating: Console.read("-"), as: UTF8.self) : prompt
            guard let words else { throw Fault("the prompt is not UTF-8") }
            let names = try directory.map { try TaskDirectory(parsing: Console.read($0)) } ?? TaskDirectory()
            let found = try Scope(ceiling).forTask(words, pins: TaskPins(parsing: Console.read(pins)), directory: names)
            if output.json {
                return Console.data(["scope": found.scope.tree, "why": found.document])
            }
            Console.data(PrintableText(lines: found.scope.text))
            Self.tell(try JSON(parsing: found.document.canonical()).root)
        }

        /// A line for each pin and each tool.
        private static func tell(_ why: JSON.Value) {
            let list = { (json: JSON.Value, name: String) in json[name].map { Array($0.elements) } ?? [] }
            let text = { (json: JSON.Value, name: String) in json[name]?.string ?? "" }
            for pin in list(why, "pins") {
                let named = list(pin, "named").map { "\"\(text($0, "text"))\" at byte \($0["byte"]?.int ?? 0)" }
                Console.message(
                    PrintableText(
                        lines: "\(text(pin, "tool")).\(text(pin, "argument")): "
                            + (named.isEmpty ? "none, as none is named" : named.joined(separator: ", "))))
            }
            for out in list(why, "left_out") {
                let argument = text(out, "argument").isEmpty ? "" : " (\(text(out, "argument")))"
                Console.message(PrintableText(lines: "\(text(out, "tool")): \(text(out, "message"))\(argument)"))
            }
            for tool in list(why, "unpinned") {
                Console.message(PrintableText(lines: "\(tool.string ?? ""): as in the ceiling, no pins are declared"))
            }
        }
    }
}
