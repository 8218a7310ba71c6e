import AgentID
import ArgumentParser
import StrictJSON

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Read the audit log, prove from it, verify it.",
        discussion: """
            Whatever is shown was compared with the signed tree. No keys are opened; nothing but `archive` writes.
            """,
        subcommands: [
            Tail.self, Show.self, Verify.self, Prove.self, Consistency.self, Checkpoint.self, Export.self, Archive.self,
        ])

    struct Prove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prove that an entry is in the log (RFC 6962 section 2.1.1).")
        @OptionGroup var options: AuditLogOptions
        @OptionGroup var output: Output
        @Argument(help: "The entry's index.") var index: UInt64
        @ArgumentParser.Option(name: .long, help: "A file to make with the proof.") var out: String?

        func run() throws {
            let proof = try options.open().proof(of: index)
            guard let out else { return Console.data(proof) }
            let bytes = proof.canonical() + [0x0A]
            try Console.create(out, mode: 0o644, bytes.span)
            if output.json { Console.data(["index": .int(Int(clamping: index)), "out": .string(out)]) }
        }
    }

    struct Consistency: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prove that the log of FROM entries is the beginning of that of TO (RFC 6962 section 2.1.2).")
        @OptionGroup var options: AuditLogOptions
        @OptionGroup var output: Output
        @Argument(help: "How many entries the earlier one has.") var from: UInt64
        @Argument(help: "How many the later one has; without it the present one.") var to: UInt64?

        func run() throws { Console.data(try options.open().consistency(from: from, to: to)) }
    }

    struct Checkpoint: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the signed head of the log: keep one where the log's writer cannot reach.",
            discussion: """
                With --integrate the authority is opened, and what waits in segments is made part of the tree first; \
                a process with the authority open does so about every second.
                """)
        @OptionGroup var options: AuditLogOptions
        @OptionGroup var output: Output
        @Flag(name: .long, help: "Integrate first what waits.") var integrate = false
        @ArgumentParser.Option(name: .long, help: "A file with the passphrase of the keys; - is stdin.")
        var passphraseFile: String?

        func validate() throws {
            guard passphraseFile == nil || integrate else {
                throw ValidationError("--passphrase-file goes with --integrate")
            }
        }

        func run() throws {
            if integrate {
                var opening = AuthorityOptions()
                (opening.place, opening.passphraseFile) = (options.place, passphraseFile)
                let authority = try opening.open()
                defer { authority.close() }
                try authority.integrate()
            }
            let reader = try options.open()
            if output.json { return Console.data(try reader.head()) }
            Console.evidence(reader.note)
        }
    }
}

/// The place of an audit log, and the key it must be signed with.
struct AuditLogOptions: ParsableArguments {
    /// An authority's directory, or an archive of its log.
    @OptionGroup var place: AuthorityPlace
    @ArgumentParser.Option(
        name: .long,
        help: .init(
            "What the log must be signed with, name+hash+key; without it what the directory itself says, which shows "
                + "damage and not a forged log.", valueName: "vkey"))
    var key: String?

    var authority: String { place.directory }

    func open() throws -> AuditReader { try AuditReader(authority: authority, key: key) }
}
