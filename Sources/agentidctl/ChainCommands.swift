import AgentID
import ArgumentParser
import JOSE
import Scopes

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show what a chain says, decoded and NOT verified.")
    @Argument(help: "A file with the chain; - is stdin.") var chain: String
    @Flag(name: .long, help: "As JSON.") var json = false

    func run() throws {
        let tree = try ChainDecoder.decode(Console.line(try Console.read(chain)))
        if json { return Console.data(tree.text) }
        Console.data("DECODED, NOT VERIFIED")
        let root = try JSON(parsing: tree.canonical()).root
        guard let links = root["links"] else { return }
        for (i, link) in links.elements.enumerated() {
            guard let claims = link["claims"] else { continue }
            draw(claims, indent: String(repeating: "   ", count: i), isRoot: i == 0)
        }
    }

    private func draw(_ claims: JSON.Value, indent: String, isRoot: Bool) {
        let claim = claims["urn:agentid:1"]
        let name = claim?["agent"]?.string ?? "a holder without a name"
        Console.data(indent + (isRoot ? "" : "└─ ") + Console.safe(name))
        for name in ["principal", "task", "owner"] {
            if let text = claim?[name]?.string { Console.data("\(indent)     \(name): \(Console.safe(text))") }
        }
        Console.data(
            "\(indent)     expires: \(claims["exp"]?.int ?? 0)  grant: \(Console.safe(claims["jti"]?.string ?? "?"))")
        guard let details = claims["authorization_details"] else { return }
        for entry in details.elements {
            guard let tools = entry["tools"] else { continue }
            let text = (try? Scope(parsing: tools).text) ?? JSONTree.value(tools).text
            Console.data("\(indent)     may: \(Console.safe(text))")
        }
    }
}

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Verify a chain, and a call where --tool is given: exit 0 permitted, 10 denied.")
    @ArgumentParser.Option(name: .long, help: "Verify against the authority in this directory.") var authority: String
    @ArgumentParser.Option(name: .long, help: "The guard's own name; without it proofs for nobody are accepted.")
    var audience: String?
    @ArgumentParser.Option(name: .long, help: "The tool of the call.") var tool: String?
    @ArgumentParser.Option(name: .long, help: "The arguments of the call, a JSON object.") var arguments = "{}"
    @ArgumentParser.Option(name: .long, help: "A file with the proof of the call.") var proof: String?
    @Flag(name: .long, help: "As JSON.") var json = false
    @Argument(help: "A file with the chain; - is stdin.") var chain: String

    func run() throws {
        var options = Guard.Options()
        (options.audience, options.acceptsProofsWithoutAudience) = (audience, audience == nil)
        let guardian = try Guard.open(directory: authority, options)
        let bytes = Console.line(try Console.read(chain))
        guard let tool else {
            do { _ = try guardian.admit(chain: bytes) } catch {
                Console.data("denied: \(Console.safe("\(error)"))")
                throw ExitCode(10)
            }
            return Console.data("verified")
        }
        let decision = guardian.authorize(
            chain: bytes, proof: try proof.map { Console.line(try Console.read($0)) } ?? [], tool: tool,
            arguments: Array(arguments.utf8))
        Console.data(json ? decision.document.text : Console.safe(decision.explanation))
        if !decision.isPermitted { throw ExitCode(10) }
    }
}
