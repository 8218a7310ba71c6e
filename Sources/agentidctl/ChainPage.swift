import AgentID
import Scopes

/// A chain as a page: hop below hop, who holds it, what was taken away, how long it lasts; what was only decoded is
/// drawn dashed and says so, what was verified is drawn solid and says so.
struct ChainPage {
    let links: [ChainLink]
    let verdict: ChainVerdict
    /// In seconds since 1970.
    let now: Int

    /// Hops beyond are not drawn further to the right.
    private static let deepest = 5

    private var leaf: ChainLink? { links.last }
    private var leafName: String { leaf?.agent.map(AgentName.abbreviated) ?? "a holder without a name" }

    func write() throws {
        try Page.write(
            title: "Chain of \(String(leafName.prefix(80)))",
            header: """
                <p class="eyebrow">Chain of grants</p>
                <h1>\(name: leafName, most: 120)</h1>
                \(verdictBox)
                """,
            footer: """
                Written by agentidctl \(Version.text) at \(HTML.time(now)); “now” is then. A page shows, it does not \
                decide: a guard does, at each call.
                """
        ) { page in
            try page.write("\(summary)<section aria-labelledby=\"hops\"><h2 id=\"hops\">Hop by hop</h2>\n")
            let bar = ExpiryBar(root: links.first, now: now)
            for (i, link) in links.enumerated() {
                try page.write("<ol class=\"\(i == 0 ? "chain" : i > Self.deepest ? "deep" : "")\"><li>\n")
                try page.write(hop(link, at: i, bar))
            }
            try page.write("\(links.map { _ in "</li></ol>" })</section>\n")
        }
    }

    // MARK: At the top

    private var verdictBox: HTML {
        switch verdict {
        case .decoded:
            """
            <section class="verdict decoded" aria-labelledby="verdict"><h2 id="verdict">\
            <span aria-hidden="true">◌ </span>Decoded, not verified</h2>
            <p>Anybody can write a chain that says this: no signature, expiry or revocation was checked. Verify it with \
            <code>agentidctl inspect --html --authority DIR</code>, or with <code>--bundle FILE --trust-domain DOMAIN</code>.\
            </p></section>
            """
        case .verified(let registry):
            """
            <section class="verdict verified" aria-labelledby="verdict"><h2 id="verdict">\
            <span aria-hidden="true">✓ </span>Verified</h2>
            <p>\(registry
                ? "Signatures, links, narrowing, expiry, revocations and leases held at " as HTML
                : "Signatures, links, narrowing and expiry held; revocations and leases are not known to a bundle. This was at ")\
            \(HTML.time(now)). Who presents it has still to prove each call.</p></section>
            """
        case .denied(let denial):
            """
            <section class="verdict denied" aria-labelledby="verdict"><h2 id="verdict">\
            <span aria-hidden="true">✕ </span>Denied: <code>\(denial.reason.rawValue)</code></h2>
            <p>\(name: denial.message, most: 400)\(denial.place.isEmpty ? "" : " (\(denial.place))" as HTML). \
            What follows is decoded, not verified.</p></section>
            """
        }
    }

    private var summary: HTML {
        let root = links.first
        let (had, has) = (root?.scope?.tools.count, leaf?.scope?.tools.count)
        var facts: [(String, HTML)] = []
        if let principal = root?.text("principal") { facts.append(("For", "\(name: principal, most: 120)")) }
        if let task = root?.text("task") { facts.append(("Task", "\(name: task, most: 120)")) }
        if let had, let has { facts.append(("Tools at the end", links.count > 1 ? "\(has) of \(had)" : "\(has)")) }
        facts.append(("Hops", "\(max(links.count - 1, 0))"))
        if let end = leaf?.expires { facts.append(("Ends", "\(left(until: end))")) }
        return "<dl class=\"summary\">\(facts.map { "<div><dt>\($0)</dt><dd>\($1)</dd></div>" as HTML })</dl>\n"
    }

    // MARK: A hop

    private func hop(_ link: ChainLink, at i: Int, _ bar: ExpiryBar?) -> HTML {
        let name = link.agent.map(AgentName.abbreviated) ?? "a holder without a name"
        return """
            <article class="hop \(style(at: i))" aria-labelledby="hop-\(i)">
            <header><div><p class="eyebrow">\(i == 0 ? "Root grant" : "Hop \(i)" as HTML)</p>
            <h3 id="hop-\(i)">\(name: name, most: 120)</h3></div>\(badge(at: i))</header>
            \(facts(of: link))
            \(lifetime(of: link, bar))
            \(scope(of: link, at: i))
            \(identifiers(of: link))
            </article>

            """
    }

    private func style(at i: Int) -> String {
        switch verdict {
        case .decoded: "decoded"
        case .verified: "verified"
        case .denied(let denial): denial.link == i ? "denied" : "decoded"
        }
    }

    private func badge(at i: Int) -> HTML {
        switch style(at: i) {
        case "verified": "<span class=\"badge verified\"><span aria-hidden=\"true\">✓ </span>verified</span>"
        case "denied": "<span class=\"badge denied\"><span aria-hidden=\"true\">✕ </span>denied here</span>"
        default: "<span class=\"badge decoded\"><span aria-hidden=\"true\">◌ </span>decoded</span>"
        }
    }

    private func facts(of link: ChainLink) -> HTML {
        var facts = link.context.map { name, text in Self.fact(Self.titles[name] ?? name, HTML.whole(text)) }
        facts.append(
            Self.fact("Delegation", "\(link.depth.map { "\($0)" } ?? "not said") of at most \(link.maxDepth ?? 0) deep"))
        for (name, amount) in link.budget {
            facts.append(Self.fact("Budget", "\(name: name, most: 120): \(name: amount, most: 120) <small>said, not enforced</small>"))
        }
        if !link.labels.isEmpty { facts.append(Self.fact("Labels", HTML.whole(link.labels.joined(separator: ", ")))) }
        return "<dl class=\"facts\">\(facts)</dl>"
    }

    private static let titles = [
        "principal": "For", "task": "Task", "intent": "Intent", "owner": "Owner", "profile": "Profile",
    ]

    private static func fact(_ title: String, _ text: HTML) -> HTML {
        "<div><dt>\(title)</dt><dd>\(text)</dd></div>"
    }

    private func lifetime(of link: ChainLink, _ bar: ExpiryBar?) -> HTML {
        guard let end = link.expires else { return "<p class=\"lifetime\">It does not say when it ends.</p>" }
        return """
            <div class="lifetime"><h4>Lifetime</h4>\(bar?.svg(of: link) ?? "")
            <p>ends \(HTML.time(end)), \(left(until: end))</p></div>
            """
    }

    private func left(until end: Int) -> String {
        let span = Console.span(since: Int64(min(now, end)), Int64(max(now, end)))
        return end > now ? "in \(span)" : "\(span) ago"
    }

    private func identifiers(of link: ChainLink) -> HTML {
        """
        <details><summary>Identifiers</summary><dl class="facts">
        \(Self.fact("Agent", HTML.whole(link.agent ?? "not said")))
        \(Self.fact("Grant", HTML.whole(link.grant ?? "not said")))
        \(link.issued.map { Self.fact("Issued", HTML.time($0)) } ?? "")
        \(Self.fact("Size", "\(link.size) bytes"))
        </dl></details>
        """
    }

    // MARK: Its scope

    private func scope(of link: ChainLink, at i: Int) -> HTML {
        let title: HTML = "<h4>\(i == 0 ? "May" : "May, and what was taken away")</h4>"
        switch link.may {
        case .nothing: return "\(title)<p>Nothing: it has no tools.</p>"
        case .unknown(let json):
            return "\(title)<p>What this version does not know: \(HTML.whole(json))</p>"
        case .scope:
            let note: HTML =
                i > 0 && links[i - 1].scope == nil ? "<p>Not compared: its parent’s scope cannot be read.</p>" : ""
            let wider: HTML =
                link.expansion.map {
                    """
                    <p class="wider"><strong><span aria-hidden="true">✕ </span>Wider than its parent, a guard denies this:</strong> \
                    \(name: "\($0)", most: 400)</p>
                    """
                } ?? ""
            return """
                <div class="scope">\(title)\(note)\(wider)<ul class="tools">
                \(link.changes.map(tool))</ul></div>
                """
        }
    }

    private func tool(_ change: ToolChange) -> HTML {
        let (style, sign, word) =
            switch change.fate {
            case .granted: ("kept", "+", "granted")
            case .kept: ("kept", "=", "kept")
            case .narrowed: ("narrowed", "◂", "narrowed")
            case .dropped: ("dropped", "−", "taken away")
            case .wider: ("wider", "✕", "wider")
            }
        let name: HTML = "<code>\(name: change.tool)</code>"
        let open: HTML =
            change.arguments.isEmpty && (change.isOpen || change.wasOpen) ? "<p class=\"any\">any arguments</p>" : ""
        let closed: HTML =
            change.wasOpen && !change.isOpen && !change.arguments.isEmpty
            ? "<p class=\"any\"><span class=\"vh\">before: </span><del>any arguments</del></p>" : ""
        let list = change.arguments.map { argument(of: change, $0) }
        return """
            <li class="\(style)"><p class="tool"><span class="fate"><span aria-hidden="true">\(sign) </span>\(word)</span> \
            \(change.fate == .dropped ? "<del>\(name)</del>" as HTML : name)</p>\(open)\(closed)\
            \(list.isEmpty ? "" : "<dl>\(list)</dl>" as HTML)</li>

            """
    }

    private func argument(of change: ToolChange, _ argument: ToolChange.Argument) -> HTML {
        func said(_ text: String?) -> HTML { text.map { HTML.whole($0) } ?? "not named" }
        let text: HTML
        if change.fate == .dropped || !argument.isChanged || (change.wasOpen || argument.before == nil) {
            text = said(argument.after ?? argument.before)
        } else {
            text = """
                <del><span class="vh">before: </span>\(said(argument.before))</del> <span class="arrow" aria-hidden="true">→</span> \
                <ins><span class="vh">after: </span>\(said(argument.after))</ins>
                """
        }
        return "<div><dt><code>\(name: argument.name, most: 80)</code></dt><dd>\(text)</dd></div>"
    }
}
