import AgentID
import ArgumentParser
import Scopes
import StrictJSON

extension PolicyCommand {
    struct Init: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a policy to begin with, against the classic exfiltration.",
            discussion:
                "A task that has read what others wrote and what is private sends nothing outward any more. The tools are sorted by their names, and a name may mislead; those whose names do not tell count as all three: look at the lists, and correct them."
        )
        @OptionGroup var output: Output
        @ArgumentParser.Option(
            name: .customLong("authority"),
            help: .init(
                "The directory of an authority: the tools of its profiles. Without it, and without other tools, what AGENTID_AUTHORITY names.",
                valueName: "authority"))
        var named: String?
        @ArgumentParser.Option(name: .long, help: "Only the tools of this profile; with --authority.")
        var profile: String?
        @ArgumentParser.Option(name: .long, help: "These tools, a list like `read_inbox; send_mail`.")
        var tools: String?
        @ArgumentParser.Option(name: .long, help: "The tools whose results others may have written, a rule's match.")
        var untrusted: String?
        @ArgumentParser.Option(name: .long, help: "The tools whose results are not for others, a rule's match.")
        var `private`: String?
        @ArgumentParser.Option(name: .long, help: "The tools that reach others, a rule's match.")
        var outward: String?

        private var isEachGiven: Bool { untrusted != nil && `private` != nil && outward != nil }
        private var authority: String? { named ?? (tools != nil || isEachGiven ? nil : AuthorityPlace.ofEnvironment) }

        func validate() throws {
            if let authority { try Owner.work(on: authority) }
            guard authority != nil || tools != nil || isEachGiven else {
                throw ValidationError(
                    "give --authority or set AGENTID_AUTHORITY, or give --tools, or each of --untrusted, --private and --outward"
                )
            }
            guard profile == nil || authority != nil else { throw ValidationError("--profile goes with --authority") }
        }

        func run() throws {
            var names: [String] = []
            if let tools {
                do { names = try Scope(tools).tools.map(\.name) } catch {
                    throw Fault("--tools: \(error)", code: "malformed", reason: "tools", path: "tools")
                }
            }
            if let authority {
                let opened = try Authority.openToRead(authority)
                let profiles = try profile.map { [try opened.profile(named: $0)] } ?? opened.profiles()
                names += profiles.flatMap { $0.ceiling.tools.map(\.name) }
            }
            let sorted = ToolsByName(names)
            let document = sorted.policy(untrusted: untrusted, private: `private`, outward: outward)
            let check = PolicyCheck(of: document.canonical())
            guard check.isApplicable else { throw Fault(check.lines.first ?? "the lists make no policy") }
            if output.json {
                return Console.data(["policy": document, "unclear": .array(sorted.unclear.map { .string($0) })])
            }
            Console.data(PolicyText.of(try document.read()))
            func say(_ what: String, _ names: [String]) {
                guard !names.isEmpty else { return }
                Console.message(PrintableText(lines: "\(what), and so in each list: \(names.joined(separator: ", "))"))
            }
            say("not clear by their names", sorted.unclear)
            say("read and act, or reach others, by their names", sorted.both)
        }
    }
}
