import AgentID
import Glibc

/// Checks what guards need for each call: where something is wrong with it, they deny.
struct GuardCheckup {
    private let inspection: RegistryInspection
    private let directory: String
    /// The processes that go by files which are not there any more.
    private let holders: [(process: String, name: String)]

    init(inspection: RegistryInspection, directory: String) {
        (self.inspection, self.directory) = (inspection, directory)
        holders = HeldFiles(of: inspection, directory: directory)?.holders ?? []
    }

    /// The longest wait for a lock, in milliseconds: whoever works holds it for less.
    private static let patience = 2000

    var findings: [Finding] {
        [writable, lock, held, policy, newest, approvals] + meters
    }

    private var registry: String { "\(directory)/registry.db" }

    private var writable: Finding {
        Finding(of: "registry: can be written", at: registry) {
            // Of a disk, or to a user, that lets nobody write: another finding.
            guard unsafe access(registry, W_OK) == 0 else { return }
            try inspection.checkWritable(within: Int32(Self.patience))
        }
    }

    private var lock: Finding {
        Finding(of: "lock of the journal", at: "\(directory)/lock") {
            guard unsafe access("\(directory)/lock", W_OK) == 0 else { return }
            try inspection.checkLock(within: Self.patience)
        }
    }

    private var held: Finding {
        Finding(of: "files that guards go by", at: directory) {
            let holders = holders.filter { !$0.name.isSame(as: HeldFiles.meters) }
            guard let first = holders.first else { return }
            let others = holders.count > 1 ? " and \(holders.count - 1) more" : ""
            throw Trouble(
                "\(first.process)\(others) opened another \(first.name), which was moved away, removed or replaced since, "
                    + "and denies",
                remedy: "end the process and start it again; after a restore first: agentidctl restored")
        }
    }

    private var policy: Finding {
        Finding(of: "policy in force", at: registry) {
            do { try inspection.checkPolicy() } catch let error as AgentIDError where error.name == "policy_unreadable"
            {
                let isZone = error.message.parts(at: 0x20).contains { $0.isSame(as: "zone") }
                throw Trouble(
                    "\(error.message): calls are denied",
                    remedy: isZone
                        ? "install tzdata, or: agentidctl policy apply --authority \(directory) with a newer version"
                        : "agentidctl policy apply --authority \(directory) with a newer version")
            }
        }
    }

    private var newest: Finding {
        let versions = try? inspection.policyVersions()
        let inForce =
            versions.map { $0.inForce == 0 ? "none" : "version \($0.inForce), the newest in the log" } ?? "unknown"
        return Finding(of: "policy in force: \(inForce)", at: registry) {
            guard let versions, versions.inLog > versions.inForce else { return }
            throw Trouble(
                "the audit log says that version \(versions.inLog) was, before the directory was restored",
                remedy: "agentidctl policy apply --authority \(directory) with version \(versions.inLog) or newer")
        }
    }

    private var approvals: Finding {
        Finding(of: "requests for approval", at: registry) {
            do { try inspection.checkApprovals() } catch let error as AgentIDError
                where error.name == "registry_corrupt"
            {
                throw Trouble(
                    "calls that wait for people are denied: \(error.message)",
                    remedy: "stop what uses it and restore a backup, or empty the table: sqlite3 \(registry) "
                        + "'delete from approvals'; who waits asks again")
            }
        }
    }

    // MARK: Meters

    private var meters: [Finding] {
        let path = "\(directory)/meters"
        let holders = holders.filter { $0.name.isSame(as: HeldFiles.meters) }.map(\.process)
        return [
            Finding(
                of: "meters: rates, budgets, labels", at: path,
                remedy: "end the guards of this directory, then: rm \(path); rates begin anew, labels are forgotten"
            ) {
                do { try inspection.checkMeters() } catch let error as AgentIDError where error.name != "meters_damaged"
                {
                    throw Trouble(error.message, remedy: "\(makingOwn(path)), or end the guards and remove it")
                }
                guard holders.isEmpty, inspection.lacksMeters else { return }
                throw Trouble(
                    "they were removed: rates begin anew, and agents have none of their labels",
                    remedy: "put them back, or end the agents that have learned what is not for everybody")
            },
            Finding(of: "meters: labels of those that live", at: path) {
                guard holders.isEmpty, let made = try? inspection.metersMadeAnew() else { return }
                throw Trouble(
                    "the file was removed, and made anew \(Console.time(Int(made / 1000))): rates began anew, and agents from "
                        + "before have none of their labels",
                    remedy:
                        "end those of them that had learned what is not for everybody; it is told of until all have ended"
                )
            },
            Finding(of: "meters: the file that guards go by", at: path) {
                guard let first = holders.first else { return }
                let others = holders.count > 1 ? " and \(holders.count - 1) more" : ""
                throw Trouble(
                    "\(first)\(others) opened another one, which was moved away, removed or replaced since, and denies",
                    remedy: "put it back, or end the process and start it again: rates begin anew, labels are forgotten"
                )
            },
        ]
    }

    private func makingOwn(_ path: String) -> String {
        "find out who made it, then: chown --reference=\(directory) \(path); chmod 600 \(path)"
    }
}
