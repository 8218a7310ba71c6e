import AgentID
import ArgumentParser
import JOSE

struct Conform: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Speak the conformance adapter protocol (JSON Lines, version 0.1) on stdin and stdout.")

    func run() throws {
        while let line = readLine() {
            let question = try JSON(parsing: line, limits: .init(bytes: 4 << 20)).root
            switch question["type"]?.string {
            case "hello":
                Console.data([
                    "type": "hello", "adapter": "libagentid", "profiles": ["Core", "Status", "Identity", "PDP", "MCP"],
                ])
            case "evaluate": Console.data(try answer(question))
            case "bye": return
            default: throw Fault("a line has no type hello, evaluate or bye")
            }
        }
    }

    /// Decides through the same guard that users get.
    private func answer(_ question: JSON.Value) throws -> JSONTree {
        guard let input = question["input"], let now = input["now"]?.int else {
            throw Fault("evaluate needs input.now")
        }
        func list(_ name: String) -> [String]? { input[name].map { $0.elements.compactMap(\.string) } }
        var options = Guard.Options()
        options.acceptsProofsWithoutAudience = true
        options.clock = CallbackClock { Int64(now) * 1000 }
        if let revoked = list("revoked_jti") {
            options.statuses = ListedStatuses(revoked: revoked, unknown: list("unknown_jti") ?? [])
        }
        if let bound = list("bound_subjects") {
            options.identities = ListedIdentities(bound: bound, unavailable: list("unavailable_subjects") ?? [])
        }
        let guardian = try Guard(options)
        guardian.trust(try input["trust_anchors"]?.elements.map { try PublicKey(jwk: $0) } ?? [])
        let decision = guardian.authorize(
            chain: Array((list("tokens") ?? []).joined(separator: "~").utf8),
            proof: Array((input["pop"]?.string ?? "").utf8),
            tool: input["tool"]?.string ?? "", arguments: input["args"]?.canonical() ?? Array("{}".utf8))
        var members: JSONTree.Members = [
            "type": "result", "vector_id": .string(question["vector_id"]?.string ?? ""),
            "decision": decision.isPermitted ? "allow" : "deny",
            "reason": decision.denial.map { .string($0.reason.rawValue) } ?? .null,
            "output": .string(decision.explanation),
        ]
        if question["profile"]?.equals("PDP") == true { members["authority_verified"] = .bool(decision.isPermitted) }
        return .object(members)
    }
}

private struct ListedStatuses: StatusResolver {
    let revoked: [String]
    let unknown: [String]

    func status(ofGrant id: String) -> GrantStatus {
        if revoked.holds(id) { return .revoked }
        return unknown.holds(id) ? .unknown : .active
    }
}

private struct ListedIdentities: IdentityResolver {
    let bound: [String]
    let unavailable: [String]

    func binding(of subject: String, toKey thumbprint: String) -> SubjectBinding {
        if unavailable.holds(subject) { return .unavailable }
        return bound.holds(subject) ? .confirmed : .mismatch
    }
}
