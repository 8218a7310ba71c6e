import AgentID
import ArgumentParser
import Foundation
import JOSE

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check the library, the machine, and an authority's directory: exit 1 where something is wrong.")
    @ArgumentParser.Option(name: .long, help: "The directory to look at; its keys are not opened.")
    var authority: String?
    @OptionGroup var output: Output

    private struct Finding {
        let what: String
        /// What is wrong and what to do; `nil` where all is well.
        let trouble: String?
    }

    func run() throws {
        var findings = [
            check("library \(Version.text): known answers, guarded memory") { try SelfTest.run() },
            check("clock") {
                guard Date().timeIntervalSince1970 > 1_767_225_600 else {
                    throw Fault("the machine's clock is before 2026: set it, or everything looks not yet valid")
                }
            },
        ]
        if let authority { findings += look(at: authority) }
        let troubles = findings.filter { $0.trouble != nil }
        if output.json {
            Console.data([
                "healthy": .bool(troubles.isEmpty),
                "findings": .array(
                    findings.map { ["what": .string($0.what), "trouble": $0.trouble.map { .string($0) } ?? .null] }),
            ])
        } else {
            for finding in findings {
                let mark = finding.trouble == nil ? Console.coloured("ok", .green) : Console.coloured("wrong", .red)
                Console.data("\(mark)  \(finding.what)" + (finding.trouble.map { ": " + Console.safe($0) } ?? ""))
            }
        }
        if !troubles.isEmpty { throw ExitCode(1) }
    }

    private func check(_ what: String, _ body: () throws -> Void) -> Finding {
        do {
            try body()
            return Finding(what: what, trouble: nil)
        } catch { return Finding(what: what, trouble: "\(error)") }
    }

    private func look(at directory: String) -> [Finding] {
        var findings = [
            check("\(directory): the directory is its owner's alone") { try mode(of: directory, atMost: 0o700) },
            check("\(directory): the registry can be read and is whole") {
                try RegistryInspection(of: directory).checkIntegrity()
            },
        ]
        let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/keys"))?.sorted() ?? []
        for name in files where name.hasSuffix(".jwk") {
            findings.append(
                check("\(directory)/keys/\(name): the key is its owner's alone") {
                    try mode(of: "\(directory)/keys/\(name)", atMost: 0o600)
                })
        }
        if let inspection = try? RegistryInspection(of: directory) {
            findings += look(at: inspection, keyFiles: Set(files))
        }
        return findings
    }

    /// What the registry says, against what lies beside it.
    private func look(at inspection: RegistryInspection, keyFiles: Set<String>) -> [Finding] {
        var findings: [Finding] = []
        for key in inspection.keys where key.role != .retired {
            let thumbprint = key.key.thumbprint
            findings.append(
                check("signing key \(thumbprint)") {
                    guard keyFiles.contains("\(thumbprint).jwk") else {
                        throw Fault("its file is not in keys/: restore it, or open with the signer that holds it")
                    }
                })
        }
        for profile in inspection.profiles {
            guard let review = profile.reviewBy else { continue }
            findings.append(
                check("review of profile \(profile.name)") {
                    guard review > Int64(Date().timeIntervalSince1970) else {
                        throw Fault(
                            "it was due \(Console.time(Int(review))): no new agents until the profile is put anew")
                    }
                })
        }
        return findings
    }

    private func mode(of path: String, atMost most: mode_t) throws {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { throw Fault(Console.lastError) }
        guard status.st_uid == geteuid() else {
            throw Fault("it belongs to another user: chown it, or run as that user")
        }
        guard status.st_mode & 0o777 & ~most == 0 else {
            throw Fault("others can get at it: chmod \(String(most, radix: 8)) it, and rotate keys if they did")
        }
    }
}
