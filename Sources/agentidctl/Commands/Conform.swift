import AgentID
import ArgumentParser
import StrictJSON

/// Answers the questions of a conformance runner, through the same guard that users get.
///
/// Every line gets an answer, whatever it holds: a line that cannot be read is denied, and the next one is read.
struct Conform: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Speak the conformance adapter protocol for AAT draft -02 (JSON Lines) on stdin and stdout.")
    @OptionGroup var output: Output

    func run() throws {
        var lines = LineReader(limit: 4 << 20)
        var limits = JSON.Limits(bytes: 4 << 20, depth: 256)
        // The guard decides what an argument's number is worth.
        limits.admitsInexactNumbers = true
        while let line = lines.next() {
            guard !line.bytes.isEmpty || line.isCut else { continue }
            guard !line.isCut else {
                Console.data(Verdict.unreadable("the line is longer than 4 MiB").tree(of: nil))
                continue
            }
            let question: JSON.Value
            do throws(JSON.ParseError) {
                question = try JSON(parsing: line.bytes, limits: limits).root
            } catch {
                Console.data(Verdict.unreadable("the line is not JSON: \(error)").tree(of: nil))
                continue
            }
            switch question["type"]?.string {
            case "hello":
                Console.data([
                    "type": "hello", "adapter": "libagentid", "draft": "aat-02",
                    "profiles": ["Core", "Status", "Identity", "PDP", "MCP"],
                ])
            case "bye": return
            case "evaluate": Console.data(ConformQuestion(question).answer().tree(of: question))
            default: Console.data(Verdict.unreadable("type is not hello, evaluate or bye").tree(of: question))
            }
        }
    }
}

/// The answer to one question.
struct Verdict {
    var isPermitted = false
    var reason: String?
    var explanation: String

    /// A question that cannot be asked is answered with a denial.
    static func unreadable(_ what: String) -> Verdict { Verdict(reason: "input_malformed", explanation: what) }

    func tree(of question: JSON.Value?) -> JSONTree {
        var members: JSONTree.Members = [
            "type": "result", "vector_id": .string(question?["vector_id"]?.string ?? ""),
            "decision": isPermitted ? "allow" : "deny", "reason": reason.map { .string($0) } ?? .null,
            "output": .string(explanation),
        ]
        if question?["profile"]?.equals("PDP") == true { members["authority_verified"] = .bool(isPermitted) }
        return .object(members)
    }
}
