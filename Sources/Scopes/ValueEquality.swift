internal import JOSE

extension JSON.Value {
    /// Whether two values are the same; `false` once the budget is spent.
    func isEqual(to other: JSON.Value, _ budget: inout WorkBudget) -> Bool {
        guard kind == other.kind else { return budget.spend(1) && false }
        // Members are sorted to compare objects.
        let weight = kind == .object ? 16 : kind == .array ? 4 : 1
        guard budget.spend(2 + weight * min(sourceLength, other.sourceLength)) else { return false }
        return isEqual(to: other)
    }
}
