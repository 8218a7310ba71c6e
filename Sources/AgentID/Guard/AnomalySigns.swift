package import Policy
internal import StrictJSON

extension Anomaly.Sign {
    /// The signs that a denial for a reason is, of an agent that asked for the call itself.
    ///
    /// Only what its holder alone brings about: not that it is revoked, suspended or late; not what a guard, its files or its
    /// clock lack; and nothing that others have used up or seen, as a rate of the whole task.
    ///
    /// - Parameter rule: which denied, if one did.
    package static func of(_ reason: String, by rule: String?, under policy: ActivePolicy) -> [Anomaly.Sign] {
        if reason.isSame(as: "tool_not_authorized") { return [.denials, .unknownTools] }
        if own.contains(where: { reason.isSame(as: $0.description) }) { return [.denials] }
        guard let rule, let found = policy.document.rules.first(where: { $0.id == rule.exact }) else { return [] }
        switch found.effect {
        case .rate(_, let subject): return subject == .agent ? [.denials] : []
        case .budget(let budget): return budget.subject == .agent ? [.denials] : []
        case .refusal, .hours, .labels, .approval, .anomaly, .declassification: return []
        }
    }

    private static let own: [StaticString] = [
        "argument_constraint_violated", "argument_key_set_mismatch", "argument_missing", "argument_not_permitted",
        "arguments_malformed", "outside_hours", "policy_denied",
    ]
}
