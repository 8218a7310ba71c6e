internal import Policy
internal import StrictJSON

/// Amounts that a permitted call has reserved of budgets, until its true cost is known. Never settled, it counts as spent.
final class Spending: Sendable {
    struct Item: Sendable {
        let rule: ExactText
        let unit: ExactText
        let scale: Int
        let hold: BudgetHold
    }

    let items: [Item]

    init(_ items: [Item]) { self.items = items }

    /// Gives all of it back; counts as spent where that fails.
    func giveBack() { for item in items { _ = try? item.hold.refund() } }

    /// Settles all budgets of a unit at what the call cost in it.
    ///
    /// - Parameter cost: Decimal digits, e.g. `12.40`; digits beyond the unit's scale are not rounded but refused.
    func settle(_ unit: String, at cost: String) throws(AgentIDError) {
        let own = items.filter { $0.unit == unit.exact }
        guard let first = own.first else {
            throw AgentIDError(
                .argument, name: "unit", message: "this call spends nothing in \(unit.beginning(atMost: 64))",
                at: "unit")
        }
        let scale = own.reduce(first.scale) { min($0, $1.scale) }
        guard Self.amount(cost, scale) != nil else {
            throw AgentIDError(
                .argument, name: "cost",
                message: "this is not a decimal with at most \(scale) digits after the point, such as 12.40", at: "cost"
            )
        }
        for item in own {
            guard let amount = Self.amount(cost, item.scale) else { continue }
            let isFirst: Bool
            do throws(Denial) { isFirst = try item.hold.commit(amount.units) } catch {
                throw AgentIDError(.io, name: error.reason.rawValue, message: error.message, at: error.place)
            }
            guard isFirst else {
                throw AgentIDError(
                    .state, name: "call_settled", message: "what this call cost was told before: it is told once",
                    at: "cost")
            }
        }
    }

    private static func amount(_ text: String, _ scale: Int) -> Amount? {
        let digits = Array(text.utf8.prefix(65))
        return try? Amount(digits.span, scale: scale)
    }
}
