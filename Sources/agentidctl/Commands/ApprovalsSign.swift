import AgentID
import ArgumentParser
import JOSE
import StrictJSON

extension ApprovalsCommand {
    struct Sign: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sign the approval of a request and print it: approve --token takes it.",
            discussion:
                "On a machine without the authority, the request is what approvals show --json printed: --shown FILE.")
        @ArgumentParser.Option(
            name: .customLong("authority"),
            help: .init(
                "The directory the authority is kept in. Without it, and without --shown, what AGENTID_AUTHORITY names.",
                valueName: "authority"))
        var named: String?
        @ArgumentParser.Option(name: .long, help: "A file with the passphrase of its keys; - is stdin.")
        var passphraseFile: String?
        @OptionGroup var output: Output
        @OptionGroup var signing: ApproverKey
        @ArgumentParser.Option(
            name: .long, help: "A file with the request as approvals show --json prints it; - is stdin.")
        var shown: String?
        @Argument(help: "The request's ID.") var request: String?

        private var authority: String? { named ?? (shown == nil ? AuthorityPlace.ofEnvironment : nil) }

        func validate() throws {
            guard signing.isGiven else { throw ValidationError("give --as and --key") }
            guard (request == nil) != (shown == nil) else {
                throw ValidationError("give the request's ID, or --shown, a file with the request")
            }
            guard (authority == nil) != (shown == nil) else {
                throw ValidationError("give --authority or set AGENTID_AUTHORITY, or give --shown alone")
            }
            if let authority { try Owner.work(on: authority) }
        }

        func run() throws {
            let (name, key) = try signing.read()
            let token: String
            if let shown {
                let request = try ShownRequest(Console.read(shown), from: shown)
                guard !request.keys.contains(where: { $0.isSame(as: key.publicKey.thumbprint) }) else {
                    throw Fault(
                        "\(name)'s key holds a link of the call's chain: somebody else must approve it", code: "state",
                        reason: "approver_is_agent", path: shown)
                }
                token = try ApprovalRequest.token(
                    over: request.call, by: name, with: key, at: Console.now * 1000, until: request.expires)
                Console.message(PrintableText("signed for \(name): ") + request.summary)
            } else {
                let authority = try Authority.openToRead(
                    authority ?? "", passphrase: passphraseFile.map(Console.passphrase))
                token = try authority.approvalToken(for: authority.approval(request ?? ""), by: name, with: key)
            }
            if output.json { return Console.data(["token": .string(token)]) }
            Console.evidence(token + "\n")
        }
    }
}

/// A request as it was shown on another machine.
private struct ShownRequest {
    /// The part that is signed.
    let call: JSONTree
    /// In milliseconds since 1970.
    let expires: Int64
    /// The thumbprints of the keys that hold the chain's links.
    let keys: [String]
    let summary: PrintableText

    init(_ bytes: [UInt8], from file: String) throws {
        func refuse(_ why: String) -> Fault {
            Fault("\(file): \(why)", code: "malformed", reason: "request", path: file)
        }
        guard let shown = try? JSON(parsing: bytes).root, let call = shown["call"], let tool = call["tool"]?.string,
            let rule = call["rule"]?.string, let digest = call["arguments"]?.string, let arguments = shown["arguments"],
            let expires = call["expires"]?.int, (0..<253_402_300_800_000).contains(expires)
        else { throw refuse("this is not a request as approvals show --json prints it") }
        if let state = shown["state"]?.string, !state.isSame(as: "pending") {
            throw refuse("this request was \(state): nothing is to be signed")
        }
        // The signer has read the arguments: the digest that is signed, and labels that are to go, must be theirs.
        var canonical: [UInt8] = []
        arguments.appendCanonical(to: &canonical)
        guard digest.isSame(as: Base64URL.encode(Sodium.sha256(canonical.span))),
            call["declassifies"].map({ JSONTree.value($0).text }).isSame(
                as: arguments["labels"].map { JSONTree.value($0).text })
                || call["declassifies"] == nil
        else { throw refuse("the call that is to be signed has other arguments than are shown") }
        self.call = .value(call)
        self.expires = Int64(expires)
        keys = shown["keys"]?.elements.compactMap(\.string) ?? []
        summary =
            PrintableText("\(tool) ") + PrintableText(JSONTree.value(arguments))
            + PrintableText(", which the rule \(rule) asks about, of \(call["agent"]?.string ?? "nobody")")
    }
}
