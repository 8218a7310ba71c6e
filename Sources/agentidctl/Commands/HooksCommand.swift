import AgentID
import ArgumentParser
import Glibc
import StrictJSON

struct HooksCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hooks", abstract: "What is run on events in the life of agents, and what waits for it.",
        subcommands: [List.self, Add.self, Remove.self, Waiting.self, Dead.self, Retry.self, Run.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the hooks.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output

        func run() throws {
            let hooks = try options.open(onlyToRead: true).hooks()
            if output.json { return Console.data(.array(hooks)) }
            if hooks.isEmpty { Console.message("no hook is registered") }
            for hook in try hooks.map({ try $0.read() }) {
                let (waiting, dead) = (hook["pending"]?.int ?? 0, hook["dead"]?.int ?? 0)
                let counts = "\(waiting) waiting, " + (dead > 0 ? Console.coloured("\(dead) dead", .red) : "0 dead")
                let words = { (name: String) in
                    PrintableText(hook[name]?.elements.compactMap(\.string).joined(separator: " ") ?? "")
                }
                let isCommand = hook["kind"]?.equals("command") == true
                Console.data(
                    """
                    \(Console.coloured(PrintableText(hook["name"]?.string ?? ""), .bold))  \(counts)
                      on: \(words("events"))
                      runs: \(isCommand ? words("command") : "a callback of the process that added it")
                      within \(hook["deadline"]?.int ?? 0) s, at most \(hook["max_attempts"]?.int ?? 0) attempts
                    """)
            }
        }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a hook that runs a command, or replace the one of this name.",
            discussion: """
                The command gets the event as JSON on stdin and its name in AGENTID_EVENT; exit status 0 is done, \
                anything else is tried again later. e.g. agentidctl hooks add siem --authority acme \
                --on deprovisioned lapsed -- /usr/local/bin/tell-siem --json
                """)
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output
        @Argument(help: "The hook's name.") var name: String
        @ArgumentParser.Option(
            name: .customLong("on"), parsing: .upToNextOption,
            help: .init("On which events; without it on all but renewed.", valueName: "event"),
            completion: .list(LifecycleEvent.Name.allCases.map(\.rawValue)), transform: Self.event)
        var events: [LifecycleEvent.Name] = []
        @ArgumentParser.Option(name: .long, help: "How long one attempt may take: seconds, or 90s, 15m.")
        var deadline = TimeSpan(seconds: 10)
        @ArgumentParser.Option(name: .long, help: "Attempts before an event is given up.") var maxAttempts: Int64 = 12
        @Argument(parsing: .postTerminator, help: "Behind --: the absolute path of a program, and its arguments.")
        var command: [String] = []

        private static func event(_ name: String) throws -> LifecycleEvent.Name {
            guard let event = LifecycleEvent.Name(rawValue: name) else {
                let names = LifecycleEvent.Name.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("'\(name)' is none of \(names)")
            }
            return event
        }

        func validate() throws {
            guard let program = command.first else { throw ValidationError("give a command after --") }
            guard program.starts(exactly: "/") else {
                throw ValidationError("'\(program)' is not an absolute path of a program")
            }
        }

        func run() throws {
            guard let program = command.first, unsafe access(program, X_OK) == 0 else {
                throw Fault("\(command.first ?? ""): there is no program to run: \(Console.lastError)")
            }
            let events = self.events.isEmpty ? LifecycleEvent.Name.usual : Set(self.events)
            let hook = Hook(
                name, on: events, deadline: deadline.seconds, maxAttempts: maxAttempts, action: .command(command))
            try options.withEvents { authority in
                try authority.add(hook)
                if output.json { return Console.data(["hook": .string(name)]) }
                Console.message("hook \(name) runs on \(Console.count(events.count, "event"))")
            }
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a hook, with what was still to be delivered to it.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output
        @Argument(help: "The hook's name.") var name: String

        func run() throws {
            try options.open().removeHook(named: name)
            if output.json { return Console.data(["hook": .string(name)]) }
            Console.message("hook \(name) is removed")
        }
    }

    struct Waiting: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List what waits to be delivered, oldest first.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output

        func run() throws {
            try Deliveries.show(options.open(onlyToRead: true).deliveries(dead: false), json: output.json)
        }
    }

    struct Dead: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List what was tried too often, oldest first: see retry.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output

        func run() throws {
            try Deliveries.show(options.open(onlyToRead: true).deliveries(dead: true), json: output.json)
        }
    }

    struct Retry: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give a dead delivery another round of attempts.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output
        @Argument(help: "Its number, as hooks dead shows it.") var id: Int64

        func run() throws {
            try options.withEvents { authority in
                try authority.retry(delivery: id)
                if output.json { return Console.data(["delivery": .int(Int(id))]) }
                Console.message("delivery \(id) waits again")
            }
        }
    }

    struct Run: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run the commands that are due: exit 0, or 1 where the time was over before all had their turn.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output
        @ArgumentParser.Option(
            name: .customLong("for"), help: .init("How long at most: seconds, or 90s, 15m.", valueName: "time"))
        var longest = TimeSpan(seconds: 60)

        func validate() throws {
            guard (1...86_400).contains(longest.seconds) else { throw ValidationError("--for is 1 s to 24 h") }
        }

        func run() throws {
            let authority = try options.open()
            defer { authority.close() }
            let isSettled = try authority.runDueHooks(seconds: Int(longest.seconds))
            let waiting = try authority.waitingHooks().reduce(0) { $0 + $1.waiting }
            if output.json {
                Console.data(["settled": .bool(isSettled), "waiting": .int(waiting)])
            } else {
                Console.message("\(Console.count(waiting, "delivery", "deliveries")) still waiting")
            }
            if !isSettled { throw ExitCode(1) }
        }
    }
}

private enum Deliveries {
    static func show(_ deliveries: [JSONTree], json: Bool) throws {
        if json { return Console.data(.array(deliveries)) }
        if deliveries.isEmpty { Console.message("no delivery is here") }
        for delivery in try deliveries.map({ try $0.read() }) {
            let text = { (name: String) in delivery[name]?.string ?? "" }
            let agent = text("agent").isEmpty ? "no agent" : AgentName.short(delivery["agent"]?.string ?? "")
            let attempts = Console.count(delivery["attempts"]?.int ?? 0, "attempt")
            Console.data(
                "\(delivery["id"]?.int ?? 0)  \(text("hook"))  \(text("event")) of \(agent)  \(attempts), next: "
                    + "\(Console.time(delivery["next_at"]?.int ?? 0))")
            if !text("error").isEmpty { Console.data("   " + Console.coloured("\(text("error"))", .red)) }
        }
    }
}
