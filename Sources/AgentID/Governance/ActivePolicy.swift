package import Policy
internal import StrictJSON

/// A policy as guards enforce it: read, checked, and its rules in the order in which they are asked. Immutable.
package final class ActivePolicy: Sendable {
    package let document: PolicyDocument
    /// Places in the document's rules: hours and refusals, then what needs no meter, then what takes.
    package let order: [Int]
    /// Places of the anomalies, which are counted where a call is denied.
    package let anomalies: [Int]

    /// The labels that some rule requires: they permit.
    package let permitting: LabelSet

    /// Those who may approve.
    let approvers: ApproverKeys

    var version: Int64 { document.version }

    package init(parsing bytes: [UInt8]) throws(PolicyErrors) {
        let document = try PolicyDocument(parsing: bytes, zones: ZoneFiles.read)
        let unbuilt = Self.unbuilt(in: document)
        if let first = unbuilt.first { throw PolicyErrors(first, Array(unbuilt.dropFirst())) }
        self.document = document
        permitting = document.rules.reduce(into: []) { all, rule in
            if case .labels(let labels) = rule.effect { all.formUnion(labels.requires) }
        }
        anomalies = document.rules.indices.filter { document.rules[$0].effect.turn == 5 }
        approvers = try ApproverKeys(of: document)
        order = document.rules.indices.inOrder {
            (document.rules[$0].effect.turn, $0) < (document.rules[$1].effect.turn, $1)
        }
    }

    /// The policy in force, as the registry has it; `nil` where there is none.
    convenience init?(of registry: any RegistryReader, version: Int64) throws(AgentIDError) {
        guard version != 0 else { return nil }
        guard let record = try registry.policy(version) else {
            throw Self.unreadable(version, "the registry does not have it: apply a newer one")
        }
        do throws(PolicyErrors) { try self.init(parsing: record.document) } catch {
            throw Self.unreadable(version, error.first.description)
        }
        guard self.version == version else { throw Self.unreadable(version, "it says that it is \(self.version)") }
    }

    /// Labels that a grant or a proof carries: facts against the holder. What permits is not among them, as its holder could
    /// sign it for itself; nor is a name that the policy does not list, which no rule is about.
    func labels(carriedAs names: [String]) -> LabelSet {
        var all = LabelSet.none
        for name in names {
            guard let place = document.labels.names.firstIndex(of: name.exact) else { continue }
            all.insert(LabelSet(rawValue: 1 << UInt64(place)))
        }
        return all.subtracting(permitting)
    }

    /// Checks what stays from one policy to the next: labels are kept by their places in the list, and none of those that tasks
    /// have may come to mean another; what was spent of a budget is kept in units of its scale.
    ///
    /// - Parameter before: The document in force, which may be one that this version cannot enforce, or cannot on this
    ///   machine. One that is damaged asks for nothing.
    func checkSuccession(after before: [UInt8]) throws(AgentIDError) {
        guard let root = try? JSON(parsing: before).root else { return }
        let labels = root["labels"].map { $0.elements.compactMap { $0.string?.exact } } ?? []
        try checkLabels(after: labels)
        for (i, rule) in document.rules.enumerated() {
            if case .labels(let own) = rule.effect {
                let required =
                    root["rules"]?.elements.flatMap {
                        $0["labels"]?["requires"]?.elements.compactMap { $0.string?.exact } ?? []
                    } ?? []
                for name in document.labels.list(own.requires).exact
                where labels.contains(name) && !required.contains(name) {
                    throw AgentIDError(
                        .state, name: "policy_labels",
                        message:
                            "rule \(rule.id): no rule required \(name) before, so that agents could tell it themselves: "
                            + "require a label that is new in the list", at: "rules[\(i)].labels.requires")
                }
            }
            guard case .budget(let budget) = rule.effect,
                let old = root["rules"]?.elements.first(where: { $0["id"]?.string?.isSame(as: rule.id.string) == true }
                ),
                let was = Budget.scale(of: old["budget"]), was.unit == budget.unit, was.scale != budget.scale
            else { continue }
            throw AgentIDError(
                .state, name: "policy_scale",
                message:
                    "rule \(rule.id): what was spent is counted with \(was.scale) digits after the point: write the "
                    + "limit with as many, or give the rule another id to begin anew",
                at: "rules[\(i)].budget")
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

    private static func unreadable(_ version: Int64, _ why: String) -> AgentIDError {
        AgentIDError(
            .malformed, name: "policy_unreadable", message: "the policy of version \(version) cannot be read: \(why)",
            at: "policy")
    }

    /// The rules that this version reads and cannot enforce, as errors: they are refused, not left out.
    private static func unbuilt(in document: PolicyDocument) -> [PolicyError] {
        document.rules.enumerated().compactMap { i, rule in
            guard case .anomaly(let anomaly) = rule.effect, anomaly.sign == .replays else { return nil }
            return PolicyError(
                "not_built", at: "rules[\(i)].anomaly", rule: rule.id.string,
                "a proof that is shown again may come from anybody who saw it: counting it would let them stop the agent",
                remedy: "leave the rule out: a replayed call is denied, and told as such", position: nil)
        }
    }
}

extension PolicyRule.Effect {
    /// The place in the order of asking: rules that take come last, so that little is given back.
    fileprivate var turn: Int {
        switch self {
        case .refusal, .hours: 0
        case .labels: 1
        case .approval: 2
        case .rate: 3
        case .budget: 4
        case .anomaly: 5
        case .declassification: 6
        }
    }
}

extension AgentIDError {
    /// The first of a policy's errors, and how many there are.
    package init(_ errors: PolicyErrors) {
        let first = errors.first
        let others = errors.all.count > 1 ? " (and \(errors.all.count - 1) more: check the policy)" : ""
        let rule = first.rule.map { "rule \($0): " } ?? ""
        // What is not JSON has no path: the byte says where it is.
        let byte = first.path.isEmpty ? first.position.map { " at byte \($0)" } ?? "" : ""
        self.init(
            first.name.isSame(as: "limit_exceeded") ? .limit : .malformed, name: first.name,
            message: rule + "\(first.message)\(byte); \(first.remedy)" + others,
            at: first.path.isEmpty ? "policy" : first.path)
    }
}
