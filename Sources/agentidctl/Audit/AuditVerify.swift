import AgentID
import ArgumentParser
import StrictJSON

extension AuditCommand {
    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read the whole log again: exit 0 where everything is as it was signed, else 1 with what is not.",
            discussion: """
                With --against also whether it still begins with what a checkpoint from before had, kept where the \
                log's writer cannot reach: without one nobody can tell that the whole directory was put back.
                """)
        @OptionGroup var options: AuditLogOptions
        @OptionGroup var output: Output
        @ArgumentParser.Option(name: .long, help: "A file with an earlier checkpoint; - is stdin.")
        var against: String?

        func run() throws {
            let reader = try options.open()
            let kept = try against.map { try reader.checkpoint(kept: Console.read($0, limit: 1 << 16)) }
            let found = try Progress.showing("verifying the audit log") { progress in
                try reader.verify(against: kept) { progress.set(Int(clamping: $0), of: Int(clamping: reader.count)) }
            }
            if output.json {
                Console.data(found.document)
            } else if found.isSound {
                Console.data(
                    "\(Console.coloured("sound", .green)): \(Console.count(Int(reader.count), "entry", "entries"))")
                Console.data("  key: \(reader.key)")
                if found.archived > 0 {
                    let archived = Console.count(Int(found.archived), "entry", "entries")
                    Console.data("  elsewhere, by their hashes: \(archived)")
                }
                if found.pending > 0 { Console.data("  not integrated yet: \(Console.count(found.pending, "line"))") }
            } else {
                for finding in found.findings {
                    Console.data(Console.coloured("wrong", .red) + "  \(finding.description)")
                }
                let sound = Console.count(Int(clamping: found.sound), "entry", "entries")
                Console.data("\(Console.count(found.findings.count, "finding")); \(sound) of \(reader.count) as signed")
            }
            if !found.isSound { throw ExitCode(1) }
        }
    }
}
