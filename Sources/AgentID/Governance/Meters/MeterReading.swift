internal import Policy
internal import StrictJSON

/// Reads meters for people: nothing is taken, and no meter is made.
struct MeterReading: Sendable {
    private let page: MetersPage?
    private let ledger: BudgetLedger?
    private let time: MeterTime

    /// - Parameters:
    ///   - meters: where they are; a file that is not there yet has none.
    ///   - needsBudgets: whether a budget will be asked for.
    ///   - now: in milliseconds since 1970.
    init(_ meters: MetersOpening, needsBudgets: Bool, now: Int64) throws(Denial) {
        let page = try meters.isThere ? meters.page(now) : nil
        ledger = try needsBudgets ? meters.ledger(now) : nil
        self.page = page
        time = try page?.look(now) ?? MeterTime(milliseconds: now)
    }

    /// A rate of one subject.
    struct OfRate: Sendable {
        /// Calls that could be taken at once.
        let left: Int64
        /// In how many milliseconds one more could, and in how many all of them; `nil` where all can now.
        let more: Int64?
        let full: Int64?
    }

    func rate(
        _ rule: PolicyRule, _ rate: Rate, of name: [String], in range: MeterRange = .agent
    ) throws(Denial) -> OfRate {
        guard let page,
            let slot = try page.found(page.key(["rate", rule.id.string] + name, in: range), .rate, at: time),
            let word = try page.read(slot)?.word
        else { return OfRate(left: rate.burst, more: nil, full: nil) }
        let left = rate.meter.left(in: word, now: time.milliseconds)
        return OfRate(
            left: left, more: rate.meter.more(in: word, now: time.milliseconds),
            full: left < rate.burst ? max(GCRA.isFull(word) - time.milliseconds, 0) : nil)
    }

    /// A budget of one subject.
    struct OfBudget: Sendable {
        /// Negative where more was spent than the limit.
        let left: Int64
        /// In how many milliseconds its period ends; `nil` where it has none.
        let resets: Int64?
    }

    func budget(_ planned: PlannedBudget) throws(Denial) -> [OfBudget] {
        var all: [OfBudget] = []
        for account in planned.accounts(at: time) {
            let left = try ledger?.left(of: account, at: time) ?? account.limit
            let resets = account.period > 0 ? account.until - time.milliseconds : nil
            all.append(OfBudget(left: left, resets: resets))
        }
        return all
    }

    func labels(of name: [String], in range: MeterRange) throws(Denial) -> LabelSet {
        guard let page, let slot = try page.found(page.key(["labels"] + name, in: range), .labels, at: time) else {
            return []
        }
        return LabelSet(rawValue: try page.read(slot)?.word ?? 0)
    }
}
