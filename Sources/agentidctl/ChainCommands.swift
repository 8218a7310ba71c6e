import AgentID
import ArgumentParser
import JOSE

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show what a chain says, decoded and NOT verified.")
    @Argument(help: "A file with the chain; - is stdin.") var chain: String
    @Flag(name: .long, help: "As JSON.") var json = false

    func run() throws {
        let tree = try ChainDecoder.decode(Console.line(try Console.read(chain)))
        if json { return Console.data(tree.text) }
        Console.data("DECODED, NOT VERIFIED")
        let links = try JSON(parsing: tree.canonical()).root["links"]
        for (i, link) in (links.map { Array($0.elements) } ?? []).enumerated() {
            let claims = link["claims"]
            let claim = claims?["urn:agentid:1"]
            let indent = String(repeating: "   ", count: i)
            Console.data(indent + (i == 0 ? "" : "└─ ") + Console.safe(claim?["agent"]?.string ?? "a holder without a name"))
            for name in ["principal", "task", "owner"] {
                if let text = claim?[name]?.string { Console.data("\(indent)     \(name): \(Console.safe(text))") }
            }
            Console.data("\(indent)     expires: \(claims?["exp"]?.int ?? 0)  grant: \(Console.safe(claims?["jti"]?.string ?? "?"))")
            for entry in claims?["authorization_details"]?.elements ?? links?["none"]?.elements ?? link.elements {
                if let tools = entry["tools"] { Console.data("\(indent)     tools: \(Console.safe(JSONTree.value(tools).text))") }
            }
        }
    }
}

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Verify a chain, and a call where --tool is given: exit 0 permitted, 10 denied.")
    @ArgumentParser.Option(name: .long, help: "Verify against the authority in this directory.") var authority: String
    @ArgumentParser.Option(name: .long, help: "The guard's own name; without it proofs for nobody are accepted.") var audience: String?
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
            chain: bytes, proof: try proof.map { Console.line(try Console.read($0)) } ?? [], tool: tool, arguments: Array(arguments.utf8))
        Console.data(json ? decision.document.text : Console.safe(decision.explanation))
        if !decision.isPermitted { throw ExitCode(10) }
    }
}
