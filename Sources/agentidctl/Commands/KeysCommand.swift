import AgentID
import ArgumentParser
import StrictJSON

struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "The signing keys of an authority, as they are stored.", subcommands: [Seal.self]
    )

    struct Seal: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Seal private keys that are stored in the open under a passphrase.",
            discussion: """
                Opening the authority needs the passphrase from then on; a process that has it open goes on until it \
                opens it again. Copies in backups stay as they are: rotate the keys where that matters.
                """)
        @OptionGroup var place: AuthorityPlace
        @ArgumentParser.Option(name: .long, help: "A file with the passphrase; - is stdin.") var passphraseFile: String
        @OptionGroup var output: Output

        func run() throws {
            let count = try Authority.sealKeys(in: place.directory, under: Console.passphrase(passphraseFile))
            if output.json { return Console.data(["sealed": .int(count)]) }
            Console.message(count == 0 ? "all keys were sealed already" : "sealed: \(Console.count(count, "key"))")
        }
    }
}
