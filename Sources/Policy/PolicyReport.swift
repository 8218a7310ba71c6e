package import Scopes
package import StrictJSON

/// The result of checking a policy before anybody enforces it: the errors, or the oddities.
package struct PolicyReport: Sendable {
    package let document: PolicyDocument?
    package let errors: [PolicyError]
    package let findings: [PolicyFinding]

    /// - Parameter errors: what keeps a document that can be read from being applied.
    package init(of document: PolicyDocument, ceilings: [Scope], errors: [PolicyError] = []) {
        (self.document, self.errors, findings) = (document, errors, document.findings(ceilings: ceilings))
    }

    package init(_ errors: PolicyErrors) { (document, self.errors, findings) = (nil, errors.all, []) }

    /// As `docs/schemas/policy-report.json` has it.
    package var tree: JSONTree {
        [
            "version": document.map { .int(Int($0.version)) } ?? .null,
            "rules": document.map { .int($0.rules.count) } ?? .null,
            "errors": .array(errors.map(\.tree)), "findings": .array(findings.map(\.tree)),
        ]
    }
}

extension PolicyError {
    fileprivate var tree: JSONTree {
        [
            "name": .string(name), "path": .string(path), "rule": rule.map { .string($0) } ?? .null,
            "message": .string(message), "remedy": .string(remedy),
            "position": position.map { .int($0) } ?? .null,
        ]
    }
}

extension PolicyFinding {
    fileprivate var tree: JSONTree {
        [
            "name": .string(name.description), "path": .string(path), "rule": rule.map { .string($0) } ?? .null,
            "message": .string(message),
        ]
    }
}

extension PolicyDocument {
    /// Which rules a call is about, in the order of the document, and what each of them does. Nothing is taken.
    package func explanation(of tool: String, _ call: JSON.Value) -> JSONTree {
        var work = WorkBudget(steps: ScopeLimits.steps)
        var found: [JSONTree] = []
        for rule in rules {
            guard let match = rule.match else { continue }
            var most = Coverage.no
            for pattern in match.tools(named: tool) { most = max(most, pattern.coverage(of: call, within: &work)) }
            guard most != .no else { continue }
            found.append([
                "rule": .string(rule.id.string), "match": .string(match.text), "effect": .string(rule.effect.member),
                "says": .string(summary(of: rule)), "then": .string(rule.consequence.rawValue),
                "mode": .string(rule.mode.rawValue),
                // A call that leaves open whether it is meant is taken for one that is.
                "certain": .bool(most == .yes),
            ])
        }
        return ["version": .int(Int(version)), "tool": .string(tool), "rules": .array(found)]
    }

    /// The effect of a rule, for people.
    package func summary(of rule: PolicyRule) -> String {
        switch rule.effect {
        case .refusal: return "denies these calls"
        case .hours(let hours): return "permits these calls \(hours.text) only"
        case .approval:
            let approval = rule.approval
            return
                "asks \(approval?.needed ?? 1) of \((approval?.approvers ?? []).map(\.string).joined(separator: ", "))"
        case .rate(let rate, let subject): return "\(rate.text) for each \(subject.rawValue)"
        case .budget(let budget):
            let period = budget.period.map { " per \(PolicyDuration.text($0))" } ?? ""
            return
                "\(budget.limit.text(scale: budget.scale)) \(budget.unit)\(period) for each \(budget.subject.rawValue)"
        case .anomaly(let anomaly):
            return
                "more than \(anomaly.count) \(anomaly.sign.rawValue) in \(PolicyDuration.text(anomaly.period)) of one "
                + anomaly.subject.rawValue
        case .declassification(let taken):
            let approval = rule.approval
            return
                "lets \(approval?.needed ?? 1) of \((approval?.approvers ?? []).map(\.string).joined(separator: ", ")) "
                + "take away \(labels.list(taken).joined(separator: ", "))"
        case .labels(let rule):
            var parts: [String] = []
            if !rule.adds.isEmpty { parts.append("adds \(labels.list(rule.adds).joined(separator: ", "))") }
            for combination in rule.refuses { parts.append("refuses \(labels.text(combination))") }
            if !rule.requires.isEmpty { parts.append("requires \(labels.text(rule.requires))") }
            return parts.joined(separator: "; ")
        }
    }
}
