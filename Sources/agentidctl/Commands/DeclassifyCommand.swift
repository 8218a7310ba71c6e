import AgentID
import ArgumentParser
import StrictJSON

struct DeclassifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "declassify", abstract: "Take labels away from an agent, with people's approval.",
        discussion: """
            A rule of the policy says who may approve it (docs/labels.md). With AGENT and --label it asks them, and prints the \
            request's ID; they decide with approvals approve. With --request it takes the labels away, once.
            """)
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output
    @ArgumentParser.Option(name: .customLong("label"), help: "A label of the policy; may be given again.")
    var labels: [String] = []
    @ArgumentParser.Option(name: .long, help: "A request that was approved.") var request: String?
    @Argument(help: "The agent: its ID or its short name.") var agent: String?

    func validate() throws {
        guard (request == nil) == (agent != nil), (agent == nil) == labels.isEmpty else {
            throw ValidationError("give AGENT and --label, or --request")
        }
    }

    func run() throws {
        try options.withEvents { authority in
            if let request {
                try authority.declassify(request)
                if output.json { return Console.data(["declassified": .string(request)]) }
                return Console.message("the labels are taken away")
            }
            let id = try AgentName.resolve(agent ?? "", in: authority)
            let asked = try authority.askToDeclassify(agent: id, labels: labels)
            if output.json { return Console.data(["request": .string(asked)]) }
            Console.data(PrintableText(asked))
            Console.message("it waits for approval: agentidctl approvals show \(asked)")
        }
    }
}
