import AgentID
import FoundationEssentials
import Glibc
import StrictJSON

/// Checks the registry against the clock and the files next to it: unfinished work, and impossible states.
struct RegistryCheckup {
    private let inspection: RegistryInspection
    private let directory: String
    private let now = Console.milliseconds

    /// The number of failed attempts that is no longer an accident.
    private static let manyAttempts = 3

    static func findings(at directory: String) -> [Finding] {
        var opened: RegistryInspection?
        let whole = Finding(of: "registry: readable and whole", at: "\(directory)/registry.db") {
            let inspection = try RegistryInspection(of: directory)
            opened = inspection
            do { try inspection.checkIntegrity() } catch let error as AgentIDError {
                throw Trouble(error.message, remedy: "stop what uses it and restore a backup: see docs/backup.md")
            }
        }
        guard let opened else { return [whole] }
        let checkup = RegistryCheckup(inspection: opened, directory: directory)
        let together = checkup.together
        // Of a log that was put back as a whole, that is told.
        let checkpoint = together.trouble == nil ? [checkup.checkpoint] : []
        let state = [checkup.clock, checkup.leases, checkup.tombstones] + checkup.hooks + [checkup.secrets]
        return [whole, together] + checkpoint + [checkup.marks, checkup.replayMemory] + checkup.keys + checkup.otherKeys
            + checkup.profiles + checkup.reviews + state
            + GuardCheckup(inspection: opened, directory: directory).findings
    }

    private var registry: String { "\(directory)/registry.db" }

    private var together: Finding {
        Finding(of: "registry, journal and audit log belong together", at: directory) { try inspection.checkTogether() }
    }

    private var checkpoint: Finding {
        Finding(
            of: "audit log: its newest checkpoint", at: "\(directory)/audit/checkpoint",
            remedy:
                "agentidctl audit checkpoint --authority \(directory) --integrate, which signs it again; where that is "
                + "refused, put back the newest audit/"
        ) { try inspection.checkCheckpoint() }
    }

    private var marks: Finding {
        Finding(of: "sequence: how far the registry has got", at: "\(directory)/sequence") {
            guard let (known, writes) = try inspection.marksBehind() else { return }
            throw Trouble(
                "it knows \(known) of \(writes) changes: an older one was put there, or a process died in that moment. Whoever "
                    + "had it open before denies",
                remedy: "agentidctl reap --authority \(directory), which brings it up to date")
        }
    }

    private var replayMemory: Finding {
        Finding(of: "replay memory", at: "\(directory)/replay") { try inspection.checkReplayMemory() }
    }

    private var keys: [Finding] {
        inspection.keys.map { record in
            let thumbprint = record.key.thumbprint
            let hasFile = unsafe access("\(directory)/keys/\(thumbprint).jwk", F_OK) == 0
            return Finding(of: "signing key \(thumbprint), \(state(of: record))", at: "\(directory)/keys") {
                if record.role == .retired {
                    guard !hasFile else {
                        throw Trouble(
                            "it was retired, and its private half is still in keys/",
                            remedy: "open the authority once, which removes it")
                    }
                    guard record.retiredAt ?? 0 <= now / 1000 + Self.mostAhead else {
                        throw Trouble(
                            "it was retired by a clock that was ahead: guards elsewhere take what it signs until then",
                            remedy: "rotate the keys under the right clock: agentidctl bundle --publish, then "
                                + "--activate; give the bundle to guards elsewhere")
                    }
                    return
                }
                guard hasFile else {
                    throw Trouble(
                        "its file is not in keys/", remedy: "restore it, or open with the signer that holds it")
                }
            }
        }
    }

    private var otherKeys: [Finding] {
        let parked = Finding(of: "key of parked agents", at: "\(directory)/keys/parking.jwk") {
            try inspection.checkParkingKey()
        }
        // Where a caller's signer has the keys, it has the log's too.
        let hasKeys = inspection.keys.contains {
            unsafe access("\(directory)/keys/\($0.key.thumbprint).jwk", F_OK) == 0
        }
        guard hasKeys else { return [parked] }
        return [
            parked, Finding(of: "keys of the audit log", at: "\(directory)/keys") { try inspection.checkLogKeys() },
        ]
    }

    /// How far a retirement may be ahead, in seconds: that of a grant which was dated by a clock that was ahead by less.
    private static let mostAhead: Int64 = 300

    /// The remaining use of a key.
    private func state(of key: KeyRecord) -> String {
        guard key.role == .retired else { return key.role.rawValue }
        let retired = key.retiredAt.map { " \(Console.time(Int($0)))" } ?? ""
        guard let ends = key.dropAt else { return "retired\(retired)" }
        return "retired\(retired), \(ends > now / 1000 ? "ends" : "ended") \(Console.time(Int(ends)))"
    }

    private var profiles: [Finding] {
        inspection.damagedProfiles.map { profile in
            Finding(of: "profile \(profile.name)", at: registry) {
                throw Trouble(
                    "it cannot be read, no agent starts under it: \(profile.error.message)",
                    remedy: "agentidctl profile put \(profile.name) --owner ... --ceiling ...")
            }
        }
    }

    private var reviews: [Finding] {
        inspection.profiles.compactMap { profile in
            guard let review = profile.reviewBy else { return nil }
            return Finding(of: "review of profile \(profile.name)", at: registry) {
                guard review > now / 1000 else {
                    throw Trouble(
                        "it was due \(Console.time(Int(review))): no new agents",
                        remedy: "look at it, then: agentidctl profile certify \(profile.name) --for 90")
                }
            }
        }
    }

    private var clock: Finding {
        Finding(of: "clock against the registry", at: registry) {
            // A second, because times are stored in whole seconds.
            guard let newest = try inspection.newest(), newest.time > now + 1000 else { return }
            throw Trouble(
                "the agent \(AgentName.short(newest.agent)) was started or renewed \(Console.time(Int(newest.time / 1000))): the clock "
                    + "went back, or was ahead",
                remedy:
                    "set the clock; if it is right now, end the agent: until that time its lease and grants last longer "
                    + "than they should")
        }
    }

    private var leases: Finding {
        Finding(of: "leases of agents", at: registry) {
            let lapsed = try inspection.leases(lapsedBy: now)
            guard !lapsed.isEmpty else { return }
            // A directory that was put back ended all leases of before: they have no date.
            let oldest = lapsed.map(\.expires).filter { $0 > 0 }.min()
            throw Trouble(
                "lapsed and not reaped: \(list(lapsed.map { AgentName.short($0.agent) }))"
                    + (oldest.map { ", the oldest \(Console.time(Int($0 / 1000)))" }
                        ?? ", when the directory was put back"),
                remedy: "agentidctl reap --authority \(directory); leave one running with --watch")
        }
    }

    private var tombstones: Finding {
        Finding(of: "tombstones", at: registry) {
            let unburied = try inspection.agentsWithoutTombstone()
            guard !unburied.isEmpty else { return }
            throw Trouble(
                "ended without a tombstone: \(list(unburied.map { AgentName.short($0.id) }))",
                remedy: "agentidctl reap --authority \(directory), where the signing key is")
        }
    }

    private var hooks: [Finding] {
        let place = registry
        do {
            return try inspection.hooks().map { condition in
                Finding(of: "hook \(condition.hook.name)", at: place) {
                    let attempts = Int(clamping: condition.worst?.attempts ?? 0)
                    guard condition.dead > 0 || attempts > Self.manyAttempts else { return }
                    let dead =
                        condition.dead > 0 ? [Console.count(condition.dead, "dead delivery", "dead deliveries")] : []
                    let waiting = attempts > Self.manyAttempts ? ["one waits after \(attempts) attempts"] : []
                    throw Trouble(
                        "it keeps failing: \((dead + waiting).joined(separator: ", ")): "
                            + (condition.error ?? "it never said why"),
                        remedy: "mend \(condition.hook.command.first ?? "the process that runs it"), then: "
                            + "agentidctl hooks dead, agentidctl hooks retry ID")
                }
            }
        } catch { return [Finding(of: "hooks", at: place) { throw error }] }
    }

    private var secrets: Finding {
        Finding(of: "secrets that the broker is to return", at: registry) {
            let failing = try inspection.leasesBeingReleased().filter { $0.attempts > 1 }
            guard let worst = failing.max(by: { $0.attempts < $1.attempts }) else { return }
            throw Trouble(
                "its release keeps failing: \(list(failing.map { "\($0.resource) from \($0.provider)" })), "
                    + "up to \(worst.attempts) attempts: \(worst.error ?? "it never said why")",
                remedy: "return it by hand, or mend the provider, then: agentidctl reap --authority \(directory)")
        }
    }

    /// The first few of many names.
    private func list(_ names: [String]) -> String {
        let shown = names.prefix(3).joined(separator: ", ")
        guard names.count > 3 else { return shown }
        return names.count < RegistryInspection.most ? "\(shown) and \(names.count - 3) more" : "\(shown) and many more"
    }
}
