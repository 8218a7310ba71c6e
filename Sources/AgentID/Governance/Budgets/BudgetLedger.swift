/// Budgets, exact to the last of their smallest unit, in an escrow: the registry, which is durable, lends the page of
/// meters slices of what is left, and calls are paid from there by one swap.
///
/// Invariant: what was lent in all is never more than the limit, and what was spent never more than what was lent; but
/// for a true cost above its reservation, which is booked beside the loan and never lent. So at no time, in no crash and
/// by no interleaving has more been spent than the limit.
///
/// * The registry books a loan before the page shows it. A process that is killed between the two loses nothing: the next
///   one that is short finds the loan booked and makes it known.
/// * After a power cut the page may say less than was spent: slices belong to a run of the machine, and those of another
///   run count as spent. So does what was lent to a page that is gone.
/// * A slice is a quarter of what is left, or what is asked for where that is more: so what is left over at the end can be
///   spent by whoever asks, and a power cut loses a quarter of it at most.
package final class BudgetLedger: Sendable {
    private let registry: any Registry
    private let page: MetersPage
    /// The longest wait for the registry in a call, in milliseconds.
    private static let patience = 1000
    private static let share: Int64 = 4

    package init(_ registry: any Registry, _ page: MetersPage) { (self.registry, self.page) = (registry, page) }

    /// The budgets of a directory, for a guard that otherwise only reads its registry.
    package convenience init(directory: String, _ page: MetersPage) throws(AgentIDError) {
        self.init(try AuthorityDirectory(reading: directory).openRegistry(.write), page)
    }

    /// Reserves an amount of several budgets, leaf to root, or of none; returns what refused.
    package func reserve(
        _ amount: Int64, of accounts: [BudgetAccount], at time: MeterTime
    ) throws(Denial) -> BudgetOutcome {
        let amount = max(amount, 0)
        var slots: [MeterSlot] = []
        for (i, account) in accounts.enumerated() {
            do throws(Denial) {
                var slot = try page.slice(
                    of: key(of: account), until: account.until, at: time, from: account.share)
                if let left = try reserve(amount, of: account, &slot, at: time) {
                    try giveBack(amount, slots)
                    return .exhausted(i, left: left)
                }
                slots.append(slot)
            } catch {
                try giveBack(amount, slots)
                throw error
            }
        }
        return .reserved(BudgetHold(self, amount, accounts, slots))
    }

    private func key(of account: BudgetAccount) -> MeterKey {
        page.sliceKey([account.name], in: account.share?.range ?? .agent)
    }

    private func giveBack(_ amount: Int64, _ slots: [MeterSlot]) throws(Denial) {
        try each(slots) { slot throws(Denial) in try page.refund(slot, amount) }
    }

    /// Does something to all slots; throws what the first one failed with.
    private func each(_ slots: [MeterSlot], _ body: (MeterSlot) throws(Denial) -> Void) throws(Denial) {
        var failure: Denial?
        for slot in slots { do throws(Denial) { try body(slot) } catch { failure = failure ?? error } }
        if let failure { throw failure }
    }

    /// Reserves of one budget; what is left where that is not enough.
    private func reserve(
        _ amount: Int64, of account: BudgetAccount, _ slot: inout MeterSlot, at time: MeterTime
    ) throws(Denial) -> Int64? {
        // Others spend what was lent for this one: then it is their turn to be short.
        for _ in 0..<1000 {
            switch try page.reserve(slot, amount, limit: account.limit, until: account.until) {
            case .taken: return nil
            case .moved: slot = try page.slice(of: slot.key, until: account.until, at: time, from: account.share)
            case .short(let need, let holder, let lent):
                switch try lend(need, of: account, to: holder, knowing: lent) {
                case .lent(let all): page.lend(slot, to: holder, inAll: all)
                case .left(let rest):
                    let unspent = try page.state(of: slot).map { $0.lent - $0.spent } ?? 0
                    return max(rest.saturating(plus: unspent), 0)
                }
            }
        }
        throw Denial("budget_unavailable", "others spend this budget as fast as it is lent: try again", at: "policy")
    }

    private enum Loan { case lent(Int64), left(Int64) }

    /// Books a loan.
    ///
    /// - Parameter known: the amount lent to the holder, as the page shows it. Where the registry has booked more, that loan
    ///   is returned, and nothing more is lent.
    private func lend(
        _ need: Int64, of account: BudgetAccount, to holder: UInt64, knowing known: Int64
    ) throws(Denial) -> Loan {
        let names = LoanNames(account, holder)
        let (limit, share) = (account.limit, Self.share)
        func loan(_ reader: any RegistryReader) throws(AgentIDError) -> (decided: Loan?, rest: Int64, over: Int64) {
            let (all, booked) = (try reader.counter(names.budget), try reader.counter(names.loan))
            let over = try reader.counter(names.over)
            // What this holder has overdrawn is booked: it is not to be found again.
            let rest = limit.saturating(minus: all).saturating(plus: over)
            return (booked > known ? .lent(booked) : need > rest ? .left(rest) : nil, rest, over)
        }
        do throws(AgentIDError) {
            // Read first: a budget that is exhausted costs no transaction that others wait for.
            if let decided = try registry.read({ try loan($0).decided }) { return decided }
            return try registry.write(within: Self.patience) { writer in
                let (decided, rest, over) = try loan(writer)
                if let decided { return decided }
                let slice = max(need, rest / share)
                let repaid = min(over, slice)
                if repaid > 0 { try writer.add(-repaid, to: names.over, of: account) }
                try writer.add(slice - repaid, to: names.budget, of: account)
                return .lent(try writer.add(slice, to: names.loan, of: account))
            }
        } catch { throw Self.unavailable(error) }
    }

    private static func unavailable(_ error: AgentIDError) -> Denial {
        Denial("budget_unavailable", "the registry does not lend of the budget: \(error)", at: "policy")
    }

    /// Settles a reservation at its true cost.
    func settle(
        _ reserved: Int64, at cost: Int64, _ accounts: [BudgetAccount], _ slots: [MeterSlot], booking isBooking: Bool
    ) throws(Denial) {
        guard cost > reserved else { return try giveBack(reserved - cost, slots) }
        try each(slots) { slot throws(Denial) in _ = try page.charge(slot, cost - reserved) }
        if isBooking { try book(accounts, slots) }
    }

    /// Books what was spent beyond all loans, so that all processes and machines are denied from now on. It may be tried
    /// again at any time.
    ///
    /// Beside the loan, not as one: what is lent can be spent, also after another reservation was given back.
    func book(_ accounts: [BudgetAccount], _ slots: [MeterSlot]) throws(Denial) {
        for (account, slot) in zip(accounts, slots) {
            guard let state = try page.state(of: slot), state.spent > state.lent else { continue }
            let names = LoanNames(account, state.holder)
            do throws(AgentIDError) {
                try registry.write(within: Self.patience) { writer in
                    // As far as it is not booked yet: others overdraw at the same time.
                    let booked = try writer.counter(names.loan).saturating(plus: writer.counter(names.over))
                    guard state.spent > booked else { return }
                    try writer.add(state.spent - booked, to: names.over, of: account)
                    try writer.add(state.spent - booked, to: names.budget, of: account)
                }
            } catch { throw Self.unavailable(error) }
        }
    }

    /// The rest of a budget, for people: negative where more was spent than the limit. Nothing is claimed in the page.
    package func left(of account: BudgetAccount, at time: MeterTime) throws(Denial) -> Int64 {
        let slot = try page.found(key(of: account), .slice, at: time)
        let state = if let slot { try page.state(of: slot) } else { SliceState?.none }
        let (names, budget) = (state.map { LoanNames(account, $0.holder) }, LoanNames.budget(account))
        do throws(AgentIDError) {
            return try registry.read { reader in
                let all = try reader.counter(budget)
                guard let state, let names else { return account.limit.saturating(minus: all) }
                // Of a loan that the page does not show yet, all is left.
                let lent = max(state.lent, try reader.counter(names.loan))
                return account.limit.saturating(minus: all).saturating(plus: try reader.counter(names.over))
                    .saturating(plus: lent - state.spent)
            }
        } catch { throw Self.unavailable(error) }
    }
}

/// The names of a budget's counters in the registry.
struct LoanNames {
    let budget: String
    /// Lent to one holder, and what that spent beyond its loans.
    let loan: String
    let over: String

    init(_ account: BudgetAccount, _ holder: UInt64) {
        budget = Self.budget(account)
        (loan, over) = ("loan \(holder) \(account.name)", "over \(holder) \(account.name)")
    }

    static func budget(_ account: BudgetAccount) -> String { "budget \(account.name)" }

    /// The name of the account, if this names its budget.
    static func account(ofBudget name: String) -> String? {
        let mark = "budget ".utf8
        return name.utf8.starts(with: mark) ? String(name.utf8.dropFirst(mark.count)) : nil
    }
}

extension RegistryWriter {
    @discardableResult fileprivate func add(
        _ amount: Int64, to counter: String, of account: BudgetAccount
    ) throws(AgentIDError) -> Int64 {
        try add(amount, to: counter, of: account.agent, until: account.countedUntil)
    }
}

extension Int64 {
    fileprivate func saturating(plus other: Int64) -> Int64 {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? (other < 0 ? .min : .max) : sum
    }

    fileprivate func saturating(minus other: Int64) -> Int64 {
        let (rest, overflows) = subtractingReportingOverflow(other)
        return overflows ? (other < 0 ? .max : .min) : rest
    }
}
