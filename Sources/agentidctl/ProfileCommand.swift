import AgentID
import ArgumentParser
import JOSE
import Scopes

struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "What an agent may at most be.",
        subcommands: [Put.self, List.self, Show.self])

    struct Put: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Create or replace a profile.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output
        @Argument(help: "The profile's name.") var name: String
        @ArgumentParser.Option(name: .long, help: "Who answers for such agents, a URI.") var owner: String
        @ArgumentParser.Option(name: .long, help: "The scope no such agent goes beyond.") var ceiling: String
        @ArgumentParser.Option(name: .long, help: "The longest lifetime of a grant, in seconds.")
        var maxLifetime: Int64 = 3600
        @ArgumentParser.Option(name: .long, help: "The deepest delegation.") var maxDepth = 4
        @ArgumentParser.Option(name: .long, help: "No new agents after this time, in seconds since 1970.")
        var reviewBy: Int64?

        func run() throws {
            let profile = try Profile(
                name: name, owner: owner, ceiling: Scope(ceiling), maxLifetime: maxLifetime, maxDepth: maxDepth,
                reviewBy: reviewBy)
            try options.open().put(profile)
            if output.json { return Console.data(profile.tree) }
            Console.message("profile \(name) is kept")
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the profiles.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output

        func run() throws {
            let profiles = try options.open().profiles()
            if output.json { return Console.data(.array(profiles.map(\.tree))) }
            for profile in profiles {
                Console.data("\(profile.name)\t\(Console.safe(profile.owner))\t\(Console.safe(profile.ceiling.text))")
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one profile.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output
        @Argument(help: "The profile's name.") var name: String

        func run() throws {
            let profile = try options.open().profile(named: name)
            if output.json { return Console.data(profile.tree) }
            let review = profile.reviewBy.map { Console.time(Int($0)) } ?? "no date"
            Console.data(
                """
                \(Console.coloured(profile.name, .bold))
                  owner: \(Console.safe(profile.owner))
                  longest lifetime: \(profile.maxLifetime) s, deepest delegation: \(profile.maxDepth), review: \(review)
                  at most:
                """)
            Console.data(Console.safe(profile.ceiling.summary.split(separator: "\n").map { "    \($0)\n" }.joined()))
        }
    }
}
