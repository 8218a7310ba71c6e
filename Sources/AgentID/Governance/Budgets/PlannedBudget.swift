internal import Policy
internal import StrictJSON

/// A budget of one subject, or of one for each agent up to the root.
struct PlannedBudget: Sendable {
    let planned: PlannedRule
    private(set) var budget: Budget
    private(set) var isObserved: Bool
    let rule: ExactText
    /// Whose it is, as people read it.
    private let holders: String
    let isOfGrant: Bool
    private let parts: [[String]]
    private let digests: [String]
    /// Whose end makes each meter needless; `nil` where that of no agent of this authority does.
    private let agents: [String?]
    /// Say where the meter of each may stand; none: anywhere.
    private let shares: [MeterShare]

    init(
        _ planned: PlannedRule, _ budget: Budget, of rule: PolicyRule, _ names: [[String]], _ shares: [MeterShare] = []
    ) {
        (self.planned, self.budget, self.rule, self.shares) = (planned, budget, rule.id, shares)
        (holders, isOfGrant) = (rule.holders(budget.subject), rule.grantor != nil)
        isObserved = planned.isObserved
        // Under another scale the same number is another amount.
        let own = ["budget", rule.id.string, budget.unit.string, "\(budget.scale)"]
        parts = names.map { own + $0 }
        digests = parts.map { BudgetAccount.digest(of: $0) }
        agents = names.map { PolicySubjects.agent(whoseEnds: $0, under: rule) }
    }

    /// An estimate of the memory that it takes, in bytes: its parts' names are the chain's.
    var size: Int {
        var size = MemoryLayout<Self>.stride + holders.utf8.count
        for part in parts { size += 256 + part.count * MemoryLayout<String>.stride + MeterShare.size }
        return size
    }

    /// Goes by the limit of a newer policy, where that still has the budget.
    mutating func follow(_ policy: ActivePolicy) {
        guard !isOfGrant, let found = policy.document.rules.first(where: { $0.id == rule }),
            case .budget(let new) = found.effect,
            new.unit == budget.unit, new.scale == budget.scale, new.subject == budget.subject,
            new.period == budget.period
        else { return }
        (budget, isObserved) = (new, found.mode == .observe)
    }

    /// Leaf to root.
    func accounts(at time: MeterTime) -> [BudgetAccount] {
        parts.indices.map {
            BudgetAccount(
                parts[$0], limit: budget.limit.units, length: budget.period, end: time.milliseconds + PolicyLimits.kept,
                at: time, of: agents[$0], share: shares.isEmpty ? nil : shares[$0], digest: digests[$0])
        }
    }

    func text(_ amount: Amount) -> String { "\(amount.text(scale: budget.scale)) \(budget.unit)" }

    /// The denial of a call for which too little is left.
    func exhausted(_ tool: String, _ amount: Amount, left: Int64, at time: MeterTime) -> Denial {
        let rest = Amount(units: max(left, 0)) ?? .zero
        return Denial(
            "budget_exhausted",
            "\(tool): this call costs \(text(amount)), and \(text(rest)) are left of \(text(budget.limit)) for "
                + holders,
            rule: rule,
            retryAfter: amount > budget.limit ? nil : budget.period.map { $0 - time.milliseconds % $0 },
            left: BudgetRest(amount: rest.text(scale: budget.scale), unit: budget.unit.string))
    }
}
