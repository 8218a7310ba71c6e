import AgentID
import ArgumentParser
import StrictJSON

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check the library, the machine, and an authority's directory: exit 1 where something is wrong.")
    @ArgumentParser.Option(
        name: .customLong("authority"),
        help: "The directory to look at; its keys are not opened. Without it what AGENTID_AUTHORITY names, if anything."
    )
    var named: String?
    @Flag(name: .long, help: "Read every entry of the audit log, and not its end alone.") var full = false
    @OptionGroup var output: Output

    private var authority: String? { named ?? AuthorityPlace.ofEnvironment }

    func validate() throws {
        if let authority { try Owner.work(on: authority) }
        guard authority != nil || !full else {
            throw ValidationError("--full goes with --authority, or AGENTID_AUTHORITY")
        }
    }

    func run() throws {
        var findings = [
            Finding(of: "library \(Version.text): known answers, guarded memory", at: "library") {
                do { try SelfTest.run() } catch let error as AgentIDError where error.name == "memory_not_locked" {
                    throw Trouble(
                        "the memory of secrets is not locked: they may be swapped out",
                        remedy: "raise RLIMIT_MEMLOCK (ulimit -l), allow mlock, or run without swap")
                }
            },
            Finding(of: "clock", at: "machine") {
                guard Console.now > 1_767_225_600 else {
                    throw Trouble(
                        "the machine's clock is before 2026: everything looks not yet valid", remedy: "set it")
                }
            },
        ]
        if let authority {
            findings += DirectoryCheckup(directory: authority).findings
            findings += RegistryCheckup.findings(at: authority)
            findings += DiskCheckup(directory: authority).findings
            findings += AuditCheckup.findings(at: authority, isFull: full)
        }
        let troubles = findings.filter { $0.trouble != nil }
        if output.json {
            Console.data(["healthy": .bool(troubles.isEmpty), "findings": .array(findings.map(\.document))])
        } else {
            for finding in findings { finding.show() }
        }
        if !troubles.isEmpty { throw ExitCode(1) }
    }
}
