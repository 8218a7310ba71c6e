import AgentID
import ArgumentParser
import Scopes
import StrictJSON

extension PolicyCommand {
    struct Init: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a policy to begin with, under which the classic exfiltration is not possible.",
            discussion:
                "A task that has read what others wrote and what is private sends nothing outward any more. The tools are sorted by their names; those whose names say nothing count as all three: look at the lists, and correct them."
        )
        @ArgumentParser.Option(name: .long, help: "The directory of an authority: the tools of its profiles.")
        var authority: String?
        @ArgumentParser.Option(name: .long, help: "Only the tools of this profile; with --authority.")
        var profile: String?
        @ArgumentParser.Option(name: .long, help: "These tools, a list like `read_inbox; send_mail`.")
        var tools: String?
        @ArgumentParser.Option(name: .long, help: "The tools whose results others may have written, a rule's match.")
        var untrusted: String?
        @ArgumentParser.Option(name: .long, help: "The tools whose results are not for others, a rule's match.")
        var `private`: String?
        @ArgumentParser.Option(name: .long, help: "The tools that reach others, a rule's match.")
        var outward: String?

        func validate() throws {
            if let authority { try Owner.work(on: authority) }
            let isEachGiven = untrusted != nil && `private` != nil && outward != nil
            guard authority != nil || tools != nil || isEachGiven else {
                throw ValidationError("give --authority, or --tools, or each of --untrusted, --private and --outward")
            }
            guard profile == nil || authority != nil else { throw ValidationError("--profile goes with --authority") }
        }

        func run() throws {
            var names = try tools.map { try Scope($0).tools.map(\.name) } ?? []
            if let authority {
                var options = Authority.Options()
                (options.audit, options.mustExist) = (.none, true)
                let acme = try Authority.open(directory: authority, options: options)
                let profiles = try profile.map { [try acme.profile(named: $0)] } ?? acme.profiles()
                names += profiles.flatMap { $0.ceiling.tools.map(\.name) }
            }
            let sorted = ToolsByName(names)
            let document = sorted.policy(untrusted: untrusted, private: `private`, outward: outward)
            let check = PolicyCheck(of: document.canonical())
            guard check.isApplicable else { throw Fault(check.lines.first ?? "the lists make no policy") }
            Console.data(PrintableText(document))
            if !sorted.unclear.isEmpty {
                Console.message(
                    PrintableText(
                        lines:
                            "not clear by their names, and so in each list: \(sorted.unclear.joined(separator: ", "))"))
            }
        }
    }
}

/// Tools sorted by what the words of their names say they do.
struct ToolsByName {
    private(set) var untrusted: [String] = []
    private(set) var confidential: [String] = []
    private(set) var outward: [String] = []
    private(set) var unclear: [String] = []

    /// On the web others wrote what is read, and who asks for it tells the other side something.
    private static let web = [
        "browse", "browser", "crawl", "download", "fetch", "http", "https", "page", "scrape", "url", "visit", "web",
        "webpage", "website",
    ]
    /// Others see what these do.
    private static let acts = [
        "add", "append", "buy", "cancel", "create", "delete", "deploy", "edit", "exec", "execute", "forward", "insert",
        "invite", "merge", "move", "notify", "pay", "publish", "push", "put", "remove", "reply", "reschedule",
        "reserve",
        "run", "save", "send", "set", "submit", "transfer", "update", "upload", "write",
    ]
    /// The same, unless the name says that it reads one: `mail` sends, `read_mail` does not.
    private static let things = [
        "book", "call", "commit", "email", "mail", "message", "order", "post", "schedule", "share", "shell", "tweet",
        "wire",
    ]
    private static let reads = [
        "check", "describe", "find", "get", "inspect", "list", "load", "lookup", "open", "query", "read", "receive",
        "search", "select", "show", "view",
    ]

    init(_ names: [String]) {
        for name in names.exact.inByteOrder() {
            let words = Self.words(of: name)
            let says = { (list: [String]) in words.contains { list.holds($0) } }
            let (isWeb, isReading) = (says(Self.web), says(Self.reads))
            let isActing = says(Self.acts) || says(Self.things) && !isReading
            let isUnclear = !isWeb && !isActing && !isReading
            if isUnclear { unclear.append(name) }
            // What reads and acts does both: it brings in what it has read.
            if isWeb || isReading || isUnclear { untrusted.append(name) }
            if isReading && !isWeb || isUnclear { confidential.append(name) }
            if isWeb || isActing || isUnclear { outward.append(name) }
        }
    }

    /// The words of `sendMail`, `send-mail` and `mail.send`, in lower case of ASCII.
    private static func words(of name: String) -> [String] {
        var (words, word) = ([String](), [UInt8]())
        var wasLower = false
        for byte in name.utf8 {
            let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            let isLetter = isUpper || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            if !isLetter || isUpper && wasLower {
                if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
                word = []
            }
            if isLetter { word.append(byte | 0x20) }
            wasLower = isLetter && !isUpper
        }
        return words + (word.isEmpty ? [] : [String(decoding: word, as: UTF8.self)])
    }

    /// The document. Lists that are given stand in place of those found; an empty list has no rule.
    func policy(untrusted: String?, private: String?, outward: String?) -> JSONTree {
        let match = { (given: String?, found: [String]) in given ?? found.map(Self.spelled).joined(separator: "; ") }
        let rules: [(id: String, match: String, labels: JSONTree)] = [
            ("untrusted", match(untrusted, self.untrusted), ["adds": ["untrusted"]]),
            ("private", match(`private`, confidential), ["adds": ["private"]]),
            ("no-exfiltration", match(outward, self.outward), ["refuses": ["untrusted & private"]]),
        ]
        return [
            "version": 1, "mode": "enforce", "labels": ["untrusted", "private"],
            "rules": .array(
                rules.filter { !$0.match.isEmpty }.map {
                    ["id": .string($0.id), "match": .string($0.match), "labels": $0.labels]
                }),
        ]
    }

    /// A name as a match has it: in quotes where it needs them.
    private static func spelled(_ name: String) -> String {
        let isPlain = name.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || "_-./".utf8.contains(byte)
        }
        return isPlain ? name : JSONTree.string(name).text
    }
}
