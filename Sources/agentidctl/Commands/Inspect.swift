import AgentID
import ArgumentParser
import Scopes
import StrictJSON

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a chain says as a tree: decoded, and NOT verified unless it is said whom to trust.",
        discussion: """
            With --authority, or --bundle and --trust-domain, the chain is verified as well: exit 0, or 10 denied. \
            Without them nothing is, and exit 0 means only that it could be read.
            """)
    @OptionGroup var trust: TrustedKeys
    @OptionGroup var output: PageOutput
    @Argument(help: "A file with the chain, or an agent's directory; - is stdin.") var chain: String

    func run() throws {
        let bytes = Console.line(try Console.read(ChainFile.path(chain)))
        let tree = try ChainDecoder.decode(bytes)
        let verdict = try ChainVerdict(of: bytes, trust)
        if output.json {
            Console.data(verdict.document(of: tree))
        } else if output.html {
            try ChainPage(links: ChainLink.list(in: tree), verdict: verdict, now: Int(Console.now)).write()
        } else {
            // Written in one piece: a chain may have thousands of lines.
            var lines = [Console.coloured("\(verdict.title)", verdict.isVerified ? .green : .red)]
            for (i, link) in try ChainLink.list(in: tree).enumerated() { draw(link, depth: i, verdict, on: &lines) }
            Console.data(lines.joined(separator: "\n"))
        }
        if case .denied = verdict { throw ExitCode(10) }
    }

    private func draw(_ link: ChainLink, depth: Int, _ verdict: ChainVerdict, on lines: inout [PrintableText]) {
        let indent = String(repeating: "   ", count: depth)
        let start = PrintableText("\(indent)   \(depth == 0 ? "" : "   ")")
        func line(_ text: PrintableText) { lines.append(start + text) }
        let name = PrintableText(link.agent ?? "a holder without a name")
        lines.append("\(indent)\(depth == 0 ? "" : "└─ ")\(Console.coloured("\(name)", .bold))")
        if let issuer = link.issuer {
            line("issuer: \(issuer)" + (isForeign(verdict) ? Console.coloured(", foreign here", .red) : ""))
        }
        for (name, text) in link.context where name != "profile" {
            line("\(name): \(name.isSame(as: "principal") || name.isSame(as: "owner") ? verdict.says(text) : text)")
        }
        line("grant: \(link.grant ?? "none"), \(link.size) bytes")
        line("expires: \(link.expires.map(Console.time) ?? "never said")")
        line("delegation: \(link.depth ?? -1) of at most \(link.maxDepth ?? -1)")
        if !link.labels.isEmpty { line("labels: \(link.labels.joined(separator: ", "))") }
        for limit in link.limits { line("limit \(limit.name): \(limit.text)") }
        switch link.may {
        case .nothing: line("may: nothing")
        case .unknown(let json): line("may: what this version does not know: \(json)")
        case .scope(let scope):
            for (i, words) in scope.summary.parts(at: 0x0A).enumerated() {
                line("\(i == 0 ? "may: " : "     ")\(words)")
            }
            for loss in losses(of: link) { line(Console.coloured("\(loss)", .dim)) }
        }
    }

    private func isForeign(_ verdict: ChainVerdict) -> Bool {
        if case .verified(_, let issuer) = verdict { issuer.isForeign } else { false }
    }

    /// The authority that a hop took away, tool by tool, and any that it seems to add, which a guard would deny.
    private func losses(of link: ChainLink) -> [String] {
        var losses: [String] = []
        for change in link.changes {
            let name = PrintableText(change.tool)
            switch change.fate {
            case .granted, .kept: continue
            case .dropped: losses.append("took away: \(name)")
            case .narrowed, .wider:
                if change.isOpen != change.wasOpen, !change.isOpen { losses.append("closed: \(name)") }
                for argument in change.arguments
                where argument.isChanged && argument.before != nil && argument.after != nil {
                    losses.append("narrowed: \(name).\(argument.name)")
                }
            }
        }
        if let expansion = link.expansion {
            losses.append("WIDER, a guard denies this: \("\(expansion)")")
        }
        return losses
    }
}

/// The source of a chain: a file, stdin, or the `chain` of an agent's directory.
enum ChainFile {
    static func path(_ argument: String) -> String {
        AgentDirectory(path: argument).isDirectory ? "\(argument)/chain" : argument
    }
}
