import AgentID
import ArgumentParser
import StrictJSON

struct Suspend: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Suspend an agent: its calls, and those of all below it, are denied until it is resumed.")
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output
    @Argument(help: "The agent: its ID or its short name.") var agent: String
    @ArgumentParser.Option(name: .long, help: "Why, for people.") var reason = ""

    func run() throws {
        let isJournalled = try options.withStop(
            { .suspend(agent: try AgentName.whole(agent)) }, reason: reason
        ) { authority in
            let id = try AgentName.resolve(agent, in: authority)
            try authority.suspend(agent: id, reason: reason)
            tell(id)
        }
        guard let isJournalled else { return }
        tell(agent)
        AuthorityOptions.tell(isJournalled)
    }

    private func tell(_ id: String) {
        if output.json { return Console.data(["agent": .string(id), "state": "suspended"]) }
        Console.message("suspended: \(AgentName.short(id))")
    }
}

struct Resume: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Let a suspended agent go on.")
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output
    @Argument(help: "The agent: its ID or its short name.") var agent: String

    func run() throws {
        try options.withEvents { authority in
            let id = try AgentName.resolve(agent, in: authority)
            try authority.resume(agent: id)
            var parked = AgentSelection()
            parked.state = "parked"
            let isParked = try authority.allAgents(parked).contains { $0.id.isSame(as: id) }
            if output.json { return Console.data(["agent": .string(id), "state": isParked ? "parked" : "active"]) }
            let rest = isParked ? ", which stays parked until it is unparked" : ""
            Console.message("resumed: \(AgentName.short(id))\(rest)")
        }
    }
}

struct Deprovision: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "End an agent and all below it, for good, and print its tombstone; or all of a principal.")
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output
    @Argument(help: "The agent: its ID or its short name.") var agent: String?
    @ArgumentParser.Option(
        name: .long, help: "A principal that leaves, a URI: ends what acts for them or is owned by them.")
    var principal: String?
    @ArgumentParser.Option(name: .long, help: "Why, for people.") var reason = ""

    func validate() throws {
        guard (agent == nil) != (principal == nil) else {
            throw ValidationError("give an agent or --principal, and not both")
        }
    }

    func run() throws {
        var isBuried = true
        let isJournalled = try options.withStop(
            {
                guard let principal else { return .end(agent: try AgentName.whole(agent ?? "")) }
                return .endAll(of: try Revocation(.principal, principal))
            }, reason: reason
        ) { authority in
            if let principal { return try end(principal, authority) }
            guard let agent else { return }
            let id = try AgentName.resolve(agent, in: authority)
            let tombstone = try Progress.showing("ending \(AgentName.short(id))") { _ in
                try authority.deprovision(agent: id, reason: reason)
            }
            isBuried = tombstone != nil
            if output.json {
                Console.data(["agent": .string(id), "tombstone": tombstone.map { .string($0) } ?? .null])
            } else if let tombstone {
                Console.data("\(tombstone)")
            }
        }
        if let isJournalled { throw AuthorityOptions.unended(isJournalled) }
        guard isBuried else {
            throw Fault("the agent has ended, but its tombstone could not be signed: agentidctl reap makes up for it")
        }
    }

    private func end(_ principal: String, _ authority: Authority) throws {
        let ended = try Progress.showing("ending agents") { progress in
            // Each agent is ended and then given its tombstone.
            progress.expect { 2 * (try authority.unended(principal: principal)) }
            return try authority.deprovision(principal: principal, reason: reason) { progress.advance(by: $0) }
        }
        if output.json { return Console.data(["principal": .string(principal), "ended": .int(ended)]) }
        Console.message("revoked: principal \(principal); ended: \(Console.count(ended, "agent"))")
    }
}

struct GoneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gone",
        abstract: "Present to a guard everything an agent and all below it ever held: exit 0 gone, 1 not.")
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output
    @Argument(help: "The agent: its ID or its short name.") var agent: String

    func run() throws {
        let authority = try options.openWithoutLogIfNeeded(onlyToRead: true)
        let id = try AgentName.resolve(agent, in: authority)
        let gone = try Progress.showing("presenting chains") { progress in
            try authority.verifyGone(agent: id) { presented, all in progress.set(presented, of: all) }
        }
        if output.json { Console.data(gone.document) } else { tell(gone) }
        if !gone.isGone { throw ExitCode(1) }
    }

    private func tell(_ gone: Gone) {
        let below = gone.agents > 1 ? " with \(Console.count(gone.agents - 1, "agent")) below it" : ""
        let verdict = gone.isGone ? Console.coloured("gone", .green) : Console.coloured("not gone", .red)
        Console.data("\(verdict): \(gone.agent)\(below)")
        let reasons = gone.reasons.sorted { $0.key.exact < $1.key.exact }.map { ", \($0.key) \($0.value)" }.joined()
        let denied = gone.chains - gone.permitted.count
        Console.data("  chains presented: \(gone.chains), denied: \(denied)\(reasons)")
        func list(_ what: String, _ names: [String]) {
            for name in names { Console.data("  \(what): \(name)") }
        }
        list("still usable, grant", gone.permitted)
        list("not ended", gone.live)
        list("secret not returned, lease", gone.leases)
        if gone.deliveries > 0 { Console.data("  hook deliveries still waiting: \(gone.deliveries)") }
        if gone.tombstone == nil {
            Console.data(
                "  no tombstone: agentidctl "
                    + (gone.live.isEmpty ? "reap makes up for it" : "deprovision \(gone.agent) ends it"))
        }
    }
}

extension AuthorityOptions {
    /// The error where those who were to end are denied and have not ended.
    static func unended(_ refusal: AgentIDError) -> Fault {
        Fault(
            "denied everywhere from now on, but not ended yet, which agentidctl reap makes up for: \(refusal)",
            code: refusal.code.name, reason: refusal.name, path: refusal.place)
    }
}

extension Authority {
    /// The number of agents not yet ended that act for a principal or are owned by them.
    fileprivate func unended(principal: String) throws -> Int {
        var (acting, owned) = (AgentSelection(), AgentSelection())
        (acting.principal, owned.owner) = (principal, principal)
        let found = try allAgents(acting) + allAgents(owned)
        return found.filter { $0.state != "deprovisioned" }.map(\.id).exact.count
    }
}
