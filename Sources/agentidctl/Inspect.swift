import AgentID
import ArgumentParser
import JOSE
import Scopes

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a chain says as a tree, decoded and NOT verified.")
    @OptionGroup var output: Output
    @Argument(help: "A file with the chain, or an agent's directory; - is stdin.") var chain: String

    func run() throws {
        let tree = try ChainDecoder.decode(Console.line(try Console.read(ChainFile.path(chain))))
        if output.json { return Console.data(tree) }
        Console.data(Console.coloured("DECODED, NOT VERIFIED: never decide by this, see agentidctl verify", .red))
        let root = try JSON(parsing: tree.canonical(), limits: .init(bytes: 4 << 20)).root
        var parent: Scope?
        for (i, link) in (root["links"]?.elements ?? root.elements).enumerated() {
            guard let claims = link["claims"] else { continue }
            parent = draw(claims, size: link["size"]?.int ?? 0, depth: i, below: parent)
        }
    }

    /// Draws one link, and returns its scope for the next.
    private func draw(_ claims: JSON.Value, size: Int, depth: Int, below parent: Scope?) -> Scope? {
        let indent = String(repeating: "   ", count: depth)
        func line(_ text: String) { Console.data("\(indent)   \(depth == 0 ? "" : "   ")\(text)") }
        let claim = claims["urn:agentid:1"]
        let name = Console.safeLine(claim?["agent"]?.string ?? "a holder without a name")
        Console.data(indent + (depth == 0 ? "" : "└─ ") + Console.coloured(name, .bold))
        for name in ["principal", "task", "intent", "owner"] {
            if let text = claim?[name]?.string { line("\(name): \(Console.safeLine(text))") }
        }
        line("grant: \(Console.safeLine(claims["jti"]?.string ?? "none")), \(size) bytes")
        line("expires: \(claims["exp"]?.int.map(Console.time) ?? "never said")")
        line("delegation: \(claims["del_depth"]?.int ?? -1) of at most \(claims["del_max_depth"]?.int ?? -1)")
        guard let tools = claims["authorization_details"]?.elements.lazy.compactMap({ $0["tools"] }).first else {
            line("may: nothing")
            return nil
        }
        guard let scope = try? Scope(parsing: tools) else {
            line("may: what this version does not know: \(Console.safeLine(JSONTree.value(tools).text))")
            return nil
        }
        for (i, words) in scope.summary.split(separator: "\n").enumerated() {
            line((i == 0 ? "may: " : "     ") + Console.safeLine(String(words)))
        }
        if let parent { for loss in losses(from: parent, to: scope) { line(Console.coloured(loss, .dim)) } }
        return scope
    }

    /// What a hop took away, tool by tool; and what it seems to add, which a guard would deny.
    private func losses(from parent: Scope, to child: Scope) -> [String] {
        var losses: [String] = []
        for tool in parent.tools {
            let name = Console.safeLine(tool.name)
            guard let kept = child[tool: tool.name] else {
                losses.append("took away: \(name)")
                continue
            }
            if kept.isOpen != tool.isOpen { losses.append("closed: \(name)") }
            for (argument, constraint) in tool.arguments {
                guard let own = kept.arguments.first(where: { $0.name == argument }), own.constraint != constraint
                else {
                    continue
                }
                losses.append("narrowed: \(name).\(Console.safeLine(argument))")
            }
        }
        if let expansion = parent.expansion(by: child) { losses.append("WIDER, a guard denies this: \(expansion)") }
        return losses
    }
}

/// Where a chain is read from: a file, stdin, or the `chain` of an agent's directory.
enum ChainFile {
    static func path(_ argument: String) -> String {
        AgentDirectory(path: argument).isDirectory ? "\(argument)/chain" : argument
    }
}
