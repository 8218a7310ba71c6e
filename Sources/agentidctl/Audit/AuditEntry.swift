import AgentID
import StrictJSON

/// One entry of the audit log, and its form on a line.
struct AuditEntry {
    enum Kind { case permit, deny, denials, outcome, event, gap, unknown }

    let index: UInt64
    let line: [UInt8]
    /// `nil` for a line that is not JSON: whoever appends to the log by other means may write anything.
    let json: JSON.Value?
    let kind: Kind
    /// The trust domain of the log.
    let home: String

    init(index: UInt64, line: [UInt8], of log: AuditReader) {
        (self.index, self.line, home) = (index, line, log.trustDomain)
        let json = try? JSON(parsing: line).root
        self.json = json
        switch (json?["kind"]?.string, json?["decision"]?.string) {
        case ("decision", "permit"): kind = .permit
        case ("decision", _): kind = .deny
        case ("denials", _): kind = .denials
        case ("outcome", _): kind = .outcome
        case ("event", _): kind = .event
        case _ where json?["event"]?.equals("audit.gap") == true: kind = .gap
        default: kind = .unknown
        }
    }

    /// A member, harmless for a terminal.
    func text(_ name: String) -> String? { json?[name]?.string.map(\.printable) }

    /// The same where others stand beside it on the line: in quotes if it could be taken for more than one.
    private func word(_ name: String) -> String? { json?[name]?.string.map(Self.word) }

    private static func word(_ text: String) -> String {
        let shown = text.printable
        let isOne = !shown.isEmpty && shown.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"\"(),".utf8.contains($0) }
        if isOne { return shown }
        var quoted: [UInt8] = [UInt8(ascii: "\"")]
        for byte in shown.utf8 {
            if byte == UInt8(ascii: "\"") { quoted.append(UInt8(ascii: "\\")) }
            quoted.append(byte)
        }
        return String(decoding: quoted + [UInt8(ascii: "\"")], as: UTF8.self)
    }

    var milliseconds: Int { json?["time_ms"]?.int ?? 0 }

    var time: String {
        let seconds = milliseconds / 1000
        return (0...253_402_300_799).contains(seconds) ? Console.date(seconds) : "\(seconds)"
    }

    /// The names of the call's arguments.
    var arguments: String {
        json?["arguments"]?.elements.compactMap(\.string).map(Self.word).joined(separator: ", ") ?? ""
    }

    /// The number of decisions that the entry covers.
    var count: Int { json?["count"]?.int ?? 1 }

    /// The call, e.g. `read_file(path)`.
    var call: String { "\(word("tool") ?? "no tool")(\(arguments))" }

    var agent: String {
        json?["agent"]?.string.map { AgentName.short($0, in: home) } ?? (isOfSeveral ? "several agents" : "nobody")
    }

    /// Whether it counts denials of several agents under one root grant.
    var isOfSeveral: Bool { kind == .denials && json?["agent"] == nil && json?["grant"] != nil }

    /// The chain's domain, if it is another one: its names are only that domain's word.
    var foreign: String? {
        guard let issuer = json?["issuer"], issuer["domain"]?.equals(home) != true else { return nil }
        return (issuer["domain"]?.string ?? issuer["iss"]?.string ?? "an unknown issuer").printable
    }

    /// A name in the chain's root, followed by the domain that vouches for it if that is another one.
    func said(_ name: String) -> String? { said(name, text) }

    private func said(_ name: String, _ text: (String) -> String?) -> String? {
        text(name).map { text in foreign.map { "\(text) (as \($0) says)" } ?? text }
    }

    /// The entry on one line: number, time, event.
    var summary: PrintableText {
        let head: PrintableText = "\(index)  \(time)  "
        let principal =
            (said("principal", word).map { "  for \($0)" } ?? "") + (foreign.map { "  foreign: \($0)" } ?? "")
        switch kind {
        case .permit:
            return head + Console.coloured("permitted", .green) + "  \(decisionName)  \(agent)  \(call)\(principal)"
        case .deny:
            let why = [text("reason"), word("argument")].compactMap { $0 }.joined(separator: ": ")
            return head + Console.coloured("denied   ", .red)
                + "  \(decisionName)  \(agent)  \(call)\(principal)  \(why)"
        case .denials:
            let call = word("tool").map { "\($0)(…)" } ?? "no tool"
            return head + Console.coloured("denied   ", .red)
                + "  \(decisionName)  \(agent)  \(count) times, first \(call)\(principal)  \(text("reason") ?? "")"
        case .outcome:
            return head + "outcome    \(decisionName)  \(word("outcome") ?? "")"
        case .event:
            let version: String = json?["policy"]?["version"]?.int.map { "version \($0)" } ?? ""
            let about: String =
                json?["agent"]?.string.map { AgentName.short($0, in: home) } ?? text("key") ?? text("profile")
                ?? version
            let whose = text("provider").map { "  \($0)" } ?? ""
            let step = json?["approval"]?["state"]?.string.map { "  \($0.printable)" } ?? ""
            let why = whose + step + (text("reason").map { "  \($0)" } ?? "")
            return head + "event      \(text("event") ?? "")  \(about)\(principal)\(why)"
        case .gap:
            return head + Console.coloured("gap", .red) + "        \(text("kind") ?? "")  \(text("segment") ?? "")"
        case .unknown:
            return head + "unknown    \(String(decoding: line.prefix(200), as: UTF8.self))"
        }
    }

    /// The ID of the decision that the entry is, or is about.
    var decisionID: String? {
        switch kind {
        case .permit, .deny, .denials: json?["id"]?.string
        case .outcome, .event: json?["decision"]?.string
        case .gap, .unknown: nil
        }
    }

    private var decisionName: String { decisionID.map(DecisionName.short) ?? "none" }

    var document: JSONTree {
        [
            "index": .int(Int(clamping: index)),
            "entry": json.map { .value($0) } ?? .string(String(decoding: line, as: UTF8.self)),
        ]
    }
}

extension AuditReader {
    /// Tells on stderr which entries are not here.
    func tellElsewhere() {
        guard first > 0 || last < count else { return }
        Console.message(
            first > 0 && last == count
                ? "the first \(first) entries are archived, and not in this: read the archive apart"
                : "only entries \(first) to \(max(last, 1) - 1) are in this archive")
    }

    /// Entries in their order, each compared with the signed tree.
    func each(from: UInt64 = 0, to: UInt64? = nil, _ body: (AuditEntry) throws -> Void) throws {
        // Archived entries are read in the archive.
        var index = max(from, first)
        let end = min(to ?? count, count, last)
        while index < end {
            let lines = try entries(from: index, limit: Int(min(end - index, 256)))
            guard !lines.isEmpty else { return }
            for line in lines {
                try body(AuditEntry(index: index, line: line, of: self))
                index += 1
            }
        }
    }
}
