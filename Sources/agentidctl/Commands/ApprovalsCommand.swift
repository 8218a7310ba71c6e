import AgentID
import ArgumentParser
import JOSE
import StrictJSON

struct ApprovalsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approvals", abstract: "Calls that wait for people's consent.",
        discussion: """
            A rule of the policy asks (docs/approvals.md); the approvers that it names decide, each with a key of their own. \
            An approval is over exactly one call, and good once.
            """,
        subcommands: [List.self, Show.self, Approve.self, Refuse.self, Sign.self, Key.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List what waits or was decided and not called yet, oldest first.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: PageOutput

        func run() throws {
            let authority = try options.open(onlyToRead: true)
            let requests = try authority.approvals()
            if output.json { return Console.data(.array(requests.map(\.document))) }
            if output.html {
                let page = ApprovalsPage(
                    requests: try requests.map { try ApprovalSummary($0) }, trustDomain: authority.trustDomain.name,
                    now: Int(Console.now))
                return try page.write()
            }
            for request in requests { Console.data(try ApprovalSummary(request).text(now: Int(Console.now))) }
            if requests.isEmpty { Console.message("nothing waits for approval") }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a request: the call with its arguments, who asks for whom, and who may approve.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output
        @Argument(help: "The request's ID.") var request: String

        func run() throws {
            let request = try options.open(onlyToRead: true).approval(request)
            if output.json { return Console.data(request.document) }
            Console.data(try ApprovalSummary(request).text(now: Int(Console.now)))
        }
    }

    struct Approve: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Approve a request, with an approver's key or with a token that was signed elsewhere.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output
        @OptionGroup var signing: ApproverKey
        @ArgumentParser.Option(name: .long, help: "A file with the signed approval; - is stdin.") var token: String?
        @Argument(help: "The request's ID.") var request: String

        func validate() throws {
            guard (token == nil) == (signing.isGiven) else {
                throw ValidationError("give --as and --key, or --token")
            }
        }

        func run() throws {
            try options.withEvents { authority in
                let isApproved: Bool
                if let token {
                    let text = String(decoding: Console.line(try Console.read(token)), as: UTF8.self)
                    isApproved = try authority.approve(request, token: text)
                } else {
                    let (name, key) = try signing.read()
                    isApproved = try authority.approve(request, by: name, with: key)
                }
                if output.json { return Console.data(["approved": .bool(isApproved)]) }
                guard isApproved else { return Console.message("approved: it waits for more people") }
                let isCall = (try? authority.approval(request).document.read()["call"]?["declassifies"]) == nil
                Console.message(
                    isCall
                        ? "approved: the very same call is permitted once"
                        : "approved: agentidctl declassify --request \(request) takes the labels away")
            }
        }
    }

    struct Refuse: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Refuse a request: its call is denied until it lapses.")
        @OptionGroup var options: AuthorityOptions
        @OptionGroup var output: Output
        @ArgumentParser.Option(name: .customLong("as"), help: "Who refuses, as the policy names them.") var name: String
        @Argument(help: "The request's ID.") var request: String

        func run() throws {
            try options.withEvents { authority in
                try authority.refuse(request, by: name)
                if output.json { return Console.data(["refused": .string(request)]) }
                Console.message("refused")
            }
        }
    }

    struct Key: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Make an approver's key: the private half into a new file, the public half, for the policy, on stdout.")
        @OptionGroup var output: Output
        @Argument(help: "The file to be made.") var file: String

        func validate() throws { try Owner.work(on: file) }

        func run() throws {
            let key = try SigningKey.generate()
            let written: Result<Void, any Error> = try key.withExportedJWK { jwk in
                Result { try Console.create(file, mode: 0o600, jwk) }
            }
            try written.get()
            let x = try JSON(parsing: key.publicKey.jwk.canonical()).root["x"]?.string ?? ""
            if output.json { return Console.data(["key": .string(x), "file": .string(file)]) }
            Console.data(PrintableText(x))
        }
    }
}

/// An approver's name and key.
struct ApproverKey: ParsableArguments {
    @ArgumentParser.Option(name: .customLong("as"), help: "Who approves, as the policy names them.") var name: String?
    @ArgumentParser.Option(name: .long, help: "The file with their private key, a JWK: see approvals key.")
    var key: String?

    var isGiven: Bool { name != nil && key != nil }

    func read() throws -> (String, SigningKey) {
        guard let name, let key else { throw ValidationError("give --as and --key") }
        var bytes = try Console.read(key, limit: 4096)
        defer { Sodium.wipe(&bytes) }
        let line = Console.line(bytes)
        do { return (name, try SigningKey(jwk: line.span)) } catch {
            throw Fault("\(key): \(error)", code: "malformed", reason: error.name, path: key)
        }
    }
}

/// A request as people read it.
struct ApprovalSummary {
    let id: String
    let state: String
    let tool: String
    let arguments: String?
    let expires: Int
    /// Everything else that is to be known, by name.
    let facts: [(name: String, text: String)]

    init(_ request: ApprovalRequest) throws {
        let document = try JSON(parsing: request.document.canonical()).root
        let call = document["call"]
        func texts(_ value: JSON.Value?) -> [String] { value?.elements.compactMap(\.string) ?? [] }
        (id, state, tool, arguments) = (request.id, request.state.rawValue, request.tool, request.arguments)
        expires = Int(request.expires / 1000)
        let chain = texts(call?["chain"])
        // The names in another authority's root are its word alone.
        let issuer = call?["issuer"]?.string ?? ""
        func said(_ name: String) -> String? {
            document[name]?.string.map { issuer.isEmpty ? $0 : "\($0) (as \(issuer) says)" }
        }
        let wanted = "\(document["need"]?.int ?? 1) of \(texts(document["of"]).joined(separator: ", "))"
        let known: [(String, String?)] = [
            ("because", document["because"]?.string), ("rule", request.rule), ("agent", request.agent),
            ("chain", chain.count > 1 ? chain.joined(separator: " > ") : nil),
            ("for", said("principal")), ("task", said("task")),
            ("labels", texts(document["labels"]).isEmpty ? nil : texts(document["labels"]).joined(separator: ", ")),
            ("needs", wanted),
            ("approved by", request.approvedBy.isEmpty ? nil : request.approvedBy.joined(separator: ", ")),
            ("refused by", document["refused_by"]?.string),
        ]
        facts = known.compactMap { name, text in text.map { (name, $0) } }
    }

    func text(now: Int) -> PrintableText {
        var lines: [PrintableText] = [
            Console.coloured(PrintableText(id), .bold) + "  \(state), lapses in \(Console.span(max(expires - now, 0)))",
            "  \(tool) " + PrintableText(arguments ?? "(decided: the arguments are not kept)"),
        ]
        for (name, text) in facts { lines.append("  \(name): \(text)") }
        return lines.joined(separator: "\n")
    }
}
