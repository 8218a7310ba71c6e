internal import Policy

/// A budget of one subject, or of one for each agent up to the root.
struct PlannedBudget: Sendable {
    let planned: PlannedRule
    let budget: Budget
    private let parts: [[String]]

    /// The time that a budget without a period lasts after its last call, in milliseconds: an agent may be parked for 30
    /// days.
    private static let lasts: Int64 = 31 * 86_400_000

    init(_ planned: PlannedRule, _ budget: Budget, of rule: PolicyRule, _ names: [[String]]) {
        (self.planned, self.budget) = (planned, budget)
        // Under another scale the same number is another amount.
        let own = ["budget", rule.id.string, budget.unit.string, "\(budget.scale)"]
        parts = names.map { own + $0 }
    }

    /// Leaf to root.
    func accounts(at time: MeterTime) -> [BudgetAccount] {
        parts.map {
            BudgetAccount(
                $0, limit: budget.limit.units, length: budget.period, end: time.milliseconds + Self.lasts, at: time)
        }
    }
}
