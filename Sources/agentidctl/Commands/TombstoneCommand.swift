import AgentID
import ArgumentParser
import StrictJSON

struct TombstoneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tombstone", abstract: "The signed receipt that an agent is gone.", subcommands: [Verify.self])

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verify a tombstone, offline: exit 0, or 10 denied.",
            discussion: "A domain drops a key from its bundle after rotation: keep the bundle with the tombstone.")
        @OptionGroup var output: Output
        @Argument(help: "A file with the tombstone; - is stdin.") var tombstone: String
        @ArgumentParser.Option(name: .long, help: "The bundle of the trust domain; - is stdin.") var bundle: String
        @ArgumentParser.Option(name: .long, help: "Whose agent it was.") var trustDomain: String

        func validate() throws {
            if tombstone == "-", bundle == "-" { throw ValidationError("only one of both can be on stdin") }
        }

        func run() throws {
            let token = String(decoding: Console.line(try Console.read(tombstone)), as: UTF8.self)
            let verified: Tombstone
            do {
                verified = try Tombstone(
                    verifying: token, bundle: Console.read(bundle, limit: 1 << 18), trustDomain: trustDomain)
            } catch let denial as Denial {
                denial.tell(json: output.json)
                throw ExitCode(10)
            }
            if output.json { return Console.data(["verified": true, "claims": .value(verified.claims)]) }
            tell(verified)
        }

        private func tell(_ tombstone: Tombstone) {
            Console.data("\(Console.coloured("verified", .green)): \(tombstone.agent) is gone")
            Console.data("  ended: \(Console.time(Int(clamping: tombstone.ended)))")
            if !tombstone.reason.isEmpty { Console.data("  because: \(tombstone.reason)") }
            for name in ["principal", "task", "owner", "profile", "parent"] {
                if let text = tombstone.claims[name]?.string { Console.data("  \(name): \(text)") }
            }
            let below = tombstone.claims["below"]?.int ?? 0
            if below > 0 { Console.data("  with it: \(Console.count(below, "agent")) below it") }
        }
    }
}
