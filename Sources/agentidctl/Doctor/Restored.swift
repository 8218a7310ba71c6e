import AgentID
import ArgumentParser
import StrictJSON

struct Restored: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Go on with a directory that was restored: end every agent from before, and sign with a new key.",
        discussion: """
            Nobody knows what was revoked since the backup. So every agent that the registry has lapses at once, a new \
            key signs, and all others are revoked: no chain from before is permitted any more. End what has the \
            directory open first, and start it again after: until then it denies. Hand the new bundle to guards \
            elsewhere (agentidctl bundle), and revoke anew which principals and profiles were revoked since the backup. \
            The policy in force is the backup's: apply the newest anew. What was spent of budgets since the backup is \
            forgotten, as are all rates and labels. It asks before it does that, on a terminal; elsewhere it wants --yes.
            """)
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output
    @Flag(name: .long, help: "Do it without asking.") var yes = false

    func run() throws {
        let passphrase = try options.readPassphrase()
        if !yes {
            let question = try consequences(passphrase)
            guard Console.confirms(question) else {
                throw Fault(
                    "nothing was done: \(question). If it was restored from a backup, add --yes", code: "failed",
                    reason: "unconfirmed", path: options.authority)
            }
        }
        let restored = try Authority.acceptRestored(directory: options.authority, passphrase: passphrase)
        // They are denied already; now each gets its tombstone, and returns the secrets it holds.
        let authority: Authority
        do { authority = try options.open(passphrase: passphrase) } catch  where restored.signing == nil {
            tell(restored, ended: 0)
            return Console.message("then run agentidctl reap where the signing key is")
        }
        defer { authority.close() }
        let ended: Int
        do {
            ended = try Progress.showing("ending agents") { progress in
                try authority.reap { progress.advance(by: $0) }
            }
        } catch {
            tell(restored, ended: 0)
            Console.message("not all of them have a tombstone yet: run agentidctl reap once this is mended")
            throw error
        }
        authority.runHooks()
        tell(restored, ended: ended)
    }

    /// `nil` of a backup of an older version, which no look brings up to date.
    private func look(_ passphrase: Passphrase?) throws(AgentIDError) -> Restoration? {
        do throws(AgentIDError) {
            return try Authority.lookAtRestored(directory: options.authority, passphrase: passphrase)
        } catch {
            guard error.name.isSame(as: "older_registry") else { throw error }
            return nil
        }
    }

    /// Looks at all that it needs; says what it would do.
    private func consequences(_ passphrase: Passphrase?) throws -> PrintableText {
        guard let found = try look(passphrase) else {
            return "every agent of \(options.authority) ends, and its signing keys are revoked, for good"
        }
        let users = HeldFiles.users(of: options.authority)
        let first = users.first.map(OtherProcesses.words) ?? ""
        let others = users.count > 1 ? " and \(users.count - 1) more" : ""
        let ends: PrintableText = "every agent of \(options.authority) ends, \(found.lapsed) of them now"
        let keys =
            found.signing == nil
            ? "the signing key is not in keys/, so none is revoked" : "its signing keys are revoked"
        return users.isEmpty
            ? "\(ends), and \(keys), for good"
            : "\(ends), and \(keys), for good; \(first)\(others) has it open: end that first"
    }

    private func tell(_ restored: Restoration, ended: Int) {
        if output.json {
            return Console.data([
                "lapsed": .int(restored.lapsed), "ended": .int(ended),
                "revoked": .array(restored.revoked.map { .string($0) }),
                "signing": restored.signing.map { .string($0) } ?? .null,
                "policy_version": .int(Int(restored.policy)),
                "policy_in_log": restored.newerPolicy.map { .int(Int($0)) } ?? .null,
            ])
        }
        Console.message("ended: \(Console.count(restored.lapsed, "agent"))")
        let version = String(restored.policy)
        Console.message(restored.policy == 0 ? "policy: none is in force" : "policy: version \(version) is in force")
        if let newer = restored.newerPolicy {
            Console.message(
                "warning: the audit log says that version \(String(newer)) was in force since: agentidctl policy apply")
        }
        guard let signing = restored.signing else {
            return Console.message("the signing key is not in keys/: rotate it where it is kept")
        }
        Console.message("revoked: \(restored.revoked.map { "issuer \($0)" }.joined(separator: ", "))")
        Console.message("signing: \(signing)")
    }
}
