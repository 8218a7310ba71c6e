package import Scopes
internal import StrictJSON

/// An oddity of a valid policy: a rule that never decides anything, or calls that no rule decides.
package struct PolicyFinding: Sendable, CustomStringConvertible {
    /// `shadowed_rule`, `unreachable_rule`, `budget_above_parent`, `unknown_cost` or `unlabelled_tools`.
    package let name: StaticString
    /// Which rule, or which part of it, by its place and its ID; `labels` and `nil` where it is of all of them.
    package let path: String
    package let rule: String?
    package let message: String

    package var description: String {
        "\(path): \(rule.map { "rule \($0): " } ?? "")\(message)".printable
    }
}

extension PolicyDocument {
    /// The oddities of this policy, in the order of its rules.
    ///
    /// - Parameter ceilings: of all profiles; with none, no rule is called unreachable, and no tool unlabelled.
    package func findings(ceilings: [Scope]) -> [PolicyFinding] {
        var findings: [PolicyFinding] = []
        for (i, rule) in rules.enumerated() {
            func find(_ name: StaticString, _ message: String, at member: String = "") {
                findings.append(
                    PolicyFinding(name: name, path: "rules[\(i)]\(member)", rule: rule.id.string, message: message))
            }
            if !ceilings.isEmpty, let match = rule.match, !ceilings.contains(where: { match.touches($0) }) {
                find("unreachable_rule", "no profile has a tool that this matches")
            }
            if let message = rule.unknownCost(under: ceilings) {
                find("unknown_cost", message, at: ".budget.cost.argument")
            }
            for (j, other) in rules.enumerated() where i != j {
                if let message = other.shadows(rule, isEarlier: j < i) {
                    find("shadowed_rule", message)
                } else if let message = other.isSmallerParent(of: rule) {
                    find("budget_above_parent", message)
                } else {
                    continue
                }
                break
            }
        }
        let unlabelled = unlabelledTools(of: ceilings)
        if !unlabelled.isEmpty {
            let name: StaticString = "unlabelled_tools"
            let message = "no rule about labels is about these tools of profiles: \(unlabelled.joined(separator: ", "))"
            findings.append(PolicyFinding(name: name, path: "labels", rule: nil, message: message))
        }
        return findings
    }

    /// The tools by which data flows past a policy's labels.
    private func unlabelledTools(of ceilings: [Scope]) -> [String] {
        let matches = rules.compactMap { rule -> CallPattern? in
            if case .labels = rule.effect { rule.match } else { nil }
        }
        guard !matches.isEmpty else { return [] }
        return ceilings.flatMap(\.tools).map(\.name).exact.inByteOrder().filter { name in
            !matches.contains { !$0.tools(named: name).isEmpty }
        }
    }
}

extension PolicyRule {
    /// Which tools of profiles are denied whenever this is about them: none has the argument that says what a call costs.
    fileprivate func unknownCost(under ceilings: [Scope]) -> String? {
        guard let match, case .budget(let budget) = effect, case .argument(let argument) = budget.cost else {
            return nil
        }
        let tools = ceilings.flatMap(\.tools).filter { !match.tools(named: $0.name).isEmpty }
        func tell(_ tool: ToolScope) -> Bool {
            tool.admitsUnnamed || tool.arguments.contains { $0.name.isSame(as: argument.string) }
        }
        let known = tools.filter(tell)
        let costless = tools.filter { tool in !known.contains { $0.name.isSame(as: tool.name) } }
        guard !costless.isEmpty else { return nil }
        let names = costless.map(\.name).exact.inByteOrder().joined(separator: ", ")
        let others = costless.flatMap { $0.arguments.map(\.name) }.exact.inByteOrder().joined(separator: ", ")
        return
            "no profile gives these tools the argument \(argument), so that every such call is denied: \(names): name one "
            + "that they have (\(others)), or a fixed cost"
    }

    /// Why another rule never decides anything beside this one; `nil` where it may.
    fileprivate func shadows(_ other: PolicyRule, isEarlier: Bool) -> String? {
        guard mode == .enforce || other.mode == .observe, let match, let theirs = other.match else { return nil }
        switch (effect, other.effect) {
        case (.refusal, let effect):
            if case .refusal = effect, !isEarlier { return nil }
            guard match.covers(theirs) else { return nil }
            return "the rule \(id) refuses every call that this matches"
        case (.rate(let rate, let subject), .rate(let theirRate, let theirSubject)):
            guard subject == theirSubject, rate.isAtMost(theirRate), isEarlier || rate != theirRate,
                match.covers(theirs), theirs.covers(match) || !other.consequence.isStop
            else { return nil }
            return "the rule \(id) lets fewer of these calls through"
        default: return nil
        }
    }

    /// Why a budget of a narrower subject is never used up: a wider one has no more.
    fileprivate func isSmallerParent(of other: PolicyRule) -> String? {
        guard case .budget(let budget) = effect, case .budget(let theirs) = other.effect,
            budget.unit == theirs.unit, budget.subject.isAbove(theirs.subject),
            budget.limit.isBelow(theirs.limit, scale: budget.scale, theirs.scale),
            budget.period ?? .max >= theirs.period ?? .max,
            let match, let theirMatch = other.match, match.covers(theirMatch)
        else { return nil }
        return "its budget is larger than that of \(id), which counts the same calls for the \(budget.subject.rawValue)"
    }
}

extension Rate {
    /// Whether no more calls get through than under another.
    fileprivate func isAtMost(_ other: Rate) -> Bool {
        let (own, theirs) = (Int128(calls) * Int128(other.period), Int128(other.calls) * Int128(period))
        return own <= theirs && burst <= other.burst
    }
}

extension Subject {
    /// Whether all that another counts is counted here too.
    fileprivate func isAbove(_ other: Subject) -> Bool {
        switch (self, other) {
        case (.subtree, .agent), (.task, .agent), (.task, .subtree), (.profile, .agent): true
        case (.principal, .agent), (.principal, .subtree), (.principal, .task): true
        case (.domain, .agent), (.domain, .subtree), (.domain, .task), (.domain, .principal), (.domain, .profile): true
        default: false
        }
    }
}

extension Amount {
    fileprivate func isBelow(_ other: Amount, scale: Int, _ otherScale: Int) -> Bool {
        func widened(_ amount: Amount, _ scale: Int) -> Int128 {
            (scale..<PolicyLimits.scale).reduce(Int128(amount.units)) { units, _ in units * 10 }
        }
        return widened(self, scale) < widened(other, otherScale)
    }
}
