import AgentID
import StrictJSON

/// Entries as OpenTelemetry logs in OTLP/JSON: one `ExportLogsServiceRequest`. docs/audit.md has the mapping.
struct OTelLogs {
    private let entries: [AuditEntry]
    private let log: String

    init(_ entries: [AuditEntry], log: String) { (self.entries, self.log) = (entries, log) }

    var document: JSONTree {
        [
            "resourceLogs": [
                [
                    "resource": [
                        "attributes": [attribute("service.name", "libagentid"), attribute("agentid.log", log)]
                    ],
                    "scopeLogs": [
                        [
                            "scope": ["name": "agentid.audit", "version": .string(Version.text)],
                            "logRecords": .array(entries.map(record)),
                        ]
                    ],
                ]
            ]
        ]
    }

    private func record(_ entry: AuditEntry) -> JSONTree {
        let (number, severity) = severity(of: entry)
        // 64-bit integers are strings in the JSON form of protocol buffers.
        let time: JSONTree = .string("\(max(entry.milliseconds, 0))000000")
        var attributes = [attribute("agentid.index", ["intValue": .string("\(entry.index)")])]
        for (name, value) in entry.json?.members.map({ ($0.name.string ?? "", $0.value) }) ?? []
        where name != "time_ms" {
            guard name == "issuer" else {
                attributes.append(attribute("agentid.\(name)", any(value)))
                continue
            }
            for (name, value) in value.members.map({ ($0.name.string ?? "", $0.value) }) {
                attributes.append(attribute("agentid.issuer.\(name)", any(value)))
            }
        }
        let hashes = entry.json?["chain"]?.elements.compactMap { $0["sha256"] } ?? []
        if !hashes.isEmpty {
            let values = hashes.map { JSONTree.object(["stringValue": .value($0)]) }
            attributes.append(attribute("agentid.chain.sha256", ["arrayValue": ["values": .array(values)]]))
        }
        return [
            "timeUnixNano": time, "observedTimeUnixNano": time, "severityNumber": .int(number),
            "severityText": .string(severity), "body": ["stringValue": .string(body(of: entry))],
            "attributes": .array(attributes),
        ]
    }

    private func severity(of entry: AuditEntry) -> (Int, String) {
        switch entry.kind {
        case .event where entry.json?["event"]?.equals("secret_refused") == true: (13, "WARN")
        case .permit, .outcome, .event, .unknown: (9, "INFO")
        case .deny, .denials: (13, "WARN")
        case .gap: (17, "ERROR")
        }
    }

    private func body(of entry: AuditEntry) -> String {
        let text = { (name: String) in entry.json?[name]?.string ?? "" }
        let foreign = entry.foreign.map { " (foreign: \($0))" } ?? ""
        return switch entry.kind {
        case .permit: "permitted: \(text("tool"))\(foreign)"
        case .deny: "denied: \(text("tool")): \(text("reason"))\(foreign)"
        case .denials: "denied \(entry.count) times: \(text("reason"))\(foreign)"
        case .outcome: "outcome: \(text("outcome"))"
        case .event: text("event")
        case .gap: "gap: \(text("kind"))"
        case .unknown: String(decoding: entry.line, as: UTF8.self)
        }
    }

    private func attribute(_ key: String, _ text: String) -> JSONTree { attribute(key, ["stringValue": .string(text)]) }

    private func attribute(_ key: String, _ value: JSONTree) -> JSONTree { ["key": .string(key), "value": value] }

    /// An `AnyValue`. Entries are three deep at most: an array of a chain's links.
    private func any(_ value: JSON.Value) -> JSONTree {
        switch value.kind {
        case .string: return ["stringValue": .value(value)]
        case .bool: return ["boolValue": .value(value)]
        case .number where value.int != nil: return ["intValue": .string("\(value.int ?? 0)")]
        case .array where value.elements.allSatisfy({ $0.kind == .string }):
            return ["arrayValue": ["values": .array(value.elements.map { ["stringValue": .value($0)] })]]
        case .array where value.elements.allSatisfy({ $0["jti"]?.kind == .string }):
            // A chain as its grants' IDs, root first, as events have it.
            let grants = value.elements.compactMap { $0["jti"] }
            return ["arrayValue": ["values": .array(grants.map { ["stringValue": .value($0)] })]]
        case .number, .array, .object, .null: return ["stringValue": .string(JSONTree.value(value).text)]
        }
    }
}
