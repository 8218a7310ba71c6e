import AgentID
import ArgumentParser
import JOSE
import Scopes

/// Where an authority is, and what opens it.
struct AuthorityOptions: ParsableArguments {
    @ArgumentParser.Option(name: .long, help: "The directory the authority is kept in.")
    var authority: String

    @ArgumentParser.Option(name: .long, help: "A file with the passphrase of its keys; - is stdin.")
    var passphraseFile: String?

    func open(creating trustDomain: String? = nil) throws -> Authority {
        var options = Authority.Options()
        options.trustDomain = trustDomain
        options.mustExist = trustDomain == nil
        options.passphrase = try passphraseFile.map { Console.line(try Console.read($0, limit: 4096)) }
        return try Authority.open(directory: authority, options: options)
    }
}

struct Init: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Create the authority of a trust domain in a directory.")
    @OptionGroup var options: AuthorityOptions
    @Argument(help: "The trust domain, e.g. acme.example.") var trustDomain: String

    func run() throws {
        let authority = try options.open(creating: trustDomain)
        Console.message("the authority of \(authority.trustDomain) is in \(options.authority)")
    }
}

struct Bundle: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the public keys, a SPIFFE bundle.")
    @OptionGroup var options: AuthorityOptions

    func run() throws { Console.data(try options.open().bundle()) }
}

struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "What an agent may at most be.", subcommands: [Put.self, List.self])

    struct Put: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Create or replace a profile.")
        @OptionGroup var options: AuthorityOptions
        @Argument(help: "The profile's name.") var name: String
        @ArgumentParser.Option(name: .long, help: "Who answers for such agents, a URI.") var owner: String
        @ArgumentParser.Option(name: .long, help: "The scope no such agent goes beyond.") var ceiling: String
        @ArgumentParser.Option(name: .long, help: "The longest lifetime of a grant, in seconds.") var maxLifetime:
            Int64 = 3600
        @ArgumentParser.Option(name: .long, help: "The deepest delegation.") var maxDepth = 4

        func run() throws {
            try options.open().put(
                Profile(name: name, owner: owner, ceiling: Scope(ceiling), maxLifetime: maxLifetime, maxDepth: maxDepth)
            )
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the profiles.")
        @OptionGroup var options: AuthorityOptions
        @Flag(name: .long, help: "As JSON.") var json = false

        func run() throws {
            let profiles = try options.open().profiles()
            if json { return Console.data(JSONTree.array(profiles.map(\.tree)).text) }
            for profile in profiles {
                Console.data("\(profile.name)\t\(Console.safe(profile.owner))\t\(Console.safe(profile.ceiling.text))")
            }
        }
    }
}

struct Revoke: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Revoke a grant, key, agent, profile, principal or issuer, for good, with all that descends from it.")
    @OptionGroup var options: AuthorityOptions
    @Argument(help: "grant, key, agent, profile, principal or issuer.") var kind: String
    @Argument(help: "Its jti, thumbprint, ID, name or URI.") var value: String

    func run() throws {
        guard let kind = Revocation.Kind(name: kind) else {
            throw ValidationError("\(kind) is none of grant, key, agent, profile, principal, issuer")
        }
        try options.open().revoke(Revocation(kind, value))
        Console.message("revoked: \(kind.name) \(Console.safe(value))")
    }
}

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Check the library, and an authority's directory.")
    @ArgumentParser.Option(name: .long, help: "The directory to look at.") var authority: String?

    func run() throws {
        try SelfTest.run()
        Console.data("library \(Version.text): known answers, guarded memory: ok")
        guard let authority else { return }
        _ = try Guard.open(directory: authority, Guard.Options())
        Console.data("\(authority): public state readable: ok")
    }
}
