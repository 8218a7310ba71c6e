internal import Policy
internal import StrictJSON

// What stays from one policy to the next.
extension ActivePolicy {
    /// Checks that this policy may come after another: it is newer, and not by too much; labels are kept by their places in
    /// the list, and none of those that tasks have may come to mean another; what was spent of a budget is kept in units of
    /// its scale.
    ///
    /// - Parameter before: The policy in force, which may be one that this version cannot enforce, or cannot on this
    ///   machine. One that is damaged asks for nothing. The very same one may come again.
    func checkSuccession(after before: PolicyRecord) throws(PolicyError) {
        if isSame(as: before) { return }
        guard version > before.version, version - before.version <= PolicyLimits.step else {
            throw PolicyError(
                "policy_version", at: "version", "the policy in force has version \(before.version)",
                remedy: "write \(before.version + 1), and at most \(before.version + PolicyLimits.step): versions are "
                    + "used up", position: nil)
        }
        guard let root = try? JSON(parsing: before.document).root else { return }
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

    /// Whether this is the very same document.
    func isSame(as other: PolicyRecord) -> Bool {
        guard version == other.version else { return false }
        let bytes = document.bytes
        return other.document.span.hasSameBytes(as: bytes.span)
    }

    private func checkLabels(after old: [ExactText]) throws(PolicyError) {
        let new = document.labels.names
        guard new.count >= old.count, zip(old, new).allSatisfy({ $0 == $1 }) else {
            throw PolicyError(
                "policy_labels", at: "labels", rule: nil, "labels keep their places from one policy to the next",
                remedy: "begin the list with \(old.map(\.string).joined(separator: ", "))", position: nil)
        }
    }

    /// Refuses to require a label that no rule required before: until then agents could tell it themselves.
    private func check(
        _ required: LabelSet, of rule: PolicyRule, at place: Int, after root: JSON.Value, _ labels: [ExactText]
    ) throws(PolicyError) {
        let before =
            root["rules"]?.elements.flatMap {
                $0["labels"]?["requires"]?.elements.compactMap { $0.string?.exact } ?? []
            } ?? []
        for name in document.labels.list(required).exact where labels.contains(name) && !before.contains(name) {
            throw PolicyError(
                "policy_labels", at: "rules[\(place)].labels.requires", rule: rule.id.string,
                "no rule required \(name) before, so that agents could tell it themselves",
                remedy: "require a label that is new in the list", position: nil)
        }
    }

    /// Refuses another scale for a budget of the same unit.
    private func check(
        _ budget: Budget, of rule: PolicyRule, at place: Int, after root: JSON.Value
    ) throws(PolicyError) {
        let old = root["rules"]?.elements.first { $0["id"]?.string?.isSame(as: rule.id.string) == true }
        guard let old, let was = Budget.scale(of: old["budget"]), was.unit == budget.unit, was.scale != budget.scale
        else { return }
        throw PolicyError(
            "policy_scale", at: "rules[\(place)].budget", rule: rule.id.string,
            "what was spent is counted with \(was.scale) digits after the point",
            remedy: "write the limit with as many, or give the rule another id to begin anew", position: nil)
    }
}
