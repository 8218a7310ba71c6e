internal import Policy
internal import StrictJSON

// What stays from one policy to the next.
extension ActivePolicy {
    /// Checks that this policy may come after another: labels are kept by their places in the list, and none of those that
    /// tasks have may come to mean another; what was spent of a budget is kept in units of its scale.
    ///
    /// - Parameter before: The document in force, which may be one that this version cannot enforce, or cannot on this
    ///   machine. One that is damaged asks for nothing.
    func checkSuccession(after before: [UInt8]) throws(AgentIDError) {
        guard let root = try? JSON(parsing: before).root else { return }
        let labels = root["labels"].map { $0.elements.compactMap { $0.string?.exact } } ?? []
        try checkLabels(after: labels)
        for (i, rule) in document.rules.enumerated() {
            switch rule.effect {
            case .labels(let own): try check(own.requires, of: rule, at: i, after: root, labels)
            case .budget(let budget): try check(budget, of: rule, at: i, after: root)
            default: continue
            }
        }
    }

    private func checkLabels(after old: [ExactText]) throws(AgentIDError) {
        let new = document.labels.names
        guard new.count >= old.count, zip(old, new).allSatisfy({ $0 == $1 }) else {
            throw AgentIDError(
                .state, name: "policy_labels",
                message: "labels keep their places from one policy to the next: begin the list with "
                    + old.map(\.string).joined(separator: ", "),
                at: "labels")
        }
    }

    /// Refuses to require a label that no rule required before: until then agents could tell it themselves.
    private func check(
        _ required: LabelSet, of rule: PolicyRule, at place: Int, after root: JSON.Value, _ labels: [ExactText]
    ) throws(AgentIDError) {
        let before =
            root["rules"]?.elements.flatMap {
                $0["labels"]?["requires"]?.elements.compactMap { $0.string?.exact } ?? []
            } ?? []
        for name in document.labels.list(required).exact where labels.contains(name) && !before.contains(name) {
            throw AgentIDError(
                .state, name: "policy_labels",
                message:
                    "rule \(rule.id): no rule required \(name) before, so that agents could tell it themselves: "
                    + "require a label that is new in the list", at: "rules[\(place)].labels.requires")
        }
    }

    /// Refuses another scale for a budget of the same unit.
    private func check(
        _ budget: Budget, of rule: PolicyRule, at place: Int, after root: JSON.Value
    ) throws(AgentIDError) {
        let old = root["rules"]?.elements.first { $0["id"]?.string?.isSame(as: rule.id.string) == true }
        guard let old, let was = Budget.scale(of: old["budget"]), was.unit == budget.unit, was.scale != budget.scale
        else { return }
        throw AgentIDError(
            .state, name: "policy_scale",
            message:
                "rule \(rule.id): what was spent is counted with \(was.scale) digits after the point: write the "
                + "limit with as many, or give the rule another id to begin anew",
            at: "rules[\(place)].budget")
    }
}
