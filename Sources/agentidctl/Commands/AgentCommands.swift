import AgentID
import ArgumentParser
import JOSE
import Scopes
import StrictJSON

/// Rates and budgets that a grant states.
struct LimitOptions: ParsableArguments {
    @ArgumentParser.Option(
        name: .long, help: "Rates and budgets of it and all below it: a JSON list, as docs/policies.md says.")
    var limits: String?

    var read: GrantLimits? { get throws { try limits.map { try GrantLimits($0) } } }
}

/// The request for a new agent.
struct TaskOptions: ParsableArguments {
    @ArgumentParser.Option(name: .long, help: "The profile.") var profile: String
    @ArgumentParser.Option(name: .long, help: "On whose behalf, a URI, e.g. user:alice@acme.example.")
    var principal: String
    @ArgumentParser.Option(name: .long, help: "Which task, in a few words.") var task: String
    @ArgumentParser.Option(name: .long, help: "What the human asked.") var intent: String?
    @ArgumentParser.Option(name: .long, help: "What the task needs, e.g. 'read_file(path under \"/data\")'.")
    var scope: String
    @ArgumentParser.Option(name: .long, help: "What the principal may do at most.") var entitlements: String?
    @ArgumentParser.Option(name: .long, help: "How long its grant is good for: seconds, or 90s, 15m, 1h; 5m by itself.")
    var lifetime: TimeSpan?
    @ArgumentParser.Option(name: .long, help: "The deepest delegation.") var maxDepth: Int?
    @OptionGroup var limits: LimitOptions

    var request: AgentRequest {
        get throws {
            AgentRequest(
                principal: principal, task: task, scope: try Scope(scope), intent: intent,
                entitlements: try entitlements.map { try Scope($0) }, lifetime: lifetime?.seconds, maxDepth: maxDepth,
                limits: try limits.read)
        }
    }
}

struct StartAgent: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent", abstract: "Start an agent: a new key, ID, credential and grant, in a new directory.")
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var task: TaskOptions
    @OptionGroup var output: Output
    @ArgumentParser.Option(name: .long, help: "The directory to make: key.jwk (0600), chain, credential.")
    var out: String

    func run() throws {
        let key = try SigningKey.generate()
        try options.withEvents { authority in
            let request = try task.request
            var issued: (chain: String, credential: String)?
            do {
                try AgentDirectory.create(out, key: key) {
                    let started = try authority.issue(profile: task.profile, to: key.publicKey, request)
                    issued = started
                    return started
                }
            } catch {
                guard let issued else { throw error }
                throw Self.end(
                    try Agent.open(key: key, chain: issued.chain, credential: issued.credential).id(), in: authority,
                    after: error)
            }
            let id = try AgentDirectory(path: out).open().id()
            Console.data(output.json ? PrintableText(["agent": .string(id), "directory": .string(out)]) : "\(id)")
        }
    }

    /// Ends an agent whose key could not be written: nobody has it.
    private static func end(_ id: String, in authority: Authority, after error: any Error) -> any Error {
        do {
            _ = try authority.deprovision(agent: id, reason: "its key could not be written")
            return error
        } catch let unended {
            return Fault(
                "\(error); the agent \(id) was started, nobody has its key, and it could not be ended (\(unended)): agentidctl "
                    + "deprovision \(id)", code: "io", reason: "unended", path: id)
        }
    }
}

struct Issue: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Issue a root grant to a key that is held elsewhere; prints the chain.")
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var task: TaskOptions
    @OptionGroup var output: Output
    @ArgumentParser.Option(name: .long, help: "A file with the holder's public key, a JWK; - is stdin.")
    var holder: String

    func run() throws {
        let holder = try PublicKey(jwk: JSON(parsing: Console.line(Console.read(holder, limit: 4096))).root)
        try options.withEvents { authority in
            let issued = try authority.issue(profile: task.profile, to: holder, task.request)
            if output.json {
                return Console.data(["chain": .string(issued.chain), "credential": .string(issued.credential)])
            }
            Console.data("\(issued.chain)")
        }
    }
}

struct Delegate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Hand on less, offline: to a sub-agent in a new directory, or to a key that is held elsewhere.")
    @ArgumentParser.Option(name: .long, help: "The directory of the agent that delegates.") var agent: String
    @ArgumentParser.Option(name: .long, help: "What the child may do, less what its parent may not.") var scope: String?
    @Flag(name: .long, help: "Hand on all that the parent may.") var sameScope = false
    @ArgumentParser.Option(
        name: .long,
        help: "How long its grant is good for: seconds, or 90s, 15m, 1h; without it until its parent's grant ends.")
    var lifetime: TimeSpan?
    @ArgumentParser.Option(name: .long, help: "How much deeper the child may delegate.") var maxDepth: Int?
    @ArgumentParser.Option(name: .long, help: "The sub-agent's name, a path segment.") var name: String?
    @ArgumentParser.Option(name: .long, help: "The directory to make for the sub-agent.") var out: String?
    @ArgumentParser.Option(name: .long, help: "A file with the holder's public key, a JWK; prints the chain.")
    var holder: String?
    @OptionGroup var limits: LimitOptions
    @OptionGroup var output: Output

    func validate() throws {
        guard (scope == nil) == sameScope else {
            throw ValidationError("give --scope, or --same-scope to hand on all that the agent may")
        }
        try Owner.work(on: agent)
        guard (holder == nil) == (name != nil && out != nil), holder == nil || (name == nil && out == nil) else {
            throw ValidationError("give --name and --out for a sub-agent, or --holder for a key held elsewhere")
        }
    }

    func run() throws {
        let parent = try AgentDirectory(path: agent).open()
        let lifetime = self.lifetime?.seconds
        var request =
            try scope.map { DelegationRequest(scope: try Scope($0), lifetime: lifetime, maxDepth: maxDepth) }
            ?? .sameScope(lifetime: lifetime, maxDepth: maxDepth)
        request.limits = try limits.read
        if let holder {
            let key = try PublicKey(jwk: JSON(parsing: Console.line(Console.read(holder, limit: 4096))).root)
            let chain = try parent.delegate(to: key, request)
            return Console.data(output.json ? PrintableText(["chain": .string(chain)]) : "\(chain)")
        }
        guard let name, let out else { return }
        let child = try parent.spawn(name, request)
        let key: Result<SigningKey, any Error> = try child.withExportedKey { jwk in Result { try SigningKey(jwk: jwk) }
        }
        try AgentDirectory.create(out, key: key.get()) { (try child.chain(), "") }
        let id = try child.id()
        Console.data(output.json ? PrintableText(["agent": .string(id), "directory": .string(out)]) : "\(id)")
    }
}

struct Prove: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Sign one call: the proof that goes with the chain.")
    @ArgumentParser.Option(name: .long, help: "The agent's directory.") var agent: String
    @ArgumentParser.Option(name: .long, help: "The tool.") var tool: String
    @ArgumentParser.Option(name: .long, help: "Its arguments, a JSON object.") var arguments = "{}"
    @ArgumentParser.Option(name: .long, help: "The guard's own name.") var audience: String?
    @ArgumentParser.Option(name: .long, help: "The nonce that the guard gave out, if it asks for one.") var nonce:
        String?
    @OptionGroup var output: Output

    func validate() throws { try Owner.work(on: agent) }

    func run() throws {
        let held = try AgentDirectory(path: agent).open()
        let proof = try held.prove(tool: tool, arguments: Array(arguments.utf8), audience: audience, nonce: nonce)
        if try held.expires() <= Console.now {
            Console.message(
                "the agent's grant has expired, and guards deny this: start another agent, with a longer --lifetime")
        }
        Console.data(output.json ? PrintableText(["proof": .string(proof)]) : "\(proof)")
    }
}
