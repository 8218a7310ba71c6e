import AgentID
import FoundationEssentials
import Glibc

/// Checks the audit log of a directory: that it exists, matches its signatures, and is kept up to date.
struct AuditCheckup {
    private let directory: String
    private let now = Console.milliseconds

    /// The tolerated delay of integration, in milliseconds; it normally takes about a second.
    private static let tolerated: Int64 = 60_000

    private init(directory: String) { self.directory = directory }

    /// The findings; none for a directory that never had a log.
    static func findings(at directory: String, isFull: Bool) -> [Finding] {
        let checkup = AuditCheckup(directory: directory)
        let signs = ["audit", "keys/log.jwk", "keys/digest"].map { "\(directory)/\($0)" }
        guard signs.contains(where: { unsafe access($0, F_OK) == 0 }) else { return [] }
        var reader: AuditReader?
        let opened = Finding(of: "audit log: checkpoint", at: "\(checkup.audit)/checkpoint") {
            do { reader = try AuditReader(authority: directory) } catch let error as AgentIDError
                where error.name == "no_audit_log"
            {
                throw Trouble(
                    "there was an audit log, and there is none: it was removed or never signed",
                    remedy: "restore audit/, or sign a first checkpoint: \(checkup.integrate)")
            } catch {
                throw Trouble("\(error)", remedy: "restore audit/ and keep what is there for whoever investigates")
            }
        }
        let rest = reader.map { checkup.findings(in: $0, isFull: isFull) } ?? []
        return [opened] + rest + [checkup.segments, checkup.torn]
    }

    private var audit: String { "\(directory)/audit" }

    private var integrate: String { "agentidctl audit checkpoint --authority \(directory) --integrate" }

    private func findings(in reader: AuditReader, isFull: Bool) -> [Finding] {
        var pending: (lines: Int, since: Int64?)?
        let what = isFull ? "audit log: every entry" : "audit log: its end, and what waits"
        let verified = Finding(of: what, at: audit) {
            let found =
                isFull
                ? try Progress.showing("verifying the audit log") { progress in
                    try reader.verify { progress.set(Int(clamping: $0), of: Int(clamping: reader.count)) }
                } : try reader.verifyEnd()
            pending = (found.pending, found.pendingSince)
            guard let first = found.findings.first else { return }
            let more = found.findings.count > 1 ? ", and \(found.findings.count - 1) more" : ""
            throw Trouble(
                "it is not as it was signed: \(first)\(more)",
                remedy: "agentidctl audit verify --authority \(directory) shows all; keep a copy before you restore it")
        }
        let behind = Finding(of: "audit log: integration", at: "\(audit)/segments") {
            guard let pending, pending.lines > 0, let since = pending.since, now - since > Self.tolerated else {
                return
            }
            throw Trouble(
                "\(Console.count(pending.lines, "line")) of the log are not in the tree, the oldest written "
                    + Console.time(Int(since / 1000)),
                remedy: "keep a process with the authority open, or: \(integrate)")
        }
        return [verified, behind]
    }

    private var segments: Finding {
        Finding(of: "audit log: its segments", at: "\(audit)/segments") {
            guard unsafe access("\(audit)/segments", F_OK) != 0, unsafe access(audit, F_OK) == 0 else { return }
            throw Trouble(
                "the directory of what is not yet in the tree is gone: decisions cannot be written down",
                remedy:
                    "restore it; without it, end what has the directory open and start it again: it is made anew, and "
                    + "the lines in it are lost")
        }
    }

    private var torn: Finding {
        Finding(of: "audit log: torn segments", at: "\(audit)/segments") {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(audit)/segments")) ?? []
            let torn = names.filter { $0.ends(exactly: ".torn") }.inByteOrder()
            guard let first = torn.first else { return }
            throw Trouble(
                "\(Console.count(torn.count, "segment")) whose end could not be read: \(first)",
                remedy: "see the entries audit.gap; copy what is kept if you want it, then remove it")
        }
    }
}
