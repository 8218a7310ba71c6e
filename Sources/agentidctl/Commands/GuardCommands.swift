import AgentID
import ArgumentParser
import StrictJSON

/// The trusted keys, if any.
struct TrustedKeys: ParsableArguments {
    @ArgumentParser.Option(name: .long, help: "Trust the authority in this directory, and know what it revoked.")
    var authority: String?
    @ArgumentParser.Option(
        name: .long,
        help: "Trust the keys of this bundle; with --trust-domain. Beside --authority: as another domain's.")
    var bundle: String?
    @ArgumentParser.Option(name: .long, help: "The trust domain the bundle belongs to.") var trustDomain: String?

    @ArgumentParser.Option(
        name: .long,
        help: "Know what this signed list of the bundle's domain says is revoked; see agentidctl revocations.")
    var revocations: String?

    /// Trusts the authority that the environment names, if it names one.
    mutating func followEnvironment() throws {
        authority = AuthorityPlace.ofEnvironment
        try validate()
    }

    var isGiven: Bool { authority != nil || bundle != nil }

    func validate() throws {
        if let authority { try Owner.work(on: authority) }
        guard (bundle == nil) == (trustDomain == nil) else {
            throw ValidationError("--bundle and --trust-domain go together")
        }
        guard revocations == nil || bundle != nil else {
            throw ValidationError("--revocations is of the domain whose --bundle is given")
        }
    }

    func makeGuard(_ options: Guard.Options) throws -> Guard {
        let made = try authority.map { try Guard.open(directory: $0, options) } ?? Guard(options)
        if let bundle { try made.addBundle(Console.read(bundle, limit: 1 << 18), for: trustDomain ?? "") }
        if let revocations {
            try made.loadRevocations(Console.line(Console.read(revocations, limit: SignedRevocations.longest + 1)))
        }
        return made
    }
}

/// The trust of a guard made for one command.
struct TrustOptions: ParsableArguments {
    @OptionGroup var keys: TrustedKeys
    @ArgumentParser.Option(name: .long, help: "The guard's own name, which proofs must carry.")
    var audience: String?
    @Flag(name: .long, help: "Accept proofs that name no guard, too.") var anyAudience = false

    mutating func validate() throws {
        if !keys.isGiven { try keys.followEnvironment() }
        guard keys.isGiven else {
            throw ValidationError("give --authority or set AGENTID_AUTHORITY, or give --bundle with --trust-domain")
        }
    }

    /// - Parameter decides: Whether it will decide calls, which must then be recorded.
    func makeGuard(decides: Bool) throws -> Guard {
        var options = Guard.Options()
        options.audit = decides ? .ofCommands : .none
        options.audience = audience
        options.judgesChainAudience = decides || audience != nil
        // A guard that decides nothing is shown no proof.
        options.acceptsProofsWithoutAudience = anyAudience || !decides
        options.sharesReplayMemory = decides
        guard audience != nil || options.acceptsProofsWithoutAudience else {
            throw ValidationError("give --audience, the guard's own name, or --any-audience")
        }
        return try keys.makeGuard(options)
    }
}

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Verify a chain, without a call: exit 0, or 10 denied.")
    @OptionGroup var trust: TrustOptions
    @OptionGroup var output: Output
    @Argument(help: "A file with the chain, or an agent's directory; - is stdin.") var chain: String

    func run() throws {
        let guardian = try trust.makeGuard(decides: false)
        let issuer: ChainIssuer
        do throws(Denial) {
            let bytes: [UInt8]
            do { bytes = Console.line(try Console.read(ChainFile.path(chain))) } catch {
                Console.fail(error)
            }
            issuer = try guardian.admit(chain: bytes).issuer
        } catch {
            error.tell(json: output.json)
            throw ExitCode(10)
        }
        if output.json { return Console.data(["verified": true, "issuer": issuer.tree]) }
        Console.data(
            Console.coloured("verified", .green) + (issuer.isForeign ? ", foreign: \(issuer.name)" : ""))
    }
}

struct Authorize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Decide one call by chain and proof: exit 0 permitted, 10 denied.")
    @OptionGroup var trust: TrustOptions
    @OptionGroup var output: Output
    @ArgumentParser.Option(name: .long, help: "The tool.") var tool: String
    @ArgumentParser.Option(name: .long, help: "Its arguments, a JSON object.") var arguments = "{}"
    @ArgumentParser.Option(name: .long, help: "A file with the proof; - is stdin.") var proof: String
    @Argument(help: "A file with the chain, or an agent's directory.") var chain: String

    func run() throws {
        let decision = try trust.makeGuard(decides: true).check(
            chain: Console.line(Console.read(ChainFile.path(chain))), proof: Console.line(Console.read(proof)),
            tool: tool, arguments: Array(arguments.utf8))
        if output.json {
            Console.data(decision.document)
        } else {
            let first = decision.isPermitted ? "permitted" : "denied"
            let rest = decision.explanation.dropFirst(first.count)
            Console.data(
                Console.coloured("\(first)", decision.isPermitted ? .green : .red) + PrintableText(lines: String(rest)))
        }
        if !decision.isPermitted { throw ExitCode(10) }
    }
}

extension Denial {
    /// Reports that something did not verify, and the reason.
    func tell(json: Bool) {
        if json { return Console.data(.object(members.merging(["verified": false]))) }
        Console.data(Console.coloured("denied", .red) + ": \(self)")
    }

    /// The rule, the place, and an explanation.
    var members: JSONTree.Members {
        [
            "reason": .string(reason.rawValue), "message": .string(message), "place": .string(place),
            "link": link.map { .int($0) } ?? .null,
        ]
    }
}
