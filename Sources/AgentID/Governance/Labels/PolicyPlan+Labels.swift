internal import Policy
internal import StrictJSON

extension PolicyPlan {
    /// The labels of the task and of the agent: those kept, and those that the grant carries.
    func labels(now: Int64) throws(Denial) -> LabelSet {
        guard !policy.document.labels.names.isEmpty else { return [] }
        return try labels(MeterReading(meters, needsBudgets: false, now: now))
    }

    func labels(_ reading: MeterReading) throws(Denial) -> LabelSet { try carried.union(kept(reading)) }

    /// Those that the directory keeps, whatever the grant carries.
    func kept(now: Int64) throws(Denial) -> LabelSet { try kept(MeterReading(meters, needsBudgets: false, now: now)) }

    private func kept(_ reading: MeterReading) throws(Denial) -> LabelSet {
        var all = LabelSet.none
        for name in subjects.labelPlaces + subjects.names(of: .agent) {
            all.formUnion(try reading.labels(of: name, in: subjects.range(ofLabels: name)))
        }
        return all
    }
}

// Labels that a tool reports with its result.
extension PolicyPlan {
    /// Adds labels to the task, or to the isolated agent that this is below; they stay as if a call had added them.
    func raise(_ labels: LabelSet, now: Int64) throws(Denial) {
        let page = try meters.page(now)
        try LabelMeters(of: subjects, page, meters.registry).raise(labels, at: page.look(now))
    }
}

extension ActivePolicy {
    /// The bits of labels by their names; throws for one that the policy does not have, or that permits something: what
    /// a rule requires is added by rules alone.
    func labels(named names: [String]) throws(AgentIDError) -> LabelSet {
        let known = document.labels
        var all = LabelSet.none
        for name in names {
            guard let place = known.names.firstIndex(of: name.exact) else {
                throw AgentIDError(
                    .notFound, name: "unknown_label",
                    message:
                        "the policy has no label \(name.beginning(atMost: PolicyLimits.name)): add it to the policy's "
                        + "labels, or report one of them", at: "labels")
            }
            let label = LabelSet(rawValue: 1 << UInt64(place))
            guard permitting.isDisjoint(with: label) else {
                throw AgentIDError(
                    .argument, name: "label_permits",
                    message:
                        "rules of the policy require the label \(name.beginning(atMost: PolicyLimits.name)): only a "
                        + "rule adds it", at: "labels")
            }
            all.formUnion(label)
        }
        return all
    }
}
