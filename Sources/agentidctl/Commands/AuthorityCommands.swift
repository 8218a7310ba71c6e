import AgentID
import ArgumentParser
import StrictJSON

/// The place of an authority, and the passphrase that opens it.
struct AuthorityOptions: ParsableArguments {
    @OptionGroup var place: AuthorityPlace

    @ArgumentParser.Option(name: .long, help: "A file with the passphrase of its keys; - is stdin.")
    var passphraseFile: String?

    var authority: String { place.directory }

    /// Opens the authority. A command that only reads, and causes no events, opens it without its audit log, on a read-only disk
    /// as well.
    ///
    /// - Parameter passphrase: The passphrase, if it was read already.
    func open(
        creating trustDomain: String? = nil, onlyToRead: Bool = false, withoutLog: Bool = false,
        passphrase: Passphrase? = nil
    ) throws -> Authority {
        var options = Authority.Options()
        options.audit = onlyToRead || withoutLog ? .none : .ofCommands
        options.onlyReads = onlyToRead
        // Who looks, or stops somebody, signs nothing.
        options.mayLackKeys = onlyToRead || withoutLog
        options.trustDomain = trustDomain
        options.mustExist = trustDomain == nil
        options.passphrase = try passphrase ?? readPassphrase()
        return try Authority.open(directory: authority, options: options)
    }

    /// The passphrase for its keys.
    func readPassphrase() throws -> Passphrase? { try passphraseFile.map(Console.passphrase) }

    /// Opens the authority for what has to be possible whatever became of its audit log: without that, for which events
    /// wait, where the disk is full, the log is damaged, or its key is sealed and there is no passphrase.
    ///
    /// - Parameters:
    ///   - onlyToRead: Whether nothing is changed: then on a read-only disk as well.
    ///   - passphrase: The passphrase, if it was read already.
    ///   - tell: Told why, in that case.
    func openWithoutLogIfNeeded(
        onlyToRead: Bool = false, passphrase: Passphrase? = nil, _ tell: (AgentIDError) -> Void = { _ in }
    ) throws -> Authority {
        let passphrase = try passphrase ?? readPassphrase()
        do { return try open(passphrase: passphrase) } catch let refusal as AgentIDError {
            guard
                let authority = try? open(onlyToRead: onlyToRead, withoutLog: true, passphrase: passphrase)
            else { throw refusal }
            tell(refusal)
            return authority
        }
    }

    /// Opens the authority for a command that causes events, and runs the commands of hooks that are then due.
    func withEvents(_ body: (Authority) throws -> Void) throws { try run(body, in: open()) }

    private func run(_ body: (Authority) throws -> Void, in authority: Authority) throws {
        // A command that still runs then is killed; the next process tries its delivery again.
        defer { authority.close() }
        try body(authority)
        authority.runHooks()
    }

    /// Opens the authority for a command that stops somebody, which nothing may prevent: where its log cannot be opened
    /// without that, and where it cannot be opened at all the journal alone takes the change.
    ///
    /// - Returns: Why it is in the journal alone.
    func withStop(
        _ change: () throws -> JournalEntry.Change, reason: String = "", _ body: (Authority) throws -> Void
    ) throws -> AgentIDError? {
        var without: AgentIDError?
        let authority: Authority
        let passphrase = try readPassphrase()
        do {
            authority = try openWithoutLogIfNeeded(passphrase: passphrase) { without = $0 }
        } catch let refusal as AgentIDError where !refusal.name.utf8.starts(with: "passphrase".utf8) {
            do { try Authority.stopInJournal(directory: self.authority, try change(), reason: reason) } catch {
                throw refusal
            }
            // Beside a registry that was put back it is in force, and may go with that.
            guard refusal.code != .state else { throw refusal }
            return refusal
        }
        try run(body, in: authority)
        if let without { Self.tell(without) }
        return nil
    }

    static func tell(_ refusal: AgentIDError) {
        if refusal.name.isSame(as: "passphrase_missing") {
            return Console.message(
                "it is in force, and comes into the log when a process that has the passphrase integrates it")
        }
        let isFull = refusal.name.isSame(as: "disk_full")
        Console.message(
            "it is in force, and comes into registry and log when \(isFull ? "there is room" : "that is mended"): \(refusal)"
        )
    }
}

extension Authority {
    /// Opens an authority that exists for a command that only reads it, and causes no events: without its audit log.
    static func openToRead(_ directory: String, passphrase: Passphrase? = nil) throws -> Authority {
        var options = Authority.Options()
        (options.audit, options.onlyReads, options.mustExist, options.passphrase) = (.none, true, true, passphrase)
        options.mayLackKeys = true
        return try open(directory: directory, options: options)
    }
}

extension AuditPolicy {
    /// For a process that runs one command: a segment that holds the longest line, instead of one for a day.
    static var ofCommands: AuditPolicy {
        var policy = AuditPolicy()
        policy.options.segmentSize = 128 << 10
        return policy
    }
}

struct Init: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Create the authority of a trust domain in a directory.")
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output
    @Argument(help: "The trust domain, e.g. acme.example.") var trustDomain: String

    func run() throws {
        let authority = try options.open(creating: trustDomain)
        if output.json {
            return Console.data([
                "authority": .string(options.authority), "trust_domain": .string(authority.trustDomain.name),
            ])
        }
        Console.message("the authority of \(authority.trustDomain) is in \(options.authority)")
    }
}

struct Bundle: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the public keys, a SPIFFE bundle; rotate the signing key.",
        discussion: "Rotation takes two steps: publish the next key, wait until every guard has seen it, activate it.")
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output
    @Flag(name: .long, help: "Add the next signing key first.") var publish = false
    @Flag(name: .long, help: "Sign with the published key from now on.") var activate = false

    func validate() throws {
        if publish, activate {
            throw ValidationError("--publish and --activate are two steps: guards must see the key")
        }
    }

    func run() throws {
        let authority = try options.open(onlyToRead: !publish && !activate)
        if publish { try authority.publishKey() }
        if activate { try authority.activateKey() }
        Console.evidence(try authority.bundle())
    }
}

struct Revocations: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a signed list of what was revoked, for guards that cannot read the registry.",
        discussion: "They load it beside the bundle, and need a newer one before it expires.")
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output
    @ArgumentParser.Option(name: .long, help: "How long it is good for: seconds, or 90s, 15m, 1h, 7d.")
    var lifetime = TimeSpan(seconds: 3600)

    func run() throws {
        let authority = try options.openWithoutLogIfNeeded(onlyToRead: true)
        Console.evidence(try authority.revocationList(lifetime: lifetime.seconds))
    }
}

struct Revoke: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Revoke a grant, key, agent, profile, principal or issuer, for good, with all that descends from it.")
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output
    @Argument(help: "grant, key, agent, profile, principal or issuer.") var kind: String
    @Argument(help: "Its jti, thumbprint, ID, name or URI; of an agent its short name, too.") var value: String

    func validate() throws {
        guard Revocation.Kind(name: kind) != nil else {
            throw ValidationError("'\(kind)' is none of grant, key, agent, profile, principal, issuer")
        }
    }

    func run() throws {
        guard let kind = Revocation.Kind(name: kind) else { return }
        let revocation = try Revocation(kind, identifier(of: kind))
        let isJournalled = try options.withStop({ .revoke(revocation) }) { authority in
            tell(revocation, isKnown: try authority.revoke(revocation))
        }
        guard let isJournalled else { return }
        tell(revocation, isKnown: nil)
        AuthorityOptions.tell(isJournalled)
    }

    /// An agent's short name is looked up, without anything being written.
    private func identifier(of kind: Revocation.Kind) throws -> String {
        guard kind == .agent, !value.starts(exactly: "spiffe://") else { return value }
        let authority = try options.open(onlyToRead: true)
        defer { authority.close() }
        return try AgentName.resolve(value, in: authority)
    }

    private func tell(_ revocation: Revocation, isKnown: Bool?) {
        let (kind, value) = (revocation.kind.name, revocation.value)
        if isKnown == false {
            Console.message(
                "warning: this authority's registry has no such \(kind): it is revoked all the same, "
                    + "but make sure that it is not mistyped")
        }
        if output.json {
            return Console.data([
                "kind": .string(kind), "value": .string(value), "known": isKnown.map { .bool($0) } ?? .null,
            ])
        }
        Console.message("revoked: \(kind) \(value)")
    }
}
