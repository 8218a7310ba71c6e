import AgentID
import StrictJSON

/// An entry as an event of the Open Cybersecurity Schema Framework 1.3: docs/audit.md has the mapping.
struct OCSFEvent {
    private enum Severity: Int { case informational = 1, low, medium, high }

    private let entry: AuditEntry
    private let log: String

    init(_ entry: AuditEntry, log: String) { (self.entry, self.log) = (entry, log) }

    var document: JSONTree {
        switch entry.kind {
        case .permit: call(.informational, ["status_id": 1, "status": "Success", "action_id": 1, "action": "Allowed"])
        case .deny, .denials:
            // The schema's `count`: the number of events reported as one.
            call(
                .medium,
                [
                    "count": .int(entry.count),
                    "status_id": 2, "status": "Failure", "action_id": 2, "action": "Denied",
                    "status_code": string("reason", or: "unknown"), "status_detail": string("message", or: ""),
                ])
        case .event: event
        case .outcome: base(.informational, string("outcome", or: ""))
        case .gap: base(.high, "lines of the audit log were lost before they were integrated")
        case .unknown: base(.informational, "a line of another kind")
        }
    }

    /// API Activity.
    private func call(_ severity: Severity, _ members: JSONTree.Members) -> JSONTree {
        event(
            category: 6, class: 6003, activity: 99, named: "Invoke", severity, profiles: ["security_control"],
            members.merging([
                "class_name": "API Activity", "category_name": "Application Activity",
                "actor": ["user": caller, "app_uid": string("agent", or: "unknown")],
                "api": [
                    "operation": string("tool", or: "unknown"), "request": ["uid": .string(entry.decisionID ?? "")],
                ],
                "src_endpoint": ["uid": string("agent", or: "unknown"), "name": .string(entry.agent)],
            ]))
    }

    /// Account Change, or User Access Management: an event of an agent, or of something it depends on.
    private var event: JSONTree {
        let name = entry.json?["event"]?.string ?? "unknown"
        if name.isSame(as: "policy") {
            let version = entry.json?["policy"]?["version"]?.int ?? 0
            return base(.informational, .string("the policy of version \(version) was put in force"))
        }
        if name.isSame(as: "secret_refused") {
            let provider = entry.json?["provider"]?.string ?? "unknown"
            return call(
                .medium,
                [
                    "status_id": 2, "status": "Failure", "action_id": 2, "action": "Denied",
                    "status_code": string("reason", or: "unknown"),
                    "status_detail": .string("no secret of the provider \(provider)"), "message": .string(name),
                ])
        }
        let user: JSONTree = user("agent", or: ["key", "profile", "principal"])
        let actor: JSONTree = ["user": self.user("owner")]
        let privilege: Int? =
            switch name {
            case "granted", "delegated": 1
            case "revoked": 2
            default: nil
            }
        if let activity = privilege {
            let grants = entry.json?["chain"]?.elements.map { JSONTree.value($0) } ?? []
            return event(
                category: 3, class: 3005, activity: activity,
                named: activity == 1 ? "Assign Privileges" : "Revoke Privileges", .informational,
                [
                    "class_name": "User Access Management", "category_name": "Identity & Access Management",
                    "user": user, "privileges": .array(grants.suffix(1)), "actor": actor, "message": .string(name),
                ])
        }
        let (activity, severity): (Int, Severity) =
            switch name {
            case "created": (1, .informational)
            case "resumed", "unparked": (2, .informational)
            case "suspended", "parked", "lapsed": (5, .low)
            case "deprovisioned": (6, .informational)
            case "denied": (99, .low)
            default: (99, .informational)
            }
        return event(
            category: 3, class: 3001, activity: activity,
            named: [1: "Create", 2: "Enable", 5: "Disable", 6: "Delete"][activity] ?? name, severity,
            [
                "class_name": "Account Change", "category_name": "Identity & Access Management", "user": user,
                "actor": actor, "message": .string(name),
            ])
    }

    /// Base Event, for events that no class covers.
    private func base(_ severity: Severity, _ message: JSONTree) -> JSONTree {
        event(
            category: 0, class: 0, activity: 99, named: "Other", severity,
            ["class_name": "Base Event", "category_name": "Uncategorized", "message": message])
    }

    private func event(
        category: Int, class uid: Int, activity: Int, named name: String, _ severity: Severity,
        profiles: [JSONTree] = [], _ members: JSONTree.Members
    ) -> JSONTree {
        var metadata: JSONTree.Members = [
            "version": "1.3.0", "profiles": .array(profiles), "log_name": .string(log),
            "sequence": .int(Int(clamping: entry.index)), "uid": .string("\(log)/\(entry.index)"),
            "product": ["name": "libagentid", "vendor_name": "libagentid", "version": .string(Version.text)],
        ]
        // Connects a decision, its denial's event and its outcome.
        if let decision = entry.decisionID { metadata["correlation_uid"] = .string(decision) }
        var common: JSONTree.Members = [
            "category_uid": .int(category), "class_uid": .int(uid), "activity_id": .int(activity),
            "activity_name": .string(name), "type_uid": .int(uid * 100 + activity),
            "severity_id": .int(severity.rawValue), "time": .int(entry.milliseconds),
            "metadata": .object(metadata),
            "raw_data": .string(String(decoding: entry.line, as: UTF8.self)),
        ]
        // The chain's domain; the schema has no field for it.
        if let issuer = entry.json?["issuer"] { common["unmapped"] = ["issuer": .value(issuer)] }
        return .object(common.merging(members))
    }

    /// The principal of the call, and the domain that vouches for it.
    private var caller: JSONTree {
        guard case .object(var members) = user("principal"), let domain = entry.json?["issuer"]?["domain"]?.string
        else {
            return user("principal")
        }
        members["domain"] = .string(domain)
        return .object(members)
    }

    private func user(_ name: String, or others: [String] = []) -> JSONTree {
        let uid = ([name] + others).lazy.compactMap { entry.json?[$0]?.string }.first ?? "unknown"
        return ["uid": .string(uid), "type_id": 99, "type": .string(name)]
    }

    private func string(_ name: String, or other: String) -> JSONTree {
        .string(entry.json?[name]?.string ?? other)
    }
}
