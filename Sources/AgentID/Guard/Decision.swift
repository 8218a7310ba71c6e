internal import Scopes
public import StrictJSON

/// The answer to one call: permitted, or denied with a reason. Names of arguments, never their values.
public struct Decision: Sendable {
    /// The reason for a denial; `nil` for a permit.
    public internal(set) var denial: Denial?
    /// The tool that was asked for.
    public let tool: String
    /// The decision's ID in the audit log; empty if it has none.
    public var id: String { record?.id ?? "" }
    var record: AuditRecord?
    /// The time of the decision, in milliseconds since 1970.
    public internal(set) var time: Int64
    /// The chain it was made under; `nil` where none verified.
    var chain: VerifiedChain?
    /// The policy that it was decided by, beyond the chain, which keeps it.
    var plan: Borrowed<PolicyPlan>?
    /// The denial by a rule that is only observed.
    var wouldDeny: WouldDeny?
    /// Its reservations of budgets.
    var spending: Spending?
    /// The call and its arguments, where the guard gives secrets for what it permits.
    var call: PermittedCall?
    /// The fate of the agent, where a rule with a consequence said no.
    public internal(set) var stop: AgentStop?

    init(tool: String, time: Int64) { (self.tool, self.time) = (tool, time) }

    /// The agent that asked, by its ID; `nil` where no chain verified, or the chain's leaf names none.
    public var agent: String? { chain?.links.last?.grant.claim?.agent }
    /// On whose behalf it asked; `nil` as for ``agent``.
    public var principal: String? { chain?.links.first?.grant.claim?.principal }

    /// The authority that the chain comes from; `nil` where no chain verified.
    public var issuer: ChainIssuer? { chain?.issuer }

    /// The version of the policy that it was decided by; `nil` where there is none, or it was denied before.
    public var policy: Int64? { plan?.with { $0.named } }
    /// The rule of the policy that denied it; `nil` where none did.
    public var rule: String? { denial?.rule }
    /// The request for approval that the call waits for: people decide it, and the very same call may be tried again.
    public var approval: String? { denial?.approval }
    /// The first denial by a rule in observe mode, of a call that is permitted.
    public var observed: Denial? { wouldDeny?.denial }

    /// Whether the call may go on.
    public var isPermitted: Bool { denial == nil }

    /// The decision as a document; see `docs/schemas/decision.json`.
    public var document: JSONTree {
        let text = { (text: String?) -> JSONTree in text.map { .string($0) } ?? .null }
        var members: JSONTree.Members = [
            "decision": isPermitted ? "permit" : "deny", "tool": .string(tool), "reason": text(denial?.reason.rawValue),
            "message": text(denial?.message), "argument": text(denial?.argument), "place": text(denial?.place),
            "link": denial?.link.map { .int($0) } ?? .null,
            "issuer": chain?.issuer.tree ?? .null, "chain": .array((chain?.links ?? []).map { $0.tree }),
            "policy": policy.map { .int(Int($0)) } ?? .null, "rule": text(rule),
            "retry_after": denial?.retryAfter.map { .int(Int($0)) } ?? .null,
            "left": denial?.left?.tree ?? .null,
            "approval": text(approval),
        ]
        if let observed { members["would_deny"] = observed.observation }
        if let stop { members["stop"] = stop.tree }
        return .object(members)
    }

    /// The decision as people read it: what, who, for whom, and which constraint of which link said no. A name makes no
    /// line of its own, and shows what would not be seen, as `\u{202E}`.
    public var explanation: String {
        var lines: [PrintableText] = [isPermitted ? "permitted: \(tool)" : "denied: \(tool)"]
        if let denial {
            lines.append("  because: \(denial.message)")
            lines.append("  rule: \(denial.reason)" + (denial.place.isEmpty ? "" : " at \(denial.place)"))
        }
        if let approval { lines.append("  approval: \(approval)") }
        if let policy { lines.append("  policy: version \(policy)") }
        if let stop { lines.append("  stopped: \(stop.description)") }
        if let observed, let rule = observed.rule { lines.append("  observed: the rule \(rule) would deny it") }
        if let chain, let root = chain.links.first?.grant.claim {
            for (name, value) in [("for", root.principal), ("task", root.task), ("owner", root.owner)] {
                if let value { lines.append("  \(name): \(chain.issuer.says(value))") }
            }
        }
        if let issuer = chain?.issuer, !issuer.isOwn {
            lines.append("  \(issuer.isForeign ? "foreign" : "issuer"): \(issuer.name), key \(issuer.key)")
        }
        for (i, link) in (chain?.links ?? []).enumerated() {
            let name = link.grant.claim?.agent ?? "key \(link.holderThumbprint)"
            lines.append("  \(String(repeating: "  ", count: i))\(i == 0 ? "" : "└ ")\(name)")
        }
        return lines.joined(separator: "\n").string + "\n"
    }
}

extension BudgetRest {
    fileprivate var tree: JSONTree { ["amount": .string(amount), "unit": .string(unit)] }
}

extension VerifiedChain.Link {
    var tree: JSONTree {
        var members: JSONTree.Members = [
            "jti": .string(grant.id), "key": .string(holderThumbprint), "expires": .int(Int(grant.expires)),
        ]
        let claim = grant.claim
        for (name, value) in [
            ("agent", claim?.agent), ("owner", claim?.owner), ("principal", claim?.principal), ("task", claim?.task),
        ] {
            if let value { members[name] = .string(value) }
        }
        return .object(members)
    }
}

/// A denial by a rule in observe mode: behind a reference, as almost no decision has one.
final class WouldDeny: Sendable {
    let denial: Denial

    init(_ denial: Denial) { self.denial = denial }
}
