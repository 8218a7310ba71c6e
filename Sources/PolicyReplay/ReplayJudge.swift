internal import AgentID
internal import Policy
internal import StrictJSON

/// Answers recorded calls by a policy, one after the other in the order of their times, as guards would have: hours and
/// refusals, labels, approvals, rates, budgets.
struct ReplayJudge {
    let policy: ActivePolicy
    var meters = ReplayMeters()
    private(set) var counts: [RuleCounts]
    private var pending = PendingCalls()
    /// Agents that would have been stopped, and by which rule.
    private var stopped: [ExactText: Int] = [:]
    /// Whether it matters how a call ended.
    let keepsCalls: Bool

    init(_ policy: ActivePolicy) {
        self.policy = policy
        counts = policy.document.rules.map { _ in RuleCounts() }
        let isSpending = policy.document.rules.contains { if case .budget = $0.effect { true } else { false } }
        keepsCalls = isSpending || !policy.document.labels.names.isEmpty
    }

    // MARK: A call

    /// The takings of a call, to be given back where it is denied after all.
    private struct Taken {
        var rates: [(rule: Int, meter: ReplayMeter, rate: GCRA)] = []
        var budgets: [(meter: ReplayMeter, amount: Int64, refunds: Bool)] = []

        func giveBack() {
            for (_, meter, rate) in rates { meter.giveBack(rate) }
            for (meter, amount, _) in budgets { meter.spent -= amount }
        }
    }

    /// Answers a call that came to the policy: it was permitted, or a rule denied it.
    mutating func judge(_ record: ReplayRecord, of call: ReplayCall) -> ReplayVerdict {
        var verdict = ReplayVerdict()
        if let rule = stopping(call.context) {
            (verdict.answer, verdict.rule, verdict.reason) = (.stopped, rule, "suspended")
            count(record, call, verdict)
            return verdict
        }
        let plan = plan(of: call)
        var taken = Taken()
        let isDenied = ask(plan, record, call, &verdict, &taken)
        if isDenied {
            taken.giveBack()
        } else {
            addLabels(plan, at: record.time)
            if keepsCalls { pending.keep(record, call, taken.budgets) }
        }
        if isDenied { follow(&verdict, call.context, at: record.time) }
        count(record, call, verdict)
        return verdict
    }

    private mutating func plan(of call: ReplayCall) -> ReplayPlan {
        if let plan = call.plan, plan.age == meters.age { return plan }
        let plan = ReplayPlan(call, under: policy, &meters)
        call.plan = plan
        return plan
    }

    /// Asks each rule; returns whether one denied.
    private mutating func ask(
        _ plan: ReplayPlan, _ record: ReplayRecord, _ call: ReplayCall, _ verdict: inout ReplayVerdict,
        _ taken: inout Taken
    ) -> Bool {
        let now = record.time
        for test in plan.tests where test.hours?.contain(now) != true {
            if test.match == .unknown {
                leaveOpen(test.rule, &verdict)
            } else if refuse(test.rule, test.hours == nil ? "policy_denied" : "outside_hours", record, &verdict) {
                return true
            }
        }
        if !plan.labels.isEmpty, let labelled = plan.labelled {
            let (sure, possible) = labelled.labels(at: now)
            for rule in plan.labels {
                let isSure =
                    rule.labels.refuses.contains { sure.isSuperset(of: $0) }
                    || !possible.isSuperset(of: rule.labels.requires)
                let isPossible =
                    rule.labels.refuses.contains { possible.isSuperset(of: $0) }
                    || !sure.isSuperset(of: rule.labels.requires)
                if isPossible, !isSure || rule.match == .unknown {
                    leaveOpen(rule.rule, &verdict)
                } else if isSure, refuse(rule.rule, "flow_refused", record, &verdict) {
                    return true
                }
            }
        }
        for question in plan.questions {
            if question.match == .unknown {
                leaveOpen(question.rule, &verdict)
            } else if refuse(question.rule, "approval_required", record, &verdict) {
                return true
            }
        }
        var refused = -1
        for rate in plan.rates where rate.rule != refused {
            if rate.match == .unknown {
                leaveOpen(rate.rule, &verdict)
            } else if rate.meter.take(rate.rate, at: now) {
                taken.rates.append((rate.rule, rate.meter, rate.rate))
            } else if refuse(rate.rule, "rate_limited", record, &verdict) {
                return true
            } else {
                refused = rate.rule
                while let last = taken.rates.last, last.rule == refused {
                    last.meter.giveBack(last.rate)
                    taken.rates.removeLast()
                }
            }
        }
        return spend(plan, record, call, &verdict, &taken)
    }

    private mutating func spend(
        _ plan: ReplayPlan, _ record: ReplayRecord, _ call: ReplayCall, _ verdict: inout ReplayVerdict,
        _ taken: inout Taken
    ) -> Bool {
        for i in plan.budgets.indices {
            let budget = plan.budgets[i].budget
            let rule = plan.budgets[i].rule
            guard plan.budgets[i].match != .unknown else {
                leaveOpen(rule, &verdict)
                continue
            }
            let amount: Amount
            switch budget.cost {
            case .fixed(let fixed): amount = fixed
            case .argument(let name):
                if call.names.contains(name) || !call.hasAllNames {
                    leaveOpen(rule, &verdict)
                } else if refuse(rule, "policy_denied", record, &verdict) {
                    return true
                }
                continue
            }
            if let reserved = plan.budgets[i].reserve(amount.units, at: record.time, &meters) {
                taken.budgets += reserved.map { ($0, amount.units, budget.onFailure == .refund) }
            } else if refuse(rule, "budget_exhausted", record, &verdict) {
                return true
            }
        }
        return false
    }

    /// Denies the call where the rule is enforced; returns whether it did. People who were asked are taken to have consented,
    /// unless the log says otherwise.
    private mutating func refuse(
        _ place: Int, _ reason: StaticString, _ record: ReplayRecord, _ verdict: inout ReplayVerdict
    ) -> Bool {
        let rule = policy.document.rules[place]
        let asks = rule.consequence == .ask
        let reason: StaticString = asks ? "approval_required" : reason
        guard rule.mode == .enforce else {
            if verdict.observed == nil { verdict.observed = (place, reason) }
            return false
        }
        if asks {
            if verdict.rule == nil { (verdict.answer, verdict.rule, verdict.reason) = (.ask, place, reason) }
            return record.kind == .asked
        }
        (verdict.answer, verdict.rule, verdict.reason) = (.deny, place, reason)
        return true
    }

    /// Counts a call of which the log does not have what the rule goes by.
    private mutating func leaveOpen(_ rule: Int, _ verdict: inout ReplayVerdict) {
        verdict.isOpen = true
        counts[rule].open += 1
    }

    private func addLabels(_ plan: ReplayPlan, at now: Int64) {
        guard let labelled = plan.labelled else { return }
        for rule in plan.labels where !rule.labels.adds.isEmpty {
            let sure: LabelSet =
                switch rule.match {
                case .yes: rule.labels.adds
                case .restricts: rule.labels.adds.subtracting(rule.labels.permitting)
                case .unknown: []
                }
            let possible = rule.match == .unknown ? rule.labels.adds : []
            if rule.labels.subject == .agent {
                labelled.raiseOwn(sure, possible: possible, at: now)
            } else {
                labelled.raise(sure, possible: possible, at: now)
            }
        }
    }

    // MARK: Consequences

    private func stopping(_ context: ReplayContext) -> Int? {
        guard !stopped.isEmpty else { return nil }
        for holder in context.holders { if let rule = stopped[holder] { return rule } }
        return nil
    }

    /// Stops the agent where the rule that denied says so, or counts the denial.
    private mutating func follow(_ verdict: inout ReplayVerdict, _ context: ReplayContext, at now: Int64) {
        guard let place = verdict.rule else { return }
        let rule = policy.document.rules[place]
        if rule.consequence.isStop {
            stop(context, above: 0, by: place)
        } else {
            noteDenial("\(verdict.reason)", by: rule.id.string, context, at: now, &verdict)
        }
    }

    private mutating func stop(_ context: ReplayContext, above: Int, by rule: Int) {
        guard context.holders.indices.contains(above) else { return }
        stopped[context.holders[above]] = rule
        counts[rule].stops += 1
    }

    /// Counts a denial as a sign of what it is; stops the agent where that is one too many.
    mutating func noteDenial(
        _ reason: String, by rule: String?, _ context: ReplayContext, at now: Int64, _ verdict: inout ReplayVerdict
    ) {
        guard !policy.anomalies.isEmpty else { return }
        let signs = Anomaly.Sign.of(reason, by: rule, under: policy)
        guard !signs.isEmpty else { return }
        if context.countersAge != meters.age {
            context.counters = ReplayCounter.all(of: policy, context.subjects, &meters)
            context.countersAge = meters.age
        }
        var crossed: (rule: Int, above: Int, gravity: Int)?
        for counter in context.counters where signs.contains(counter.sign) {
            var highest: Int?
            for i in counter.meters.indices where !counter.meters[i].take(counter.rate, at: now) { highest = i }
            guard let highest else { continue }
            let gravity = gravity(of: counter.rule)
            if let known = crossed, known.gravity >= gravity { continue }
            crossed = (counter.rule, highest, gravity)
        }
        guard let crossed else { return }
        let isObserved = policy.document.rules[crossed.rule].mode == .observe
        verdict.stop = (crossed.rule, isObserved)
        counts[crossed.rule].see(at: now)
        if isObserved {
            counts[crossed.rule].observed += 1
        } else {
            stop(context, above: crossed.above, by: crossed.rule)
        }
    }

    private func gravity(of place: Int) -> Int {
        let rule = policy.document.rules[place]
        let gravity = Consequence.allCases.firstIndex(of: rule.consequence) ?? 0
        return rule.mode == .enforce ? gravity + Consequence.allCases.count : gravity
    }

    /// An operator set an agent going again.
    mutating func resume(_ agent: String) { stopped[ReplayContext.holder(of: "", agent)] = nil }

    /// People took labels away from an agent.
    mutating func declassify(_ record: ReplayRecord, _ agent: String) {
        ReplayLabels.lower(LabelSet(rawValue: record.labels), of: agent, &meters)
    }

    // MARK: Outcomes

    /// A call ended: its tool reported labels, or it failed and costs nothing.
    mutating func end(_ record: ReplayRecord) {
        guard keepsCalls, let call = pending.take(record) else { return }
        // What rules require no tool reports.
        let labels = LabelSet(rawValue: record.labels).subtracting(policy.permitting)
        if !labels.isEmpty {
            plan(of: call.call).labelled?.raise(labels, possible: [], at: record.time)
        }
        guard record.kind == .failed else { return }
        for (meter, amount, refunds) in call.budgets where refunds { meter.spent -= amount }
    }

    private mutating func count(_ record: ReplayRecord, _ call: ReplayCall, _ verdict: ReplayVerdict) {
        let wasPermitted = record.kind == .permit
        if let rule = verdict.rule {
            counts[rule].count(verdict.answer, record, call, verdict.reason, wasPermitted: wasPermitted)
        }
        if let observed = verdict.observed {
            counts[observed.rule].observed += 1
            counts[observed.rule].see(at: record.time)
            counts[observed.rule].show(record, call, observed.reason)
        }
    }
}
