package import Policy
internal import StrictJSON

/// A policy as guards enforce it: read, checked, and its rules in the order in which they are asked. Immutable.
package final class ActivePolicy: Sendable {
    package let document: PolicyDocument
    /// Places in the document's rules: hours and refusals, then what needs no meter, then what takes, from one's own to what
    /// others share.
    package let order: [Int]
    /// Places of the anomalies, which are counted where a call is denied.
    package let anomalies: [Int]

    /// The labels that some rule requires: they permit.
    package let permitting: LabelSet

    /// Those who may approve.
    let approvers: ApproverKeys

    var version: Int64 { document.version }

    package convenience init(parsing bytes: [UInt8]) throws(PolicyErrors) {
        let document = try PolicyDocument(parsing: bytes, zones: ZoneFiles.read)
        let unbuilt = Self.unbuilt(in: document)
        if let first = unbuilt.first { throw PolicyErrors(first, Array(unbuilt.dropFirst())) }
        self.init(document, approvers: try ApproverKeys(of: document))
    }

    /// No policy: chains whose grants state limits are decided by those alone.
    static let none = ActivePolicy(PolicyDocument(), approvers: ApproverKeys())

    private init(_ document: PolicyDocument, approvers: ApproverKeys) {
        (self.document, self.approvers) = (document, approvers)
        permitting = document.rules.reduce(into: []) { all, rule in
            if case .labels(let labels) = rule.effect { all.formUnion(labels.requires) }
        }
        anomalies = document.rules.indices.filter {
            if case .anomaly = document.rules[$0].effect { true } else { false }
        }
        let turns = document.rules.map(\.effect.turn)
        order = document.rules.indices.inOrder { (turns[$0], $0) < (turns[$1], $1) }
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
    /// The place in the order of asking: rules that take come last, so that little is given back. A call that its own meter
    /// refuses has taken nothing of one that others share: they would be denied for a moment, or stopped, for nothing.
    fileprivate var turn: Int {
        switch self {
        case .refusal, .hours: 0
        case .labels: 1
        case .approval: 2
        case .rate(_, let subject): 10 + subject.width
        case .budget(let budget): 20 + budget.subject.width
        case .anomaly: 30
        case .declassification: 31
        }
    }
}

extension Subject {
    /// The number of those who share its meter grows from one to the next.
    fileprivate var width: Int {
        switch self {
        case .agent: 0
        case .subtree: 1
        case .task: 2
        case .principal: 3
        case .profile: 4
        case .domain: 5
        }
    }
}

extension AgentIDError {
    /// The first of a policy's errors, and how many there are.
    package init(_ errors: PolicyErrors, code: Code = .malformed) {
        let first = errors.first
        let others = errors.all.count > 1 ? " (and \(errors.all.count - 1) more: check the policy)" : ""
        let rule = first.rule.map { "rule \($0): " } ?? ""
        // What is not JSON has no path: the byte says where it is.
        let byte = first.path.isEmpty ? first.position.map { " at byte \($0)" } ?? "" : ""
        self.init(
            first.name.isSame(as: "limit_exceeded") ? .limit : first.name.isSame(as: "zone_unreadable") ? .io : code,
            name: first.name,
            message: rule + "\(first.message)\(byte); \(first.remedy)" + others,
            at: first.path.isEmpty ? "policy" : first.path)
    }
}
