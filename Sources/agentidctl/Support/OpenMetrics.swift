import StrictJSON

/// Numbers in the text format of OpenMetrics 1.0, which Prometheus reads.
struct OpenMetrics {
    private(set) var text = ""

    /// - Parameters:
    ///   - statistics: `docs/schemas/statistics.json`.
    ///   - decisions: of the audit log, if they were counted.
    init(_ statistics: JSON.Value, _ decisions: DecisionCounts?) {
        agents(statistics["agents"])
        gauge(
            "agentid_leases_lapsing_soon", "Live agents whose lease lapses within a minute.",
            [([], statistics["agents"]?["lapsing_soon"])])
        gauge("agentid_revocations", "Revocations in the registry.", [([], statistics["revocations"])])
        gauge(
            "agentid_policy_version", "The version of the policy in force; 0 without one.",
            [([], statistics["policy_version"])])
        hooks(statistics["hooks"])
        let secrets = statistics["secrets"]
        gauge("agentid_secrets_held", "Secrets that the broker holds for agents.", [([], secrets?["held"])])
        gauge(
            "agentid_secrets_releasing", "Secrets whose return is under way, or keeps failing.",
            [([], secrets?["releasing"])])
        audit(statistics["audit"], now: statistics["time_ms"]?.int ?? 0)
        fill("replay", "used proofs", statistics["replay"], used: "remembered", of: "slots_at_most")
        fill("meters", "rates and labels of the policy", statistics["meters"], used: "used", of: "slots")
        if let decisions { count(decisions) }
        text += "# EOF\n"
    }

    private typealias Sample = (labels: [(String, String)], value: JSON.Value?)

    /// Writes a family; values that are not known are left out.
    private mutating func gauge(_ name: String, _ help: String, _ samples: [Sample]) {
        let lines = samples.compactMap { sample in
            sample.value?.int.map { Self.line(name, sample.labels, "\($0)") }
        }
        family(name, "gauge", help, lines)
    }

    private mutating func family(_ name: String, _ type: String, _ help: String, _ lines: [String]) {
        guard !lines.isEmpty else { return }
        text += "# TYPE \(name) \(type)\n# HELP \(name) \(help)\n" + lines.joined()
    }

    private static func line(_ name: String, _ labels: [(String, String)], _ value: String) -> String {
        let written = labels.map { "\($0.0)=\"\(escaped($0.1))\"" }.joined(separator: ",")
        return name + (written.isEmpty ? "" : "{\(written)}") + " \(value)\n"
    }

    /// A label's value: on one line, printable, and with what the format gives a meaning escaped.
    private static func escaped(_ value: String) -> String {
        var bytes: [UInt8] = []
        for byte in value.printable.utf8 {
            if byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "\"") { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private mutating func agents(_ agents: JSON.Value?) {
        gauge(
            "agentid_agents", "Agents in the registry, by standing.",
            ["active", "denied", "lapsed", "suspended", "parked", "ended"].map { ([("state", $0)], agents?[$0]) })
    }

    private mutating func hooks(_ hooks: JSON.Value?) {
        let all = hooks.map { Array($0.elements) } ?? []
        for (name, state) in [("waiting", "wait"), ("dead", "are not tried again")] {
            gauge(
                "agentid_hook_deliveries_\(name)", "Deliveries of hooks that \(state).",
                all.map { ([("hook", $0["name"]?.string ?? "")], $0[name]) })
        }
    }

    private mutating func audit(_ audit: JSON.Value?, now: Int) {
        if let entries = audit?["entries"]?.int {
            family(
                "agentid_audit_entries", "counter", "Entries of the audit log's tree.",
                ["agentid_audit_entries_total \(entries)\n"])
        }
        gauge("agentid_audit_waiting", "Lines of the audit log that are not integrated yet.", [([], audit?["waiting"])])
        guard let waiting = audit?["waiting"]?.int else { return }
        let since = waiting > 0 ? audit?["waiting_since_ms"]?.int : nil
        let seconds = since.map { max(now - $0, 0) / 1000 } ?? 0
        family(
            "agentid_audit_lag_seconds", "gauge", "How long the oldest of them has been waiting.",
            ["agentid_audit_lag_seconds \(seconds)\n"])
    }

    private mutating func fill(_ name: String, _ what: String, _ page: JSON.Value?, used: String, of slots: String) {
        gauge("agentid_\(name)_used", "Places for \(what) that are in use.", [([], page?[used])])
        gauge("agentid_\(name)_places", "Places for \(what) that there are at most.", [([], page?[slots])])
    }

    private mutating func count(_ decisions: DecisionCounts) {
        var lines = [
            Self.line(
                "agentid_decisions_total", [("outcome", "permitted"), ("reason", "none")], "\(decisions.permitted)")
        ]
        lines += decisions.byReason.map { reason, count in
            Self.line("agentid_decisions_total", [("outcome", "denied"), ("reason", reason)], "\(count)")
        }
        family("agentid_decisions", "counter", "Decisions in the audit log, by outcome and reason.", lines)
    }
}
