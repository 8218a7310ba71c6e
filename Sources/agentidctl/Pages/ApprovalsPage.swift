import AgentID

/// The calls that wait for people's consent, as a page.
struct ApprovalsPage {
    let requests: [ApprovalSummary]
    let trustDomain: String
    /// In seconds since 1970.
    let now: Int

    func write() throws {
        try Page.write(
            title: "Approvals of \(trustDomain)",
            header: """
                <p class="eyebrow">Approvals</p>
                <h1>\(name: trustDomain)</h1>
                <p>As of \(HTML.time(now)): \(Console.count(requests.count, "request")).</p>
                """,
            footer:
                """
                Written by agentidctl \(Version.text) at \(HTML.time(now)); the page does not follow what changes since.
                """
        ) { page in
            try page.write("<section aria-labelledby=\"asked\"><h2 id=\"asked\">Asked, oldest first</h2>\n")
            if requests.isEmpty { try page.write("<p>Nothing waits for approval.</p>") }
            for (i, request) in requests.enumerated() { try page.write(article(request, i)) }
            try page.write("</section>\n")
        }
    }

    private func article(_ request: ApprovalSummary, _ i: Int) -> HTML {
        var facts: [HTML] = [
            .fact("State", "\(request.state)"), .fact("Lapses", HTML.time(request.expires)),
            .fact(
                "Arguments", request.arguments.map { .whole($0) } ?? "<small>decided: they are not kept</small>"),
        ]
        facts += request.facts.map { .fact($0.name, .whole($0.text)) }
        return """
            <article class="hop" aria-labelledby="request-\(i)">
            <h3 id="request-\(i)">\(name: request.tool, most: 120)</h3>
            <dl class="facts">\(.fact("Request", "<code>\(request.id)</code>"))\(facts)</dl>
            </article>

            """
    }
}
