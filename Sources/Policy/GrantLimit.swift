package import Scopes
package import StrictJSON

/// A rate or a budget that a grant states, signed by who hands on: it limits the grant and all below it, whatever the policy
/// says, and beside every limit of the grants above.
///
/// Written like a rule of a policy, with `id`, `match` and one of `rate` and `budget`; there is nothing else to say.
package struct GrantLimit: Sendable {
    /// Whose meter counts.
    package struct Holder: Sendable {
        /// The agent that the grant names, or its key.
        package let agent: String
        /// The same, with a number where it states several limits of one ID.
        package let name: String
        /// The holder that stated the limit, by the same kind of name; empty for an authority. Others that hand on to the
        /// same holder have no say in its meter.
        package let stater: String
        /// The `jti` of the grant, and the hash of its token: others can sign one of the same `jti`.
        package let (grant, token): (String, String)

        package init(agent: String, name: String, stater: String, grant: String, token: String) {
            (self.agent, self.name, self.stater, self.grant, self.token) = (agent, name, stater, grant, token)
        }
    }

    private let rule: PolicyRule
    private let json: JSON.Value

    package var id: ExactText { rule.id }

    init(parsing json: JSON.Value, at path: String) throws(PolicyError) {
        let reader = try MemberReader(json, at: path, knowing: ["id", "match", "rate", "budget"])
        for kind in ["rate", "budget"] where json[kind]?["for"] != nil {
            throw PolicyError(
                "unknown_member", at: "\(reader.path(of: kind)).for",
                "a limit of a grant is for the grant and all below it", remedy: "leave for out",
                position: json[kind]?.position)
        }
        guard json["rate"] != nil || json["budget"] != nil else {
            throw reader.error("missing", "this limits nothing", remedy: "write one of rate, budget")
        }
        if let match = json["match"], match.sourceLength > PolicyLimits.limitText {
            throw PolicyError(
                "limit_exceeded", at: reader.path(of: "match"), "this has \(match.sourceLength) bytes",
                remedy: "write at most \(PolicyLimits.limitText), or several limits", position: match.position)
        }
        rule = try PolicyRule(parsing: json, at: path, mode: .enforce, labels: .none, zones: nil)
        if case .budget(let budget) = rule.effect, let period = budget.period, period < PolicyLimits.limitPeriod {
            throw PolicyError(
                "limit_exceeded", at: "\(reader.path(of: "budget")).per", "this is too short a time for a budget",
                remedy: "write at least 1h, or a rate", position: json["budget"]?.position)
        }
        self.json = json
    }

    /// Reads a list of limits, each with an ID of its own.
    package static func list(_ json: JSON.Value, at path: String) throws(PolicyError) -> [GrantLimit] {
        guard json.kind == .array, (1...PolicyLimits.limits).contains(json.count) else {
            throw PolicyError(
                json.kind == .array ? "limit_exceeded" : "malformed", at: path, "these are not a grant's limits",
                remedy: "write a list of 1 to \(PolicyLimits.limits) limits", position: json.position)
        }
        var limits: [GrantLimit] = []
        for (i, element) in json.elements.enumerated() {
            let limit = try GrantLimit(parsing: element, at: "\(path)[\(i)]")
            guard !limits.contains(where: { $0.id == limit.id }) else {
                throw PolicyError(
                    "duplicate", at: "\(path)[\(i)].id", rule: limit.id.string, "another limit has this ID as well",
                    remedy: "give each limit an ID of its own", position: element.position)
            }
            limits.append(limit)
        }
        return limits
    }

    /// The rule that guards enforce.
    package func rule(of holder: Holder) -> PolicyRule { PolicyRule(rule, of: holder, measure: measure) }

    /// The numbers that a meter goes by: under others it is another one.
    private var measure: String {
        switch rule.effect {
        case .rate(let rate, _): "\(rate.calls) \(rate.period) \(rate.burst)"
        case .budget(let budget): "\(budget.period ?? 0)"
        default: ""
        }
    }

    /// Whether it is about a tool that a scope grants.
    package func touches(_ scope: Scope) -> Bool { rule.match?.touches(scope) ?? true }

    /// Whether this says the same as another, word for word.
    package func isSame(as other: GrantLimit) -> Bool {
        JSONTree.value(json).canonical() == JSONTree.value(other.json).canonical()
    }

    /// Why this cannot stand below a limit of the same ID; `nil` where it can.
    package func excess(over above: GrantLimit) -> String? {
        switch (rule.effect, above.rule.effect) {
        case (.rate(let own, _), .rate(let most, _)):
            // Exact: both products are below 2^63, as calls and periods are bounded.
            own.burst > most.burst || own.calls * most.period > most.calls * own.period
                ? "its parent has \(most.text)" : nil
        case (.budget(let own), .budget(let most)):
            if own.unit != most.unit || own.scale != most.scale || own.period != most.period {
                "its parent's is of another unit, scale or period"
            } else {
                own.limit > most.limit ? "its parent has \(most.limit.text(scale: most.scale)) \(most.unit)" : nil
            }
        default: "its parent's is of another kind"
        }
    }
}
