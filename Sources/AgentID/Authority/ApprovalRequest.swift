public import StrictJSON

/// A call that waits for people's consent, or was decided by them and not made yet.
public struct ApprovalRequest: Sendable {
    /// The state of a request.
    public enum State: String, Sendable {
        /// It waits, for more approvals where a rule wants several.
        case pending
        /// It may be made, once.
        case approved
        /// Somebody refused it.
        case refused
    }

    let record: ApprovalRecord
    private let asked: JSON.Value?

    init(_ record: ApprovalRecord) {
        self.record = record
        asked = (try? JSON(parsing: record.document))?.root
    }

    /// Names it: `decision.approval` of the denied call.
    public var id: String { record.id }
    /// Whether it waits, or was decided.
    public var state: State { State(record.state) }

    /// The agent that asked, by its ID.
    public var agent: String { record.agent }
    /// The tool.
    public var tool: String { asked?["call"]?["tool"]?.string ?? "" }
    /// The rule that wants it.
    public var rule: String { asked?["call"]?["rule"]?.string ?? "" }
    /// The arguments, as JSON in canonical form; `nil` once it is decided.
    public var arguments: String? { record.arguments }
    /// When it lapses, in milliseconds since 1970.
    public var expires: Int64 { record.expires }
    /// Those who have approved it, by their tokens' own word, which was verified when they came.
    public var approvedBy: [String] { record.tokens.map(ApprovalToken.claimedApprover) }

    /// The part that an approver signs: the member `call` of the token.
    var call: JSONTree { asked?["call"].map { .value($0) } ?? .null }
    /// The IDs of the call's agents, root first.
    var chain: [String] { asked?["call"]?["chain"]?.elements.compactMap(\.string) ?? [] }
    /// The thumbprints of the keys that hold the chain's links; empty where an earlier version asked.
    var keys: [String] { asked?["keys"]?.elements.compactMap(\.string) ?? [] }
    /// Those whom the rule names.
    var approvers: [String] { asked?["of"]?.elements.compactMap(\.string) ?? [] }
    var policy: Int64 { asked?["call"]?["policy"]?.int.map { Int64($0) } ?? 0 }

    /// All that an approver is shown: `docs/schemas/approval.json`.
    public var document: JSONTree {
        var members: JSONTree.Members = [
            "id": .string(id), "state": .string(record.state.rawValue), "asked_ms": .int(Int(record.asked)),
            "expires_ms": .int(Int(expires)),
            "arguments": arguments.flatMap { try? JSON(parsing: $0) }.map { .value($0.root) } ?? .null,
            "approved_by": .array(approvedBy.map { .string($0) }),
            "refused_by": record.refusedBy.map { .string($0) } ?? .null, "keys": [],
        ]
        if let asked { for (name, value) in asked.members { members[name.string ?? ""] = .value(value) } }
        return .object(members)
    }
}

extension ApprovalRequest {
    /// The consent of one person to what was asked, for one who has no authority. Times in milliseconds since 1970.
    package static func token(
        over call: JSONTree, by approver: String, with signer: any Signer, at now: Int64, until expires: Int64
    ) throws(AgentIDError) -> String {
        try ApprovalToken.make(over: call, by: approver, with: signer, at: now, until: expires)
    }
}

extension ApprovalRequest.State {
    init(_ state: ApprovalRecord.State) {
        self =
            switch state {
            case .pending: .pending
            case .approved: .approved
            case .refused: .refused
            }
    }
}
