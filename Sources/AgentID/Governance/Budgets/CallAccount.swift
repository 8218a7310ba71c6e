internal import Policy
internal import StrictJSON

/// The money of one call, from its reservations until they are settled, once. Under the lock of its call.
struct CallAccount: Sendable {
    private let spending: Spending
    /// Reserved later, in their order: for which of the items.
    private var extensions: [(item: Int, hold: BudgetHold)] = []
    /// How often more was reserved.
    private var turns = 0
    /// The cost told so far, by unit.
    private var costs: [(unit: ExactText, cost: String)] = []
    /// One call tells its cost in so many units at most, and reserves so often.
    private static let (mostUnits, mostExtensions) = (64, 10_000)

    init(_ spending: Spending?) { self.spending = spending ?? Spending([]) }

    /// Tells what the call costs in a unit, in place of what was told before.
    mutating func tell(_ cost: String, in unit: String) throws(AgentIDError) {
        _ = try spending.items(of: unit, for: cost, at: "cost")
        costs.removeAll { $0.unit == unit.exact }
        guard costs.count < Self.mostUnits else {
            throw AgentIDError(
                .limit, name: "call_units", message: "a call has costs in at most \(Self.mostUnits) units", at: "unit")
        }
        costs.append((unit.exact, cost))
    }

    /// The budgets of which more is to be reserved.
    func extensible(by amount: String, in unit: String) throws(AgentIDError) -> [Int] {
        let own = try spending.items(of: unit, for: amount, at: "amount")
        guard turns < Self.mostExtensions else {
            throw AgentIDError(
                .limit, name: "call_extended",
                message: "a call reserves at most \(Self.mostExtensions) times: reserve more at once",
                at: "amount")
        }
        return own
    }

    /// Reserves more of several budgets, or of none.
    mutating func extend(
        _ items: [Int], by amount: String, tool: String, under policy: ActivePolicy?, at time: MeterTime
    ) throws(Denial) {
        var reserved: [(item: Int, hold: BudgetHold)] = []
        do throws(Denial) {
            for i in items {
                let item = spending.items[i]
                guard let amount = Spending.amount(amount, item.budget.scale),
                    let hold = try item.reserve(amount, tool: tool, under: policy, at: time)
                else { continue }
                reserved.append((i, hold))
            }
        } catch {
            for (_, hold) in reserved { _ = try? hold.refund() }
            throw error
        }
        extensions += reserved
        turns += 1
    }

    /// Settles all reservations at the cost that was told. Where none was told, a call that succeeded cost what it reserved,
    /// and one that failed cost that or nothing, as the rule says.
    ///
    /// - Parameters:
    ///   - isFailure: whether the call failed.
    ///   - hasLapsed: what was reserved counts as spent; only what it cost beyond is counted.
    ///
    /// Throws what the first one failed with, after all are settled: what was spent counts against each budget.
    func settle(isFailure: Bool, hasLapsed: Bool) throws(AgentIDError) {
        var failure: Denial?
        for (i, item) in spending.items.enumerated() {
            let holds = [item.hold] + extensions.filter { $0.item == i }.map(\.hold)
            let told = costs.first { $0.unit == item.budget.unit }
            let cost = told.flatMap { Spending.amount($0.cost, item.budget.scale) }?.units
            let isFree = isFailure && item.budget.onFailure == .refund
            // What the holds have still to pay of the cost; the last one also pays what is beyond all reservations. Where nobody
            // told a cost, each pays what it reserved, or nothing.
            var rest = cost ?? (isFree ? 0 : Int64.max)
            for (k, hold) in holds.enumerated() {
                let isLast = k == holds.count - 1
                var part = isLast && cost != nil ? rest : min(rest, hold.reserved)
                rest -= min(part, rest)
                if hasLapsed { part = max(part, hold.reserved) }
                // Where the registry cannot be written, nobody waits for it again: the page knows what was spent.
                do throws(Denial) { try hold.commit(part, booking: failure == nil) } catch {
                    failure = failure ?? error
                }
            }
        }
        if let failure { throw AgentIDError(undone: failure) }
    }

    /// Books what is not booked yet, of a call that was settled: all that can be, then throws what the first one failed with.
    func book() throws(AgentIDError) {
        var failure: Denial?
        for hold in spending.items.map(\.hold) + extensions.map(\.hold) {
            do throws(Denial) { try hold.book() } catch { failure = failure ?? error }
        }
        if let failure { throw AgentIDError(undone: failure) }
    }
}

extension AgentIDError {
    /// A denial that stands against what a call that was permitted has to tell.
    init(undone denial: Denial) {
        self.init(.io, name: denial.reason.rawValue, message: denial.message, at: denial.place)
    }
}
