internal import Policy
internal import StrictJSON

/// Amounts that a permitted call has reserved of budgets, until its true cost is known. Never settled, it counts as spent.
final class Spending: Sendable {
    struct Item: Sendable {
        let planned: PlannedBudget
        let ledger: BudgetLedger
        let hold: BudgetHold

        var budget: Budget { planned.budget }
    }

    let items: [Item]

    init(_ items: [Item]) { self.items = items }

    /// Gives all of it back; counts as spent where that fails.
    func giveBack() { for item in items { _ = try? item.hold.refund() } }

    /// The items of a unit: none where no budget counts it. Throws where `amount` is not one of this unit.
    ///
    /// - Parameter amount: Decimal digits, e.g. `12.40`; digits beyond the unit's scale are not rounded but refused.
    func items(of unit: String, for amount: String, at place: String) throws(AgentIDError) -> [Int] {
        guard (1...PolicyLimits.name).contains(unit.utf8.count) else {
            throw AgentIDError(
                .argument, name: "unit", message: "a unit has 1 to \(PolicyLimits.name) bytes, such as usd", at: "unit")
        }
        let own = items.indices.filter { items[$0].budget.unit == unit.exact }
        // The policy's budgets say how an amount is told. Who states a limit has no say in that.
        let told = own.filter { !items[$0].planned.isOfGrant }.map { items[$0].budget.scale }.max()
        let scale = told ?? PolicyLimits.scale
        guard Self.isAmount(amount, scale, ofAnySize: told == nil && !own.isEmpty) else {
            throw AgentIDError(
                .argument, name: "cost",
                message: scale == 0
                    ? "an amount of \(unit) is a whole number without a sign, such as 12"
                    : "an amount of \(unit) is a decimal without a sign, of at most \(scale) digits after the point, "
                        + "such as 12.\(String(repeating: "4", count: min(scale, 2)))", at: place)
        }
        return own
    }

    private static func isAmount(_ text: String, _ scale: Int, ofAnySize isAny: Bool) -> Bool {
        let digits = Array(text.utf8.prefix(65))
        do throws(Amount.Fault) { _ = try Amount(digits.span, scale: scale) } catch {
            return isAny && error == .tooLarge
        }
        return true
    }

    /// An amount as a budget counts it: rounded up to its scale; one that does not fit is more than any budget has.
    static func amount(_ text: String, _ scale: Int) -> Amount? {
        let digits = Array(text.utf8.prefix(65))
        do throws(Amount.Fault) { return try Amount(roundingUp: digits.span, scale: scale) } catch {
            return error == .tooLarge ? Amount(units: .max / 4) : nil
        }
    }
}

extension Spending.Item {
    /// Reserves more of this budget, in the period of now and under the policy in force; throws what refuses. `nil` where too
    /// little is left of one that is only observed.
    func reserve(
        _ amount: Amount, tool: String, under policy: ActivePolicy?, at time: MeterTime
    ) throws(Denial) -> BudgetHold? {
        var planned = planned
        if let policy { planned.follow(policy) }
        switch try ledger.reserve(amount.units, of: planned.accounts(at: time), at: time) {
        case .reserved(let hold): return hold
        case .exhausted(_, let left):
            guard planned.isObserved else { throw planned.exhausted(tool, amount, left: left, at: time) }
            return nil
        }
    }
}
