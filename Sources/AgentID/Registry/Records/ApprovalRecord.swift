package import StrictJSON

/// A call that waits for people's consent, or has it, or was refused it. Times in milliseconds since 1970.
package struct ApprovalRecord: Sendable, Equatable {
    /// A call that used its consent has no record any more: the audit log has one.
    package enum State: String, Sendable { case pending, approved, refused }

    @Exact package var id: String
    /// The digest of the call under its rule and policy: the very same call has the same one.
    @Exact package var call: String
    @Exact package var agent: String
    /// The task that it counts for: requests are limited for each.
    @Exact package var task: String
    package var asked: Int64
    /// When it lapses, whatever was decided.
    package var expires: Int64
    /// The question for people, as JSON; without the arguments' values.
    @Exact package var document: String
    /// The arguments as JSON, until it is decided.
    @Exact package var arguments: String?
    package var state: State
    /// The signed approvals.
    @Exact package var tokens: [String]
    @Exact package var refusedBy: String?

    package init(
        id: String, call: String, agent: String, task: String, asked: Int64, expires: Int64, document: String,
        arguments: String?, state: State = .pending, tokens: [String] = [], refusedBy: String? = nil
    ) {
        (self.id, self.call, self.agent, self.task) = (id, call, agent, task)
        (self.asked, self.expires, self.document, self.arguments) = (asked, expires, document, arguments)
        (self.state, self.tokens, self.refusedBy) = (state, tokens, refusedBy)
    }

    /// The version of the policy that asks.
    package var policy: Int64 {
        (try? JSON(parsing: document))?.root["call"]?["policy"]?.int.map { Int64($0) } ?? 0
    }

    /// The most requests of one task, of one principal, and of all.
    package static let mostOfTask = 16
    package static let mostOfPrincipal = 256
    package static let most = 1024
    /// The longest arguments that are shown to an approver, in bytes of canonical JSON.
    package static let longestArguments = 16 << 10
}
