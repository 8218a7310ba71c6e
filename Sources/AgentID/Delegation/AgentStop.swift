internal import Policy
internal import StrictJSON

/// The fate of an agent that crossed the line of a rule: it was stopped, with all below it, before its call was answered.
public final class AgentStop: Sendable, CustomStringConvertible {
    /// The rule's ID.
    public let rule: String
    /// `suspend`, `revoke` or `deprovision`.
    public let then: String
    /// The stopped: agents by their IDs, or a key by its thumbprint, where the registry knows no agent of it.
    public let stopped: [String]
    /// Whether it could not be written down yet: calls are denied in this process, not yet in others, and it is tried again.
    public let isPending: Bool
    /// Whether the rule is only observed: nothing was stopped.
    public let isObserved: Bool

    init(
        rule: String, _ consequence: Consequence, of stopped: [String], isPending: Bool = false,
        isObserved: Bool = false
    ) {
        (self.rule, then, self.stopped) = (rule, consequence.rawValue, stopped)
        (self.isPending, self.isObserved) = (isPending, isObserved)
    }

    /// As `docs/schemas/decision.json` has it.
    var tree: JSONTree {
        var members: JSONTree.Members = ["rule": .string(rule), "then": .string(then)]
        if !stopped.isEmpty { members["stopped"] = .array(stopped.map { .string($0) }) }
        if isPending { members["pending"] = true }
        if isObserved { members["observed"] = true }
        return .object(members)
    }

    /// The rule and what it did, for people.
    public var description: String {
        let what = isObserved ? "nothing: the rule \(rule) is observed, and says" : "by the rule \(rule):"
        return "\(what) \(then)" + (isPending ? ", in this process only until it can be written down" : "")
    }
}
