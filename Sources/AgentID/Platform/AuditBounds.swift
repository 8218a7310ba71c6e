/// How long what an entry holds may be, in bytes as they came: together they fit a line, with every byte escaped.
///
/// What comes in a call is cut to these, with the length and hash of the whole beside it. What comes in a
/// chain is refused when the chain is verified: entries of many calls repeat it.
enum AuditBounds {
    /// What an entry says of a chain, as JSON: agents, grants, owner, principal, task, intent.
    static let context = 36 << 10
    /// A grant's `jti`.
    static let grantID = 256
    /// A text of a root's claim, each.
    static let claim = 8192
    /// A label, and how many.
    static let label = 256
    /// A guard's name.
    static let guardian = 256
    /// A tool's name: no scope has a longer one.
    static let tool = 256
    /// The name of an argument, with its quotes and escapes, and how many.
    static let argument = 256
    static let arguments = 64
    static let message = 512
    static let place = 256
    /// Why an agent is ended, held up or revoked.
    static let reason = 1024
    /// An event's line; what is longer is cut.
    static let event = 60_000
    /// The most bytes that one byte becomes in JSON: a control character, as `\u0001`.
    static let escaped = 6

    /// Refuses a reason that is too long to be written down as it is.
    static func check(reason: String?) throws(AgentIDError) {
        let count = reason?.utf8.count ?? 0
        guard count <= Self.reason else {
            throw AgentIDError(
                .limit, name: "reason",
                message: "a reason has at most \(Self.reason) bytes, this one \(count): shorten it",
                at: "reason")
        }
    }
}
