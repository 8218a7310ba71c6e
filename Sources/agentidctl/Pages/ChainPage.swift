import AgentID
import Scopes

/// A chain as a page: hop by hop, the holder, the authority taken away, and the lifetime. Content that was only decoded
/// is drawn dashed and says so; verified content is drawn solid and says so.
struct ChainPage {
    let links: [ChainLink]
    let verdict: ChainVerdict
    /// In seconds since 1970.
    let now: Int

    /// The last hop that is still indented further.
    private static let deepest = 5

    private var leaf: ChainLink? { links.last }
    private var leafName: String {
        leaf?.agent.map { AgentName.abbreviated($0, in: verdict.home) } ?? "a holder without a name"
    }

    func write() throws {
        try Page.write(
            title: "Chain of \(leafName, most: 64)",
            header: """
                <p class="eyebrow">Chain of grants</p>
                <h1>\(name: leafName, most: 64)</h1>
                \(verdictBox)
                """,
            footer: """
                Written by agentidctl \(Version.text) at \(HTML.time(now)); “now” is then. A page shows, it does \
                not decide: a guard does, at each call.
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
        let (title, text): (HTML, HTML)
        switch verdict {
        case .decoded:
            title = "Decoded, not verified"
            text = """
                Anybody can write a chain that says this: no signature, expiry or revocation was checked. Verify it \
                with <code>agentidctl inspect --html --authority DIR</code>, or with <code>--bundle FILE \
                --trust-domain DOMAIN</code>.
                """
        case .verified(let registry, let issuer):
            title = "Verified"
            let unknown: HTML = registry ? "" : " Revocations and leases are not known to a bundle."
            text = """
                Signatures, links, narrowing\(registry ? ", expiry, revocations and leases" : " and expiry") held at \
                \(HTML.time(now)).\(unknown)\(foreign(issuer)) Who presents it has still to prove each call.
                """
        case .denied(let denial):
            title = "Denied: <code>\(denial.reason.rawValue)</code>"
            text = """
                \(name: denial.message, most: 400)\(denial.place.isEmpty ? "" : " (\(denial.place))"). \
                What follows is decoded, not verified.
                """
        }
        let mark = Mark(verdict)
        return """
            <section class="verdict \(mark.style)" aria-labelledby="verdict">\
            <h2 id="verdict">\(HTML.sign(mark.sign))\(title)</h2><p>\(text)</p></section>
            """
    }

    private func foreign(_ issuer: ChainIssuer) -> HTML {
        guard issuer.isForeign else { return "" }
        return " It is foreign, of \(name: issuer.name, most: 300): whom it names, it names by that domain’s word."
    }

    /// The mark of a chain or a hop: a style, and a sign next to its word.
    private struct Mark {
        let style: String
        let sign: String

        init(_ verdict: ChainVerdict) {
            switch verdict {
            case .decoded: (style, sign) = ("decoded", "◌")
            case .verified: (style, sign) = ("verified", "✓")
            case .denied: (style, sign) = ("denied", "✕")
            }
        }
    }

    private var summary: HTML {
        let root = links.first
        let (had, has) = (root?.scope?.tools.count, leaf?.scope?.tools.count)
        var facts: [HTML] = []
        if let principal = root?.text("principal") {
            facts.append(.fact("For", "\(name: verdict.says(principal), most: 400)"))
        }
        if let task = root?.text("task") { facts.append(.fact("Task", "\(name: task, most: 120)")) }
        if let had, let has { facts.append(.fact("Tools at the end", links.count > 1 ? "\(has) of \(had)" : "\(has)")) }
        facts.append(.fact("Hops", "\(max(links.count - 1, 0))"))
        if let end = leaf?.expires { facts.append(.fact("Ends", "\(left(until: end))")) }
        return "<dl class=\"summary\">\(facts)</dl>\n"
    }

    // MARK: A hop

    private func hop(_ link: ChainLink, at i: Int, _ bar: ExpiryBar?) -> HTML {
        let name = link.agent.map { AgentName.abbreviated($0, in: verdict.home) } ?? "a holder without a name"
        let mark = mark(at: i)
        return """
            <article class="hop \(mark.style)" aria-labelledby="hop-\(i)">
            <header><div><p class="eyebrow">\(i == 0 ? "Root grant" : "Hop \(i)" as HTML)</p>
            <h3 id="hop-\(i)">\(name: name, most: 64)</h3></div>\(badge(mark))</header>
            \(facts(of: link))
            \(lifetime(of: link, bar))
            \(scope(of: link, at: i))
            \(identifiers(of: link))
            </article>

            """
    }

    /// A denial marks the hop at fault; nothing more is known of the other hops than what they say.
    private func mark(at i: Int) -> Mark {
        if case .denied(let denial) = verdict, denial.link != i { return Mark(.decoded) }
        return Mark(verdict)
    }

    private func badge(_ mark: Mark) -> HTML {
        let word = mark.style == "denied" ? "denied here" : mark.style
        return "<span class=\"badge \(mark.style)\">\(HTML.sign(mark.sign))\(word)</span>"
    }

    private func facts(of link: ChainLink) -> HTML {
        var facts: [HTML] = []
        if let issuer = link.issuer { facts.append(.fact("Issuer", .whole(issuer))) }
        facts += link.context.map { name, text in
            let text = (name.isSame(as: "principal") || name.isSame(as: "owner")) ? verdict.says(text) : text
            return HTML.fact(Self.title(name), .whole(text))
        }
        let depth = link.depth.map { "depth \($0)" } ?? "depth not said"
        facts.append(.fact("Delegation", "\(depth), at most \(link.maxDepth.map { "\($0)" } ?? "not said")"))
        for (name, text) in link.limits {
            facts.append(.fact("Limit", "\(name: name, most: 64): \(name: text, most: 400)"))
        }
        if !link.labels.isEmpty { facts.append(.fact("Labels", .whole(link.labels.joined(separator: ", ")))) }
        return "<dl class=\"facts\">\(facts)</dl>"
    }

    private static func title(_ name: String) -> String {
        switch name {
        case "principal": "For"
        case "task": "Task"
        case "intent": "Intent"
        case "owner": "Owner"
        case "profile": "Profile"
        default: name
        }
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
        \(HTML.fact("Agent", .whole(link.agent ?? "not said")))
        \(HTML.fact("Grant", .whole(link.grant ?? "not said")))
        \(link.issued.map { HTML.fact("Issued", .time($0)) } ?? "")
        \(HTML.fact("Size", "\(link.size) bytes"))
        </dl></details>
        """
    }

    // MARK: Its scope

    private func scope(of link: ChainLink, at i: Int) -> HTML {
        let title: HTML = "<h4>\(i == 0 ? "May" : "May, and what was taken away")</h4>"
        switch link.may {
        case .nothing: return "\(title)<p>Nothing: it has no tools.</p>"
        case .unknown(let json): return "\(title)<p>What this version does not know:</p><div>\(HTML.whole(json))</div>"
        case .scope:
            let note: HTML =
                i > 0 && links[i - 1].scope == nil ? "<p>Not compared: its parent’s scope cannot be read.</p>" : ""
            let wider: HTML =
                link.expansion.map {
                    """
                    <p class="wider"><strong>\(HTML.sign("✕"))Wider than its parent, a guard denies this:</strong> \
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
            <li class="\(style)"><p class="tool"><span class="fate">\(HTML.sign(sign))\(word)</span> \
            \(change.fate == .dropped ? "<del>\(name)</del>" as HTML : name)</p>\(open)\(closed)\
            \(list.isEmpty ? "" : "<dl>\(list)</dl>" as HTML)</li>

            """
    }

    private func argument(of change: ToolChange, _ argument: ToolChange.Argument) -> HTML {
        func said(_ text: String?) -> HTML { text.map { HTML.whole($0) } ?? "not named" }
        let text: HTML
        if change.fate == .dropped || !argument.isChanged || change.wasOpen || argument.before == nil {
            text = said(argument.after ?? argument.before)
        } else {
            text = """
                <del><span class="vh">before: </span>\(said(argument.before))</del> \
                <span class="arrow" aria-hidden="true">→</span> \
                <ins><span class="vh">after: </span>\(said(argument.after))</ins>
                """
        }
        return "<div><dt><code>\(name: argument.name, most: 80)</code></dt><dd>\(text)</dd></div>"
    }
}
