import AgentID
import ArgumentParser
import StrictJSON

struct StatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "The directory in numbers, as OpenMetrics text or JSON.",
        discussion: """
            Agents by standing, leases that lapse soon, deliveries of hooks, entries of the audit log that wait, how full the \
            files of used proofs and of rates are. Decisions are counted from the audit log with --decisions, which reads \
            all of it. It opens no keys.
            """)
    @OptionGroup var place: AuthorityPlace
    @OptionGroup var output: Output
    @Flag(name: .long, help: "Count permits and denials by reason, from the whole audit log.") var decisions = false

    func run() throws {
        let statistics = try RegistryInspection(of: place.directory).statistics().read()
        let counted = try decisions ? DecisionCounts(of: AuditReader(authority: place.directory)) : nil
        if output.json {
            var members: JSONTree.Members = [:]
            for (name, value) in statistics.members { members[name.string ?? ""] = .value(value) }
            if let counted { members["decisions"] = counted.tree }
            return Console.data(.object(members))
        }
        Console.data(PrintableText(verbatim: OpenMetrics(statistics, counted).text))
    }
}

/// The decisions of an audit log, by outcome and reason. Denials that were only counted are in it.
struct DecisionCounts {
    private(set) var permitted = 0
    private(set) var denied: [ExactText: Int] = [:]

    init(of reader: AuditReader) throws {
        reader.tellElsewhere()
        var (permitted, denied) = (0, [ExactText: Int]())
        try Progress.showing("reading the audit log") { progress in
            var index = reader.first
            while index < reader.count {
                let lines = try reader.entries(from: index)
                guard !lines.isEmpty else { break }
                for (i, line) in lines.enumerated() {
                    let entry = AuditEntry(index: index + UInt64(i), line: line, of: reader)
                    switch entry.kind {
                    case .permit: permitted += entry.count
                    case .deny, .denials: denied[(entry.text("reason") ?? "unknown").exact, default: 0] += entry.count
                    case .outcome, .event, .gap, .unknown: break
                    }
                }
                index += UInt64(lines.count)
                progress.set(Int(clamping: index), of: Int(clamping: reader.count))
            }
        }
        (self.permitted, self.denied) = (permitted, denied)
    }

    var byReason: [(reason: String, count: Int)] {
        denied.sorted { $0.key < $1.key }.map { ($0.key.string, $0.value) }
    }

    var tree: JSONTree {
        ["permitted": .int(permitted), "denied": .members(byReason.map { ($0.reason, .int($0.count)) })]
    }
}
