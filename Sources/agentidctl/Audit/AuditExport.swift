import AgentID
import ArgumentParser
import StrictJSON

extension AuditCommand {
    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print entries for other tools: as they are, as OCSF events, or as OpenTelemetry logs.",
            discussion: "A line of JSON each, compared with the signed tree. The mapping is in docs/audit.md.")
        @OptionGroup var options: AuditLogOptions
        @OptionGroup var output: Output
        @ArgumentParser.Option(
            name: .long, help: "jsonl, ocsf or otel.", completion: .list(Format.allCases.map(\.rawValue)))
        var format: Format
        @ArgumentParser.Option(
            name: .long, help: .init("The first entry's index; without it the first that is here.", valueName: "index"))
        var from: UInt64?
        @ArgumentParser.Option(
            name: .long, help: .init("The last entry's index; without it the last that is here.", valueName: "index"))
        var to: UInt64?

        enum Format: String, CaseIterable, ExpressibleByArgument { case jsonl, ocsf, otel }

        func validate() throws {
            guard from ?? 0 <= to ?? .max else { throw ValidationError("--to is before --from") }
        }

        func run() throws {
            let reader = try options.open()
            guard from ?? 0 <= reader.count, to.map({ $0 < reader.count }) ?? true else {
                let (name, index) = from ?? 0 > reader.count ? ("--from", from ?? 0) : ("--to", to ?? 0)
                let entries = Console.count(Int(clamping: reader.count), "entry", "entries")
                throw Fault("\(name): the audit log has \(entries): \(index) is not among them")
            }
            // What was asked for by its index is here, or an error.
            for index in [from, to].compactMap(\.self) where index < reader.count { _ = try reader.entry(at: index) }
            if from == nil && reader.first > 0 || to == nil && reader.last < reader.count { reader.tellElsewhere() }
            let (from, end) = (from ?? reader.first, to.map { $0 + 1 } ?? reader.last)
            guard from < end else { return }
            try Progress.showing("exporting") { progress in
                var batch: [AuditEntry] = []
                try reader.each(from: from, to: end) { entry in
                    batch.append(entry)
                    guard batch.count == 256 || entry.index + 1 == end else { return }
                    write(batch, of: reader)
                    batch = []
                    progress.set(Int(clamping: entry.index - from), of: Int(clamping: end - from))
                }
            }
        }

        private func write(_ entries: [AuditEntry], of reader: AuditReader) {
            switch format {
            case .jsonl:
                Console.evidence(entries.map { String(decoding: $0.line, as: UTF8.self) + "\n" }.joined())
            case .ocsf:
                for entry in entries { Console.data(OCSFEvent(entry, log: reader.origin).document) }
            case .otel: Console.data(OTelLogs(entries, log: reader.origin).document)
            }
        }
    }
}

extension AuditReader {
    /// The log's name in its checkpoints.
    var origin: String { key.parts(at: UInt8(ascii: "+")).first ?? "" }

    /// The trust domain whose log it is.
    var trustDomain: String { origin.parts(at: UInt8(ascii: "/")).first ?? "" }
}
