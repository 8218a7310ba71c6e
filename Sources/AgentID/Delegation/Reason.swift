internal import Policy
internal import StrictJSON

/// Why a call was denied: the codes of OAAF Core 1.0 where it has one for the check, ours beside them.
public struct Reason: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The code.
    public let rawValue: String
    /// A reason with this code.
    public init(rawValue: String) { self.rawValue = rawValue }
    init(_ rawValue: String) { self.rawValue = rawValue }
    /// The code.
    public var description: String { rawValue }
}

/// A refusal: which rule, where, and what that means for people. Names of arguments, never their values.
/// Message and place are printable.
public struct Denial: Error, Sendable, CustomStringConvertible {
    /// The reason code.
    public let reason: Reason
    /// The link at fault, 0 for the root; `nil` where none is.
    public let link: Int?
    /// The argument at fault, where one is.
    public let argument: String?
    /// The place, e.g. `chain[1].exp`, `proof.hta`, `arguments.path`.
    public let place: String
    /// An explanation for people.
    public let message: String
    /// The rule of the policy that said no; `nil` where none did.
    public var rule: String? { byPolicy?.rule }
    /// In how many milliseconds the call could be permitted, where time alone stands against it; else `nil`.
    public var retryAfter: Int64? { byPolicy?.retryAfter }
    /// The rest of the budget that refused the call; `nil` where none did.
    public var left: BudgetRest? { byPolicy?.left }
    /// The consequence for the agent, where a rule of the policy said no.
    var consequence: Consequence { byPolicy?.consequence ?? .deny }
    /// The request for approval that the call waits for, or was refused; `nil` where there is none.
    public var approval: String? { byPolicy?.approval }
    /// Behind a reference: few denials have it, and all are passed on by value.
    private var byPolicy: PolicyRefusal?

    init(_ reason: String, _ message: String, link: Int? = nil, at place: String = "", argument: String? = nil) {
        self.reason = Reason(reason)
        self.link = link
        self.argument = argument
        let place = place.isEmpty ? link.map { "chain[\($0)]" } ?? "" : link.map { "chain[\($0)].\(place)" } ?? place
        (self.message, self.place) = (message.printable, place.printable)
        byPolicy = nil
    }

    /// A refusal by a rule of the policy.
    init(
        _ reason: String, _ message: String, rule: ExactText, retryAfter: Int64? = nil, left: BudgetRest? = nil,
        approval: String? = nil
    ) {
        (self.reason, self.message) = (Reason(reason), message.printable)
        (link, argument, place) = (nil, nil, "policy.\(rule)")
        byPolicy = PolicyRefusal(
            rule: rule.string, retryAfter: retryAfter, left: left, approval: approval, consequence: .deny)
    }

    /// A refusal for a time, by no rule.
    init(_ reason: String, _ message: String, retryAfter: Int64) {
        self.init(reason, message, at: "policy")
        byPolicy = PolicyRefusal(rule: nil, retryAfter: retryAfter, left: nil, approval: nil, consequence: .deny)
    }

    /// The same, of a rule with a consequence.
    func leading(to consequence: Consequence) -> Denial {
        guard let byPolicy, consequence != byPolicy.consequence else { return self }
        var denial = self
        denial.byPolicy = PolicyRefusal(
            rule: byPolicy.rule, retryAfter: byPolicy.retryAfter, left: byPolicy.left,
            approval: byPolicy.approval, consequence: consequence)
        return denial
    }

    /// A refusal on account of the call itself: the place is a parameter's, not a claim's of the link.
    init(_ reason: String, _ message: String, link: Int, call place: String, argument: String?) {
        (self.reason, self.message, self.link) = (Reason(reason), message.printable, link)
        (self.place, self.argument) = (place.printable, argument)
        byPolicy = nil
    }

    /// The code and the message.
    public var description: String { "\(reason): \(message)" + (place.isEmpty ? "" : " (\(place))") }
}

/// The rest of a budget.
public struct BudgetRest: Sendable {
    /// Decimal digits, e.g. `0.20`.
    public let amount: String
    /// E.g. `usd`.
    public let unit: String
}

/// The rule of the policy that refused a call, when the call could be permitted, and what is left of its budget, or who is
/// asked.
private final class PolicyRefusal: Sendable {
    let rule: String?
    let retryAfter: Int64?
    let left: BudgetRest?
    let approval: String?
    let consequence: Consequence

    init(rule: String?, retryAfter: Int64?, left: BudgetRest?, approval: String?, consequence: Consequence) {
        (self.rule, self.retryAfter, self.left, self.approval) = (rule, retryAfter, left, approval)
        self.consequence = consequence
    }
}
