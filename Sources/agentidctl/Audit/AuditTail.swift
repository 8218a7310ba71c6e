import AgentID
import ArgumentParser
import StrictJSON

extension AuditCommand {
    struct Tail: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the latest entries, a line each; with --follow until SIGINT or SIGTERM.",
            discussion: "An entry's number, or the name of a decision, is what `agentidctl audit show` takes.")
        @OptionGroup var options: AuditLogOptions
        @OptionGroup var output: Output
        @ArgumentParser.Option(name: .short, help: .init("How many at most.", valueName: "count")) var n = 10
        @Flag(name: .long, help: "Go on with what is written from now on.") var follow = false
        @OptionGroup var filter: AuditFilter

        func validate() throws {
            guard (0...1_000_000).contains(n) else { throw ValidationError("-n is 0 to 1000000") }
        }

        func run() throws {
            let signals = follow ? EndSignals() : nil
            var reader = try options.open()
            let found = try latest(of: reader)
            if found.isEmpty, n > 0, !output.json { Console.message("no entry matches") }
            for entry in found { show(entry) }
            if found.count < n { reader.tellElsewhere() }
            tellWaiting(in: reader)
            guard let signals else { return }
            while !signals.wait(milliseconds: 250) {
                let next = try options.open()
                guard next.count != reader.count || !next.note.isSame(as: reader.note) else { continue }
                guard try next.continues(reader) else {
                    throw Fault(
                        "the audit log was put back or replaced: what was shown is not the beginning of it any more")
                }
                try next.each(from: reader.count) { if filter.selects($0) { show($0) } }
                reader = next
            }
        }

        /// The last entries that match, oldest first.
        private func latest(of reader: AuditReader) throws -> [AuditEntry] {
            var found: [AuditEntry] = []
            var end = reader.last
            try Progress.showing("reading the audit log") { progress in
                while end > reader.first, found.count < n {
                    let start = (end - 1) / 256 * 256
                    var bundle: [AuditEntry] = []
                    try reader.each(from: start, to: end) { if filter.selects($0) { bundle.append($0) } }
                    found += bundle.reversed()
                    end = start
                    progress.set(Int(clamping: reader.count - end), of: Int(clamping: reader.count))
                }
            }
            return found.prefix(n).reversed()
        }

        private func show(_ entry: AuditEntry) {
            Console.data(output.json ? PrintableText(entry.document) : entry.summary)
        }

        /// Reports on stderr the lines that are not entries yet.
        private func tellWaiting(in reader: AuditReader) {
            guard !output.json, let pending = try? reader.verifyEnd().pending, pending > 0 else { return }
            Console.message(
                "\(Console.count(pending, "line is", "lines are")) not integrated yet: "
                    + "see agentidctl audit checkpoint --integrate")
        }
    }
}

/// The filter on entries: an entry must match every option given.
struct AuditFilter: ParsableArguments {
    @ArgumentParser.Option(name: .long, help: "Only of this agent, its ID or short name, or of any below it.")
    var agent: String?
    @ArgumentParser.Option(name: .long, help: "Only on behalf of this principal.") var principal: String?
    @ArgumentParser.Option(name: .long, help: "Only of this tool.") var tool: String?
    @Flag(name: .long, help: "Only denials.") var denied = false

    func selects(_ entry: AuditEntry) -> Bool {
        if denied, entry.kind != .deny, entry.kind != .denials { return false }
        if let tool, entry.json?["tool"]?.equals(tool) != true { return false }
        if let principal, entry.json?["principal"]?.equals(principal) != true { return false }
        // A count of several agents may have this one's denials.
        guard let agent, !entry.isOfSeveral else { return true }
        let chain = entry.json?["chain"]?.elements.compactMap { $0["agent"]?.string } ?? []
        return (chain + [entry.json?["agent"]?.string].compactMap(\.self)).contains { id in
            // A short name is an agent's of this domain; other domains' agents have their domain in front.
            id.isSame(as: agent) || AgentName.short(id, in: entry.home).isSame(as: agent)
                || (agent.utf8.count >= 6 && (try? SPIFFEID(id))?.trustDomain.name.isSame(as: entry.home) == true
                    && id.parts(at: UInt8(ascii: "/")).last?.ends(exactly: agent) == true)
        }
    }
}
