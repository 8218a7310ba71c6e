/// The longest parts of an entry, in bytes as they came: together they fit a line, even with every byte escaped.
///
/// Parts of a call are cut to these lengths, and the entry adds the length and hash of the whole. A chain with longer
/// parts is refused when it is verified: entries of many calls repeat them.
enum AuditBounds {
    /// An entry's record of a chain, as JSON: agents, grants, owner, principal, task, intent.
    static let context = 36 << 10
    /// A grant's `jti`.
    static let grantID = 256
    /// The text of one claim of a root.
    static let claim = 8192
    /// A label, and the number of labels.
    static let label = 256
    /// A guard's name.
    static let guardian = 256
    /// A tool's name; no scope has a longer one.
    static let tool = 256
    /// The name of an argument, with its quotes and escapes, and the number of names.
    static let argument = 256
    static let arguments = 64
    static let message = 512
    static let place = 256
    /// The reason for ending, suspending or revoking.
    static let reason = 1024
    /// An event's line; a longer one is cut.
    static let event = 60_000
    /// The most bytes that one byte can take in JSON: a control character, as `\u0001`.
    static let escaped = 6

    /// Refuses a reason that is too long to be recorded uncut.
    static func check(reason: String?) throws(AgentIDError) {
        let count = reason?.utf8.count ?? 0
        guard count <= Self.reason else {
            throw AgentIDError(
                .limit, name: "reason",
                message: "a reason has at most \(Self.reason) bytes, this one \(count): shorten it",
                at: "reason")
        }
    }

    /// The labels that a call's tool reports, as JSON.
    static let labels = 32 << 10

    /// Refuses labels that an outcome's entry could not hold: of control characters a few take all of its room.
    static func check(labels: [String]) throws(AgentIDError) {
        let count = JSONTree.array(labels.map { .string($0) }).canonical().count
        guard count <= Self.labels else {
            throw AgentIDError(
                .limit, name: "context",
                message: "the labels of a call have at most \(Self.labels) bytes as JSON, these \(count)", at: "labels")
        }
    }

    /// The outcome of a call.
    static let outcome = 1024

    /// Refuses an outcome that could not be recorded uncut.
    static func check(outcome: String) throws(AgentIDError) {
        guard (1...Self.outcome).contains(outcome.utf8.count) else {
            throw AgentIDError(
                .argument, name: "outcome",
                message: "an outcome has 1 to \(Self.outcome) bytes, this one \(outcome.utf8.count)", at: "outcome")
        }
    }
}
