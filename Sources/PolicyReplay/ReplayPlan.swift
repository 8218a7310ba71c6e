internal import AgentID
internal import Policy
internal import Scopes
internal import StrictJSON

/// Whether a rule is about the calls of a tool, as far as a log without the arguments' values tells.
enum ReplayMatch {
    case yes
    /// Arguments that it names are missing: what restricts applies, what permits does not.
    case restricts
    /// The values decide.
    case unknown

    init(_ patterns: [ToolPattern], _ call: ReplayCall) {
        var match = ReplayMatch.unknown
        for pattern in patterns {
            guard let names = pattern.namesOnly else { continue }
            if names.allSatisfy(call.names.contains) {
                self = .yes
                return
            }
            if call.hasAllNames { match = .restricts }
        }
        self = match
    }
}

/// The rules of a policy that calls of one tool under one chain may be about, with their meters.
final class ReplayPlan {
    /// The age of the meters that it was made with.
    let age: Int
    private(set) var tests: [(rule: Int, match: ReplayMatch, hours: Hours?)] = []
    private(set) var labels: [(rule: Int, match: ReplayMatch, labels: LabelRule)] = []
    private(set) var labelled: ReplayLabels?
    private(set) var questions: [(rule: Int, match: ReplayMatch)] = []
    private(set) var rates: [(rule: Int, match: ReplayMatch, rate: GCRA, meter: ReplayMeter)] = []
    var budgets: [ReplayBudget] = []

    init(_ call: ReplayCall, under policy: ActivePolicy, _ meters: inout ReplayMeters) {
        age = meters.age
        let subjects = call.context.subjects
        for place in policy.order {
            let rule = policy.document.rules[place]
            guard let found = rule.match?.tools(named: call.tool), !found.isEmpty else { continue }
            let match = ReplayMatch(found, call)
            switch rule.effect {
            case .refusal: tests.append((place, match, nil))
            case .hours(let hours): tests.append((place, match, hours))
            case .labels(let labels): self.labels.append((place, match, labels))
            case .approval: questions.append((place, match))
            case .rate(let rate, let subject):
                for name in subjects.names(of: subject) {
                    rates.append((place, match, rate.meter, meters.meter(.rate, ["rate", rule.id.string] + name)))
                }
            case .budget(let budget):
                let own = ["budget", rule.id.string, budget.unit.string, "\(budget.scale)"]
                budgets.append(
                    ReplayBudget(
                        rule: place, match: match, budget: budget,
                        accounts: subjects.names(of: budget.subject).map { .init(parts: own + $0) }))
            case .anomaly, .declassification: continue
            }
        }
        guard !policy.document.labels.names.isEmpty else { return }
        labelled = ReplayLabels(of: subjects, permitting: policy.permitting, &meters)
    }
}

/// A budget of one subject, or of one for each agent up to the root.
struct ReplayBudget {
    struct Account {
        let parts: [String]
        /// The meter of the period that began then.
        var current: (start: Int64, meter: ReplayMeter)?
    }

    let rule: Int
    let match: ReplayMatch
    let budget: Budget
    var accounts: [Account]

    /// Reserves an amount from all accounts, or from none; `nil` where one has too little left.
    mutating func reserve(_ amount: Int64, at now: Int64, _ meters: inout ReplayMeters) -> [ReplayMeter]? {
        var reserved: [ReplayMeter] = []
        let start = budget.period.map { now - now % $0 } ?? 0
        let until = budget.period.map { start + $0 } ?? now.addingReportingOverflow(PolicyLimits.kept).partialValue
        for i in accounts.indices {
            if accounts[i].current?.start != start {
                accounts[i].current = (start, meters.meter(.budget, accounts[i].parts + ["\(start)"]))
            }
            guard let meter = accounts[i].current?.meter else { return nil }
            let (spent, overflows) = meter.spent.addingReportingOverflow(amount)
            guard !overflows, spent <= budget.limit.units else {
                for meter in reserved { meter.spent -= amount }
                return nil
            }
            meter.spent = spent
            meter.until = max(meter.until, until)
            reserved.append(meter)
        }
        return reserved
    }
}

/// An anomaly with its meters, from the caller up to the root.
struct ReplayCounter {
    let rule: Int
    let sign: Anomaly.Sign
    let rate: GCRA
    let meters: [ReplayMeter]

    static func all(
        of policy: ActivePolicy, _ subjects: PolicySubjects, _ meters: inout ReplayMeters
    ) -> [ReplayCounter] {
        var counters: [ReplayCounter] = []
        for place in policy.anomalies {
            let rule = policy.document.rules[place]
            guard case .anomaly(let anomaly) = rule.effect else { continue }
            counters.append(
                ReplayCounter(
                    rule: place, sign: anomaly.sign, rate: anomaly.rate.meter,
                    meters: subjects.holders(of: anomaly.subject).map {
                        meters.meter(.rate, ["anomaly", rule.id.string] + $0)
                    }))
        }
        return counters
    }
}
