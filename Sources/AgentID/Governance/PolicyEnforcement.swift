internal import Policy
internal import Scopes
internal import StrictJSON

/// Decides a call by a policy, after its chain permitted it. What it took can be given back, where the call is denied
/// after all.
struct PolicyEnforcement: ~Copyable {
    private let plan: PolicyPlan
    private let tool: String
    private let toolPlan: ToolPlan
    /// The denial of a rule in observe mode, which decides nothing.
    private(set) var wouldDeny: Denial?
    /// The rule that refused this call unless somebody approves it, and what it says against it: for who asks.
    private var question: PolicyQuestion?
    /// The rules that the call was approved under: they refuse it no more.
    private var consents: [Int] = []
    /// The requests that people approved, and whether they are used.
    private var approvals: [ApprovalRecord] = []
    private var areUsed = false
    /// The amounts reserved of budgets.
    private(set) var spending: Spending?
    /// The labels that grant and proof carry: they count against the holder, whatever the page says.
    let carried: LabelSet
    /// Of these, those that the proof says beyond the grant: its holder could leave them out next time.
    private let shown: LabelSet
    /// The rates that were taken from, a bit each: see `ToolRules.mostRates`.
    private var taken = InlineArray<16, UInt64>(repeating: 0)
    /// Labels that other rules require: they permit, so that only a call that was permitted adds them.
    private var promised: (task: LabelSet, agent: LabelSet, at: MeterTime)?
    private var takenAt = MeterTime(milliseconds: 0)
    private let clock: CheckedClock

    /// - Parameters:
    ///   - labels: those that the proof carries.
    ///   - clock: tells what has flowed off of what is given back.
    init(
        _ plan: PolicyPlan, of tool: String, carrying labels: [String], now: Int64, by clock: CheckedClock
    ) throws(Denial) {
        (self.plan, self.tool, self.clock) = (plan, tool, clock)
        let proven = labels.isEmpty ? .none : plan.policy.labels(carriedAs: labels)
        (carried, shown) = (plan.carried.union(proven), proven.subtracting(plan.carried))
        toolPlan = try plan.tool(tool, now: now)
    }

    /// Notes that people approved the call under a rule.
    mutating func consent(to rule: Int, by record: ApprovalRecord) {
        consents.append(rule)
        approvals.append(record)
    }

    /// Asks each rule about a call; throws what the first one that is enforced says against it, having taken nothing.
    ///
    /// - Parameters:
    ///   - expires: when the chain does, in milliseconds since 1970.
    ///   - now: in milliseconds since 1970.
    ///   - desk: where what the call was approved by is used up.
    mutating func decide(
        _ call: JSON.Value, until expires: Int64, now: Int64, at desk: ApprovalDesk?, within work: inout WorkBudget
    ) throws(Denial) {
        try test(call, now: now, within: &work)
        guard let page = toolPlan.rules.page else {
            if !toolPlan.rules.questions.isEmpty { try ask(call, within: &work) }
            try check(work.isExhausted)
            return try use(at: desk, now: now)
        }
        let time = try page.look(now)
        try checkLabels(call, until: expires, at: time, within: &work)
        if !toolPlan.rules.questions.isEmpty { try ask(call, within: &work) }
        do throws(Denial) {
            try take(call, page, at: time, within: &work)
            if !toolPlan.rules.budgets.isEmpty { try spend(call, at: time, within: &work) }
            var added = labelsAdded(by: call, within: &work)
            try check(work.isExhausted)
            let permitting = plan.policy.permitting
            let later = (added.task.intersection(permitting), added.agent.intersection(permitting))
            let isPromise = !later.0.isEmpty || !later.1.isEmpty
            if isPromise || !consents.isEmpty { try prepare(added, until: expires, at: time) }
            try use(at: desk, now: now)
            if isPromise {
                promised = (later.0, later.1, time)
                added = (added.task.subtracting(permitting), added.agent.subtracting(permitting))
            }
            try raise(added, at: time)
        } catch {
            giveBack(to: desk, now: now)
            throw error
        }
    }

    /// The last thing that may refuse a call.
    private mutating func use(at desk: ApprovalDesk?, now: Int64) throws(Denial) {
        guard !approvals.isEmpty else { return }
        try desk?.use(approvals, now: now)
        areUsed = true
    }

    /// The call is permitted: adds the labels that permit others. They have their place; where they cannot be added all the
    /// same, that only denies more.
    mutating func confirm() {
        guard let promised else { return }
        try? raise((promised.task, promised.agent), at: promised.at)
        self.promised = nil
    }

    /// Gives back whatever was taken: the call is denied after all. Labels that restrict stay.
    mutating func giveBack(to desk: ApprovalDesk?, now: Int64) {
        spending?.giveBack()
        spending = nil
        giveBackRates(of: nil)
        if areUsed { desk?.giveBack(approvals, now: now) }
        areUsed = false
        promised = nil
    }

    /// - Parameter rule: `nil` for all of them.
    private mutating func giveBackRates(of rule: Int?) {
        guard let page = toolPlan.rules.page else { return }
        for i in toolPlan.rules.rates.indices where taken[i >> 6] >> UInt64(i & 63) & 1 == 1 {
            guard rule == nil || toolPlan.rules.rates[i].planned.rule == rule else { continue }
            toolPlan.rules.rates[i].giveBack(to: page, since: takenAt, by: clock)
            taken[i >> 6] &= ~(1 << UInt64(i & 63))
        }
    }

    /// The question to be asked, where the last decision denied for want of consent.
    mutating func takeQuestion() -> PolicyQuestion? {
        defer { question = nil }
        return question
    }

    @inline(never) private func check(_ isExhausted: Bool) throws(Denial) {
        guard isExhausted else { return }
        throw Denial(
            "too_costly",
            "to check this call against the policy takes more work than one call is given: send shorter arguments",
            at: "arguments")
    }

    // MARK: Rules that refuse by themselves

    private mutating func test(_ call: JSON.Value, now: Int64, within work: inout WorkBudget) throws(Denial) {
        for i in toolPlan.rules.tests.indices {
            let planned = toolPlan.rules.tests[i].planned
            guard toolPlan.rules.coverage(of: call, by: planned, within: &work) != .no else { continue }
            // Nobody is stopped by what could not be told.
            try check(work.isExhausted)
            let id = rule(planned).id
            if let hours = toolPlan.rules.tests[i].hours {
                // Nobody is stopped because a clock was wrong: the meters' time says so, too.
                let isStop = rule(planned).consequence.isStop
                if isStop { _ = try? plan.meters.page(now) }
                guard !hours.contain(now) else { continue }
                try refuse(
                    planned, Denial("outside_hours", "\(short) may be called \(hours.text) only", rule: id),
                    isDoubted: isStop && hours.contain(plan.meters.time(now, opening: false) ?? now))
            } else {
                try refuse(planned, Denial("policy_denied", "the policy denies such calls of \(short)", rule: id))
            }
        }
    }

    /// Denies the call where the rule is enforced; keeps the denial where it is observed. Where the rule asks, the call
    /// waits for consent, and goes on where that was given. One that is doubted only denies.
    private mutating func refuse(
        _ planned: PlannedRule, _ denial: Denial, isDoubted: Bool = false
    ) throws(Denial) {
        var denial = denial
        if rule(planned).consequence == .ask {
            if consents.contains(planned.rule) { return }
            denial = Denial("approval_required", denial.message, rule: rule(planned).id)
            if !planned.isObserved { question = PolicyQuestion(rule: planned.rule, because: denial.message) }
        } else {
            denial = denial.leading(to: isDoubted ? .deny : rule(planned).consequence)
        }
        guard planned.isObserved else { throw denial }
        if wouldDeny == nil { wouldDeny = denial }
    }

    /// Asks before every call that a rule is about.
    private mutating func ask(_ call: JSON.Value, within work: inout WorkBudget) throws(Denial) {
        for planned in toolPlan.rules.questions
        where toolPlan.rules.coverage(of: call, by: planned, within: &work) != .no {
            try check(work.isExhausted)
            try refuse(planned, Denial("approval_required", "\(short) needs approval", rule: rule(planned).id))
        }
    }

    private func rule(_ planned: PlannedRule) -> PolicyRule { plan.rule(at: planned.rule) }
    private var short: String { tool.beginning(atMost: Refusal.longestName) }

    // MARK: Labels

    /// Refuses by the labels that were there before the call.
    private mutating func checkLabels(
        _ call: JSON.Value, until expires: Int64, at time: MeterTime, within work: inout WorkBudget
    ) throws(Denial) {
        guard let labelled = toolPlan.rules.labelled else { return }
        let kept = try labelled.kept(until: expires, at: time)
        let there = kept.union(carried)
        // A label that was shown once stays with its holder, who could leave it out next time, whatever becomes of the call.
        try labelled.raiseOwn(labelled.areOnDisk ? shown.subtracting(kept) : shown, at: time)
        let names = plan.policy.document.labels
        for i in toolPlan.rules.labels.indices {
            let planned = toolPlan.rules.labels[i].planned
            guard let refusal = toolPlan.rules.labels[i].labels.refusal(under: there),
                toolPlan.rules.coverage(of: call, by: planned, within: &work) != .no
            else { continue }
            try check(work.isExhausted)
            let message =
                switch refusal {
                case .holds(let labels): "\(short) is refused to a task that is \(names.text(labels))"
                case .lacks(let labels): "\(short) needs what the task has not done yet: \(names.text(labels))"
                }
            try refuse(planned, Denial("flow_refused", message, rule: rule(planned).id))
        }
    }

    /// The labels that the call adds. One that permits is added only by a call that surely is the one that a rule is about.
    private func labelsAdded(
        by call: JSON.Value, within work: inout WorkBudget
    ) -> (task: LabelSet, agent: LabelSet) {
        var (task, agent) = (LabelSet.none, LabelSet.none)
        guard toolPlan.rules.labelled != nil, toolPlan.rules.labelsAtOnce.adds else { return (task, agent) }
        for i in toolPlan.rules.labels.indices {
            let labels = toolPlan.rules.labels[i].labels
            guard !labels.adds.isEmpty else { continue }
            let added: LabelSet
            switch toolPlan.rules.coverage(of: call, by: toolPlan.rules.labels[i].planned, within: &work) {
            case .no: continue
            case .maybe: added = labels.adds.subtracting(labels.permitting)
            case .yes: added = labels.adds
            }
            if labels.subject == .agent { agent.formUnion(added) } else { task.formUnion(added) }
        }
        return (task, agent)
    }

    /// Makes sure that the labels have places: one whose approval is used up is not denied for want of them, and one that was
    /// recorded as permitted has them.
    private func prepare(
        _ added: (task: LabelSet, agent: LabelSet), until expires: Int64, at time: MeterTime
    ) throws(Denial) {
        guard let labelled = toolPlan.rules.labelled else { return }
        try labelled.prepare(task: !added.task.isEmpty, agent: !added.agent.isEmpty, until: expires, at: time)
    }

    /// Before the call is permitted: no call that comes after it may be decided without them.
    private func raise(_ added: (task: LabelSet, agent: LabelSet), at time: MeterTime) throws(Denial) {
        guard let labelled = toolPlan.rules.labelled else { return }
        try labelled.raise(added.task, at: time)
        try labelled.raiseOwn(added.agent, at: time)
    }

    // MARK: Rates

    private mutating func take(
        _ call: JSON.Value, _ page: MetersPage, at time: MeterTime, within work: inout WorkBudget
    ) throws(Denial) {
        var refused = -1
        takenAt = time
        for i in toolPlan.rules.rates.indices {
            let planned = toolPlan.rules.rates[i].planned
            if planned.rule == refused { continue }
            if planned.patterns >= 0, toolPlan.rules.coverage(of: call, by: planned, within: &work) == .no { continue }
            if var wait = try toolPlan.rules.rates[i].take(from: page, at: time) {
                // Not before all of the rule's meters let it through.
                for other in toolPlan.rules.rates[(i + 1)...] where other.planned.rule == planned.rule {
                    guard let word = try page.read(other.place)?.word else { continue }
                    switch other.meter.take(from: word, now: time.milliseconds) {
                    case .wait(let longer), .ahead(_, let longer): wait = max(wait, longer)
                    case .taken: break
                    }
                }
                try refuse(planned, limited(planned, for: wait))
                // Observed, or consented to: none of the rule's meters counts it, as none would if it were denied.
                refused = planned.rule
                giveBackRates(of: refused)
            } else {
                taken[i >> 6] |= 1 << UInt64(i & 63)
            }
        }
    }

    private func limited(_ planned: PlannedRule, for wait: Int64) -> Denial {
        let rule = rule(planned)
        let what =
            if case .rate(let rate, let subject) = rule.effect { "\(rate.text) for \(rule.holders(subject))" } else {
                ""
            }
        return Denial(
            "rate_limited",
            "\(short): \(what): try again in " + (wait < 10_000 ? "\(wait) ms" : "\(wait / 1000 + 1) s"), rule: rule.id,
            retryAfter: wait)
    }

    // MARK: Budgets

    private mutating func spend(
        _ call: JSON.Value, at time: MeterTime, within work: inout WorkBudget
    ) throws(Denial) {
        guard let ledger = toolPlan.rules.ledger else { return }
        var items: [Spending.Item] = []
        do throws(Denial) {
            for planned in toolPlan.rules.budgets
            where toolPlan.rules.coverage(of: call, by: planned.planned, within: &work) != .no {
                let budget = planned.budget
                let amount: Amount
                do throws(Amount.Fault) {
                    // Who states a limit does not say how finely a cost is told.
                    amount = try budget.cost(of: call, roundingUp: planned.isOfGrant)
                } catch {
                    try refuse(planned.planned, unpriced(planned, error))
                    continue
                }
                switch try ledger.reserve(amount.units, of: planned.accounts(at: time), at: time) {
                case .reserved(let hold):
                    items.append(Spending.Item(planned: planned, ledger: ledger, hold: hold))
                case .exhausted(_, let left):
                    try refuse(planned.planned, planned.exhausted(short, amount, left: left, at: time))
                }
            }
        } catch {
            Spending(items).giveBack()
            throw error
        }
        if !items.isEmpty { spending = Spending(items) }
    }

    private func unpriced(_ planned: PlannedBudget, _ fault: Amount.Fault) -> Denial {
        let why =
            switch fault {
            case .notDecimal: "is missing, or not a decimal without sign and exponent"
            case .tooFine: "has more than \(planned.budget.scale) digits after the point"
            case .tooLarge: "is too large"
            }
        return Denial(
            "policy_denied",
            "\(short): what this call costs in \(planned.budget.unit) cannot be told: its argument \(why)",
            rule: rule(planned.planned).id)
    }
}

/// A rule that refuses a call unless somebody approves it, by its place in the document, and what it says against it.
struct PolicyQuestion {
    let rule: Int
    let because: String
}
