import AgentID
import ArgumentParser
import StrictJSON

struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "What guards enforce beyond the chain.",
        discussion:
            "A policy is a JSON document, docs/policies.md; every guard of the directory goes by it at its next call.",
        subcommands: [Init.self, Check.self, Apply.self, Show.self, Explain.self, Replay.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Look for errors, and for rules that never decide anything: exit 0, or 1 where it has errors.")
        @OptionGroup var output: Output
        @Argument(help: "The policy's file; - is stdin.") var file: String
        @ArgumentParser.Option(
            name: .long, help: "The directory of an authority, whose profiles the rules are held against.")
        var authority: String?

        func validate() throws { if let authority { try Owner.work(on: authority) } }

        func run() throws {
            let document = try Console.read(file)
            let check = try authority.map { try Authority.openToRead($0).checkPolicy(document) }
            let found = check ?? PolicyCheck(of: document)
            if output.json {
                Console.data(found.document)
            } else {
                for line in found.lines { Console.data(PrintableText(lines: line)) }
                if found.isApplicable { Console.message("\(Console.count(found.lines.count, "finding")), no error") }
            }
            if !found.isApplicable { throw ExitCode(1) }
        }
    }

    struct Apply: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a policy in force, in place of the one before: all of it or nothing.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output
        @Argument(help: "The policy's file; - is stdin.") var file: String

        func run() throws {
            let document = try Console.read(file)
            let version: Int64
            do { version = try options.open().applyPolicy(document) } catch let error as AgentIDError {
                throw PolicyCheck(of: document).fault(instead: error)
            }
            if output.json { return Console.data(["version": .int(Int(version))]) }
            Console.message("the policy of version \(String(version)) is in force")
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the policy in force, as JSON; with --json on one line.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output

        func run() throws {
            guard let document = try options.open(onlyToRead: true).policy() else {
                throw Fault.noPolicy
            }
            let policy = try JSON(parsing: document).root
            if output.json { return Console.data(.value(policy)) }
            Console.data(PolicyText.of(policy))
        }
    }

    struct Explain: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Which rules of the policy in force a call is about, and what each of them does.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output
        @Argument(help: "The tool.") var tool: String
        @Argument(help: "The arguments, a JSON object.") var arguments = "{}"

        func run() throws {
            guard let document = try options.open(onlyToRead: true).policy() else {
                throw Fault.noPolicy
            }
            let found = try PolicyCheck.explanation(of: document, tool: tool, arguments: Array(arguments.utf8))
            if output.json { return Console.data(found) }
            let rules = try JSON(parsing: found.canonical()).root["rules"].map { Array($0.elements) } ?? []
            for rule in rules {
                let text = { (name: String) in rule[name]?.string ?? "" }
                let open = rule["certain"]?.bool == true ? "" : " (its arguments do not show that it is not meant)"
                // That a rule denies, or asks where it is about asking, goes without saying.
                let own = text("effect").isSame(as: "approval") ? "ask" : "deny"
                let then = text("then").isSame(as: own) ? "" : ", then \(text("then"))"
                let mode = text("mode").isSame(as: "observe") ? ", observed only" : ""
                Console.data(
                    Console.coloured("\(text("rule"))", .bold)
                        + PrintableText(lines: ": \(text("says"))\(then)\(mode)\(open)"))
            }
            if rules.isEmpty { Console.message("no rule is about this call") }
        }
    }
}

extension PolicyCheck {
    /// The error of a policy that was refused, with the rule and the remedy where the document is at fault.
    func fault(instead error: AgentIDError) -> any Error {
        // Where the disk or another process is at fault, the document is not, whatever is in it.
        guard let first = try? document.read()["errors"]?.elements.first(where: { _ in true }),
            error.code == .malformed || error.code == .limit, first["name"]?.string?.isSame(as: error.name) == true
        else { return error }
        var fault = Fault("\(error)")
        (fault.code, fault.reason) = ("malformed", error.name)
        (fault.path, fault.rule, fault.remedy) = (first["path"]?.string, first["rule"]?.string, first["remedy"]?.string)
        return fault
    }
}
