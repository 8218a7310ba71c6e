internal import Policy
internal import Scopes
internal import StrictJSON

/// The rules of a policy that calls of one tool under one chain may be about, with the places of their meters.
struct ToolRules: Sendable {
    /// Those that refuse by themselves, in the order in which they are asked.
    private(set) var tests: [PlannedTest] = []
    /// Those that ask before every call.
    private(set) var questions: [PlannedRule] = []
    private(set) var rates: [PlannedRate] = []
    /// Whether they are another tool's, too.
    private var sharesRates = false
    private(set) var budgets: [PlannedBudget] = []
    /// The ledger of the budgets; `nil` where there are none.
    private(set) var ledger: BudgetLedger?
    private(set) var labels: [PlannedLabels] = []
    private(set) var labelled: LabelMeters?
    /// All of `labels`, taken together.
    private(set) var labelsAtOnce = LabelsAtOnce()
    /// `nil` where no rule needs a meter.
    private(set) var page: MetersPage?
    /// Whether calls can be decided without a look at their arguments: see ``takeAtOnce(at:carrying:shown:until:by:)``.
    private(set) var manner = Manner.some
    /// The patterns of each rule for this tool, where the arguments decide; the rules point into it.
    private var patterns: [[ToolPattern]] = []

    /// One call takes from no more meters.
    static let mostRates = 1024

    init(_ tool: String, under plan: PolicyPlan, now: Int64) throws(Denial) {
        let (subjects, meters) = (plan.subjects, plan.meters)
        let count = plan.policy.document.rules.count
        // Whatever kinds of rules there are: all but a rate of all calls and labels are to be asked.
        var isPlain = true
        var rated: [PlannedRule] = []
        // What an agent's own grant limits before what its parent's does, and that before the policy's: see `turn`.
        for place in (count..<count + plan.limits.count).reversed() + plan.policy.order {
            let rule = plan.rule(at: place)
            guard let found = rule.match?.tools(named: tool), !found.isEmpty else { continue }
            let isOpen = found.contains { $0.isOpen }
            let planned = PlannedRule(
                rule: place, isObserved: rule.mode == .observe, patterns: isOpen ? -1 : patterns.count)
            if !isOpen { patterns.append(found) }
            switch rule.effect {
            case .rate where isOpen, .labels: break
            default: isPlain = false
            }
            switch rule.effect {
            case .refusal: tests.append(PlannedTest(planned: planned, hours: nil))
            case .hours(let hours): tests.append(PlannedTest(planned: planned, hours: hours))
            case .labels(let labels):
                self.labels.append(PlannedLabels(planned: planned, labels: labels))
                labelsAtOnce.add(labels)
            case .rate: rated.append(planned)
            case .budget(let budget):
                let page = try meters.page(now)
                (self.page, ledger) = (page, try meters.ledger(now))
                let names = subjects.names(of: budget.subject, under: rule)
                let shares = names.map {
                    MeterShare(subjects, budget.subject, $0.last ?? "", of: rule, meters.registry)
                }
                budgets.append(PlannedBudget(planned, budget, of: rule, names, shares))
            case .approval: questions.append(planned)
            // Refused when the policy is read.
            case .anomaly, .declassification: continue
            }
        }
        if !rated.isEmpty { try planRates(rated, under: plan, now: now) }
        if !labels.isEmpty {
            let page = try meters.page(now)
            (self.page, labelled) = (page, LabelMeters(of: subjects, page, meters.registry))
        }
        guard isPlain else { return }
        manner = if let page { .meters(Borrowed(page), labelled.map { Borrowed($0) }) } else { .none }
    }

    /// Most tools are counted by the same rules as others, with any arguments: then the chain has their rates but once.
    private mutating func planRates(_ rated: [PlannedRule], under plan: PolicyPlan, now: Int64) throws(Denial) {
        let (subjects, meters) = (plan.subjects, plan.meters)
        let page = try meters.page(now)
        let time = try page.look(now)
        self.page = page
        if let known = plan.rates(of: rated) {
            (rates, sharesRates) = (known, true)
            return
        }
        for planned in rated {
            let rule = plan.rule(at: planned.rule)
            guard case .rate(let rate, let subject) = rule.effect else { continue }
            for name in subjects.names(of: subject, under: rule) {
                let share = MeterShare(subjects, subject, name.last ?? "", of: rule, meters.registry)
                let key = page.key(["rate", rule.id.string] + name, in: share.range)
                // One that arguments decide is made by the first call that it is about.
                let slot =
                    try planned.patterns < 0
                    ? page.slot(of: key, .rate, at: time, from: share) : page.place(of: key, .rate)
                rates.append(PlannedRate(planned: planned, meter: rate.meter, slot: slot, share: share))
            }
            guard rates.count <= Self.mostRates else {
                throw Denial(
                    "too_costly", "more than \(Self.mostRates) meters count this call: write fewer rules", at: "policy")
            }
        }
    }

    /// Whether its rates are those of these rules, of all calls of the tool.
    func hasRates(of rules: [PlannedRule]) -> Bool {
        var next = 0
        // A rule has a rate of each subject, one after the other.
        for rate in rates where next == 0 || rate.planned.rule != rules[next - 1].rule {
            guard next < rules.count, rate.planned.patterns < 0, rules[next].patterns < 0,
                rate.planned.rule == rules[next].rule
            else { return false }
            next += 1
        }
        return next == rules.count
    }

    /// An estimate of the memory that it takes, in bytes: what its patterns say is the rules'.
    var size: Int {
        var size = 512 + MemoryLayout<Self>.stride
        size += tests.count * MemoryLayout<PlannedTest>.stride + questions.count * MemoryLayout<PlannedRule>.stride
        size += labels.count * MemoryLayout<PlannedLabels>.stride
        if !sharesRates { size += rates.count * (MemoryLayout<PlannedRate>.stride + MeterShare.size / 2) }
        for budget in budgets { size += budget.size }
        for pattern in patterns { size += 64 + pattern.count * MemoryLayout<ToolPattern>.stride }
        // Arrays grow to twice what they hold.
        return 2 * size
    }

    /// Whether a call is one that a rule is about, as far as its arguments tell.
    func coverage(
        of call: JSON.Value, by planned: PlannedRule, within work: inout WorkBudget
    ) -> Coverage {
        guard planned.patterns >= 0 else { return .yes }
        var most = Coverage.no
        for i in patterns[planned.patterns].indices where most != .yes {
            most = max(most, patterns[planned.patterns][i].coverage(of: call, within: &work))
        }
        return most
    }
}

/// A rule as it is asked about a tool, whatever its kind.
struct PlannedRule: Sendable {
    /// The rule's place in the document.
    let rule: Int
    let isObserved: Bool
    /// Where the patterns stand that its calls are like; -1: it is about all calls of the tool.
    let patterns: Int

    /// For those who only read meters.
    static let ofAll = PlannedRule(rule: 0, isObserved: false, patterns: -1)
}

/// A rule that refuses by itself: outside hours, or always.
struct PlannedTest: Sendable {
    let planned: PlannedRule
    let hours: Hours?
}

/// A rule about what was seen and done before.
struct PlannedLabels: Sendable {
    let planned: PlannedRule
    let labels: LabelRule
}

/// A rate of one subject.
struct PlannedRate: Sendable {
    let planned: PlannedRule
    let meter: GCRA
    let slot: MeterSlot
    /// Says where its meter may stand, where it has to be made.
    let share: MeterShare

    /// Where its meter was last found.
    var place: MeterSlot {
        let last = share.lastPlace
        return last < 0 ? slot : slot.moved(to: last)
    }

    /// Takes one call; returns in how many milliseconds it could be taken where it cannot now.
    func take(from page: MetersPage, at time: MeterTime) throws(Denial) -> Int64? {
        try page.take(place, meter, at: time, from: share)
    }

    func giveBack(to page: MetersPage, since time: MeterTime, by clock: CheckedClock) {
        // What cannot be given back stays taken: that only denies more.
        try? page.giveBack(place, meter, since: time, by: clock)
    }
}
