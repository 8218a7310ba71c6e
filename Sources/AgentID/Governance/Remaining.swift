internal import Policy
internal import Scopes
internal import StrictJSON

extension PolicyPlan {
    /// The rest of what the policy's rates and budgets let the chain's agent do, and the labels that its task has:
    /// `docs/schemas/remaining.json`.
    ///
    /// - Parameters:
    ///   - scope: the chain's: a rule about other tools says nothing of it.
    ///   - tool: only rules about this tool; `nil`: all.
    func remaining(within scope: Scope, of tool: String?, now: Int64) throws(Denial) -> JSONTree {
        let rules = (policy.document.rules + limits).filter { rule in
            guard let match = rule.match else { return false }
            return tool.map { !match.tools(named: $0).isEmpty } ?? match.touches(scope)
        }
        let needsBudgets = rules.contains { rule in if case .budget = rule.effect { true } else { false } }
        let reading = try MeterReading(meters, needsBudgets: needsBudgets, now: now)
        var (rates, budgets): ([JSONTree], [JSONTree]) = ([], [])
        for rule in rules {
            switch rule.effect {
            case .rate(let rate, let subject):
                // Of several agents' meters, the one that stops the next call.
                var least: MeterReading.OfRate?
                for name in subjects.names(of: subject, under: rule) {
                    let share = MeterShare(subjects, subject, name.last ?? "", of: rule, meters.registry)
                    let one = try reading.rate(rule, rate, of: name, in: share.range)
                    if least.map({ (one.left, $0.more ?? 0) < ($0.left, one.more ?? 0) }) ?? true { least = one }
                }
                if let least { rates.append(.object(rule.document(of: rate, subject, least))) }
            case .budget(let budget):
                let names = subjects.names(of: budget.subject, under: rule)
                let shares = names.map {
                    MeterShare(subjects, budget.subject, $0.last ?? "", of: rule, meters.registry)
                }
                let planned = PlannedBudget(.ofAll, budget, of: rule, names, shares)
                guard let least = try reading.budget(planned).min(by: { $0.left < $1.left }) else { continue }
                budgets.append(.object(rule.document(of: budget, least)))
            case .refusal, .hours, .labels, .approval, .anomaly, .declassification: continue
            }
        }
        return [
            "policy": named.map { .int(Int($0)) } ?? .null, "rates": .array(rates), "budgets": .array(budgets),
            "labels": .array(policy.document.labels.list(try labels(reading)).map { .string($0) }),
        ]
    }

    /// The same where no policy is in force.
    static let unlimited: JSONTree = ["policy": .null, "rates": [], "budgets": [], "labels": []]
}

extension PolicyRule {
    /// The members of a document about one meter of a rate.
    func document(of rate: Rate, _ subject: Subject, _ meter: MeterReading.OfRate) -> JSONTree.Members {
        var members = document(subject)
        members["left"] = .int(Int(meter.left))
        members["burst"] = .int(Int(rate.burst))
        members["calls"] = .int(Int(rate.calls))
        members["per_ms"] = .int(Int(rate.period))
        members["more_in_ms"] = meter.more.map { .int(Int($0)) } ?? .null
        members["full_in_ms"] = meter.full.map { .int(Int($0)) } ?? .null
        return members
    }

    /// The members of a document about one account of a budget.
    func document(of budget: Budget, _ account: MeterReading.OfBudget) -> JSONTree.Members {
        let text = { (units: Int64) in
            JSONTree.string((Amount(units: max(units, 0)) ?? .zero).text(scale: budget.scale))
        }
        var members = document(budget.subject)
        members["unit"] = .string(budget.unit.string)
        members["limit"] = text(budget.limit.units)
        members["left"] = text(account.left)
        members["spent"] = text(budget.limit.units.subtractingReportingOverflow(account.left).partialValue)
        members["resets_in_ms"] = account.resets.map { .int(Int($0)) } ?? .null
        return members
    }

    private func document(_ subject: Subject) -> JSONTree.Members {
        var members: JSONTree.Members = [
            "rule": .string(id.string), "match": .string(match?.text ?? ""), "for": .string(subject.rawValue),
            "mode": .string(mode.rawValue),
        ]
        if let grantor { (members["for"], members["subject"]) = ("grant", .string(grantor.name)) }
        return members
    }
}
