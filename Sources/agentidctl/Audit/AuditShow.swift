import AgentID
import ArgumentParser
import Scopes
import StrictJSON

extension AuditCommand {
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show one entry; of a decision who, for whom, why, by which rule, and how it went.",
            discussion: """
                A decision goes by its ID, or by its short name as `agentidctl audit tail` shows it. The log has no \
                argument values; with --arguments it is said whether these were the ones, exit 0 or 1.
                """)
        @OptionGroup var options: AuditLogOptions
        @OptionGroup var output: Output
        @Argument(help: "The entry's index, or the decision.") var entry: String
        @ArgumentParser.Option(
            name: .long, help: .init("A JSON object: whether these were the arguments.", valueName: "json"))
        var arguments: String?
        @ArgumentParser.Option(
            name: .long,
            help: .init(
                "Of which authority this is the archive: for its grants' scopes, and to compare arguments.",
                valueName: "directory"))
        var archiveOf: String?

        func run() throws {
            let reader = try options.open()
            let entry = try find(in: reader)
            let isThese = try arguments.map { try match($0, entry, in: reader) }
            // Reading compared the entry with the tree; the proof is for showing to somebody else.
            let proof = try reader.proof(of: entry.index)
            var outcome: String?
            if entry.kind == .permit || entry.kind == .deny, let id = entry.decisionID {
                outcome = try reader.find(decision: id).read()["outcome"]?.string
            }
            if output.json {
                var members: JSONTree.Members = [
                    "index": .int(Int(clamping: entry.index)),
                    "entry": entry.json.map { .value($0) } ?? .string(String(decoding: entry.line, as: UTF8.self)),
                    "outcome": outcome.map { .string($0) } ?? .null, "proof": proof,
                ]
                if let foreign = entry.foreign { members["foreign"] = .string(foreign) }
                if let isThese { members["arguments_match"] = .bool(isThese) }
                Console.data(.object(members))
            } else {
                AuditPage(
                    entry: entry, outcome: outcome, isThese: isThese, reader: reader,
                    home: archiveOf ?? options.authority
                ).show()
            }
            if isThese == false { throw ExitCode(1) }
        }

        private func find(in reader: AuditReader) throws -> AuditEntry {
            if entry.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let index = UInt64(entry) {
                return AuditEntry(index: index, line: try reader.entry(at: index), of: reader)
            }
            let id = try DecisionName.resolve(entry, in: reader)
            let index = try Progress.showing("looking for the decision") { _ in
                try reader.find(decision: id).read()["index"]?.int ?? 0
            }
            return AuditEntry(index: UInt64(index), line: try reader.entry(at: UInt64(index)), of: reader)
        }

        private func match(_ arguments: String, _ entry: AuditEntry, in reader: AuditReader) throws -> Bool {
            let json: JSON.Value
            do { json = try JSON(parsing: arguments).root } catch { throw Fault("--arguments: \(error)") }
            guard reader.last == reader.count || archiveOf != nil else {
                throw Fault("--arguments: an archive has no key to compare them: name its authority with --archive-of")
            }
            guard let digest = entry.json?["digest"]?.string else {
                throw Fault("entry \(entry.index) has no digest of arguments")
            }
            return try AuditReader.digest(of: json, authority: archiveOf ?? options.authority).isSame(as: digest)
        }
    }
}

/// Everything known about an entry, on one screen.
private struct AuditPage {
    let entry: AuditEntry
    let outcome: String?
    let isThese: Bool?
    let reader: AuditReader
    /// The authority's directory.
    let home: String

    func show() {
        switch entry.kind {
        case .permit, .deny: showDecision()
        case .denials, .outcome, .event, .gap, .unknown:
            Console.data(entry.summary)
            for (name, value) in entry.json?.members.map({ ($0.name.string ?? "", $0.value) }) ?? [] {
                line(name, PrintableText(.value(value)))
            }
        }
        line("in the tree", "entry \(entry.index) of \(reader.count), compared with the checkpoint signed by")
        line("", "\(reader.key)")
    }

    private func showDecision() {
        let isPermitted = entry.kind == .permit
        let verdict = isPermitted ? Console.coloured("permitted", .green) : Console.coloured("denied", .red)
        Console.data("\(verdict): \(entry.call)")
        line("time", "\(entry.time)\(entry.text("guard").map { ", by guard \($0)" } ?? "")")
        line("decision", "\(entry.text("id") ?? "")")
        if let foreign = entry.foreign {
            let key = entry.json?["issuer"]?["key"]?.string ?? "unknown"
            line(
                "foreign",
                Console.coloured("\(foreign)", .red) + ", whose key \(key) signed the root: its names are its word")
        }
        line("for", "\(entry.said("principal") ?? "nobody who is named")")
        line("intent", "\(entry.text("intent") ?? "not said")")
        line("task", "\(entry.text("task") ?? "not said")")
        line("profile", "\(entry.said("profile") ?? "none"), owned by \(entry.said("owner") ?? "nobody")")
        showChain()
        if isPermitted {
            line("rule", "every grant of the chain permits it")
        } else {
            let link = entry.json?["link"]?.int.map { ", grant \($0) of the chain" } ?? ""
            let argument = entry.text("argument").map { ", argument \($0)" } ?? ""
            line("rule", "\(entry.text("reason") ?? "no reason")\(link)\(argument)")
            line("", "\(entry.text("message") ?? "")\(entry.text("place").map { " (\($0))" } ?? "")")
        }
        showStop()
        for (name, what) in entry.json?["cut"]?.members.map({ ($0.name.string ?? "", $0.value) }) ?? [] {
            line("cut", "\(name): \(JSONTree.value(what).text)")
        }
        line("registry", "as of its change \(entry.json?["sequence"]?.int ?? 0)")
        // What is reported later is in a later archive, or in the log.
        let among = reader.last < reader.count ? reader.among : ""
        line(
            "outcome",
            outcome.map { PrintableText($0) } ?? (isPermitted ? "not reported\(among)" : "none: it was denied"))
        if let isThese {
            line(
                "arguments",
                isThese
                    ? Console.coloured("these were the arguments", .green)
                    : Console.coloured("these were NOT the arguments", .red))
        }
    }

    /// The fate of the agent, where a rule stopped it.
    private func showStop() {
        guard let stop = entry.json?["stop"] else { return }
        let what = "\(stop["then"]?.string ?? ""), by the rule \(stop["rule"]?.string ?? "")"
        let isPending = stop["pending"] != nil
        line(
            "stopped",
            stop["observed"] != nil
                ? "nobody, as the rule is observed: \(what)"
                : Console.coloured(PrintableText(what), .red) + (isPending ? " (not written down yet)" : ""))
        for one in stop["stopped"]?.elements.map({ $0 }) ?? [] {
            line("", "\(AgentName.short(one.string ?? "", in: entry.home))")
        }
    }

    /// The grants, root first, each with the tool's scope in it, if the registry has this very grant.
    private func showChain() {
        let inspection = try? RegistryInspection(of: home)
        for (i, link) in (entry.json?["chain"]?.elements.map { $0 } ?? []).enumerated() {
            let indent = i == 0 ? "" : String(repeating: "   ", count: i - 1) + "└─ "
            let holder =
                link["agent"]?.string.map { AgentName.short($0, in: entry.home) }
                ?? "key \(link["key"]?.string ?? "unknown")"
            line(i == 0 ? "chain" : "", "\(indent)\(holder), grant \(link["jti"]?.string ?? "")")
            let below = String(repeating: "   ", count: i)
            line("", "\(below)\(Console.coloured(PrintableText(permits(link, inspection)), .dim))")
        }
    }

    /// The scope of a grant. Its issuer chooses the `jti`, so only the token's hash tells which grant it was.
    private func permits(_ link: JSON.Value, _ inspection: RegistryInspection?) -> String {
        let found = LoggedGrant(link).flatMap { grant in try? inspection?.find(grant) } ?? .unknown
        switch found {
        case .scope(let scope): return permits(scope)
        case .another:
            return "the registry has another grant of this jti: what this one permits is not known here"
        case .unknown:
            let place = entry.foreign.map { "a grant of \($0)" } ?? "not in the registry"
            return "\(place): what it permits is not known here"
        }
    }

    private func permits(_ scope: Scope) -> String {
        guard let name = entry.json?["tool"]?.string, let tool = scope[tool: name] else {
            return "permits nothing of this tool"
        }
        guard !tool.isOpen else { return "permits any arguments" }
        return tool.summaries.joined(separator: ", ")
    }

    private func line(_ name: String, _ text: PrintableText) {
        let title = name.isEmpty ? "" : "\(name):"
        Console.data("  \(title)\(String(repeating: " ", count: max(13 - title.count, 1)))\(text)")
    }
}
