import AgentID
import ArgumentParser
import Scopes
import StrictJSON

struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "What an agent may at most be.",
        discussion: "No owner, no agent. Past the review date no new agents, until someone certifies the profile.",
        subcommands: [Put.self, List.self, Show.self, Certify.self, Withdraw.self])

    struct Put: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Create or replace a profile.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output
        @Argument(help: "The profile's name.") var name: String
        @ArgumentParser.Option(name: .long, help: "Who answers for such agents, a URI.") var owner: String
        @ArgumentParser.Option(name: .long, help: "The scope no such agent goes beyond.") var ceiling: String
        @ArgumentParser.Option(name: .long, help: "The longest lifetime of a grant: seconds, or 90s, 15m, 1h, 7d.")
        var maxLifetime = TimeSpan(seconds: 3600)
        @ArgumentParser.Option(name: .long, help: "The deepest delegation.") var maxDepth = 4
        @OptionGroup var review: ReviewOptions

        func run() throws {
            let profile = try Profile(
                name: name, owner: owner, ceiling: Scope(ceiling), maxLifetime: maxLifetime.seconds, maxDepth: maxDepth,
                reviewBy: review.date)
            try options.open().put(profile)
            if output.json { return Console.data(profile.tree) }
            Console.message("profile \(name) is kept")
            if let warning = profile.reviewWarning { Console.message("\(warning)") }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the profiles.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output

        func run() throws {
            let authority = try options.open(onlyToRead: true)
            let (profiles, damaged) = (try authority.profiles(), try authority.damagedProfiles())
            if output.json { return Console.data(.array(profiles.map(\.tree) + damaged.map(\.tree))) }
            if profiles.isEmpty, damaged.isEmpty { Console.message("no profile is kept: put one first") }
            for profile in damaged { Console.message("profile \(profile.name): \(profile.error.message)") }
            for profile in profiles {
                Console.data(
                    "\(profile.name)\t\(PrintableText(lines: profile.owner))\t\(PrintableText(lines: profile.ceiling.text))"
                )
                if let warning = profile.reviewWarning { Console.message("\(warning)") }
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one profile.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output
        @Argument(help: "The profile's name.") var name: String

        func run() throws {
            let profile = try options.open(onlyToRead: true).profile(named: name)
            if output.json { return Console.data(profile.tree) }
            let review = profile.reviewBy.map { Console.time(Int($0)) } ?? "no date"
            Console.data(
                """
                \(Console.coloured("\(profile.name)", .bold))
                  owner: \(PrintableText(lines: profile.owner))
                  longest lifetime: \(profile.maxLifetime) s, deepest delegation: \(profile.maxDepth), review: \(review)
                  at most:
                """)
            Console.data(
                PrintableText(lines: profile.ceiling.summary.parts(at: 0x0A).map { "    \($0)\n" }.joined()))
            if let warning = profile.reviewWarning { Console.message("\(warning)") }
        }
    }

    struct Certify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say that someone has looked at a profile: it may start agents until the next review.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output
        @Argument(help: "The profile's name.") var name: String
        @OptionGroup var review: ReviewOptions

        func validate() throws {
            guard review.date != nil else { throw ValidationError("give --review-by or --for") }
        }

        func run() throws {
            let authority = try options.open()
            try authority.certify(profile: name, reviewBy: review.date)
            let profile = try authority.profile(named: name)
            if output.json { return Console.data(profile.tree) }
            Console.message("profile \(name) is certified, next review: \(Console.time(Int(profile.reviewBy ?? 0)))")
        }
    }

    struct Withdraw: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke a profile, for good, and end its agents.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output
        @Argument(help: "The profile's name.") var name: String
        @ArgumentParser.Option(name: .long, help: "Why, for people.") var reason = ""

        func run() throws {
            let isJournalled = try options.withStop(
                { .endAll(of: try Revocation(.profile, name)) }, reason: reason
            ) { authority in
                let ended = try Progress.showing("ending agents") { progress in
                    // Each agent is ended and then given its tombstone.
                    progress.expect {
                        var selection = AgentSelection()
                        selection.profile = name
                        return 2 * (try authority.allAgents(selection).count { $0.state != "deprovisioned" })
                    }
                    return try authority.withdraw(profile: name, reason: reason) { progress.advance(by: $0) }
                }
                if output.json { return Console.data(["profile": .string(name), "ended": .int(ended)]) }
                Console.message(
                    "withdrawn: profile \(name); ended: \(Console.count(ended, "agent"))")
            }
            if let isJournalled { throw AuthorityOptions.unended(isJournalled) }
        }
    }
}

extension Profile {
    /// A warning that its review is overdue, with the remedy; `nil` if it is not.
    fileprivate var reviewWarning: String? {
        guard let reviewBy, reviewBy <= Console.now else { return nil }
        return "profile \(name): its review was due \(Console.time(Int(reviewBy))): no new agents until "
            + "agentidctl profile certify \(name)"
    }
}
