package import Scopes
package import StrictJSON

/// One rule of a policy: which calls, what about them, and what happens to one that crosses the line.
package struct PolicyRule: Sendable {
    package let id: ExactText
    /// Which calls; `nil` for an anomaly, which is about all of an agent's, and where a rule declassifies.
    package let match: CallPattern?
    package internal(set) var effect: Effect
    package let consequence: Consequence
    /// Whose consent `then: ask` waits for.
    package let approval: Approval?
    package let mode: PolicyMode
    /// Whose grant states it; `nil` for a rule of a policy.
    package let grantor: GrantLimit.Holder?
    /// The parts that name the meter of a grant's limit.
    package let meterName: [String]

    /// The subject of a rule. One rule has one: a refusal then names it by naming the rule.
    package enum Effect: Sendable {
        /// Refuses every call that matches.
        case refusal
        /// Refuses outside these times.
        case hours(Hours)
        case labels(LabelRule)
        /// Asks before every call that matches.
        case approval
        case rate(Rate, Subject)
        case budget(Budget)
        case anomaly(Anomaly)
        /// Lets people take these labels away from an agent.
        case declassification(LabelSet)

        /// The member of a rule that has it.
        package var member: String {
            switch self {
            case .refusal: "then"
            case .hours: "hours"
            case .labels: "labels"
            case .approval: "approval"
            case .rate: "rate"
            case .budget: "budget"
            case .anomaly: "anomaly"
            case .declassification: "declassifies"
            }
        }
    }

    private static let members: [StaticString] = [
        "id", "match", "rate", "budget", "labels", "approval", "anomaly", "hours", "declassifies", "then", "mode",
    ]
    private static let effects: [StaticString] = [
        "rate", "budget", "labels", "anomaly", "hours", "declassifies",
    ]

    /// Reads a rule; its errors say which it is, once its ID is known.
    init(
        parsing json: JSON.Value, at path: String, mode: PolicyMode, labels: LabelNames,
        zones: PolicyDocument.Zones?
    ) throws(PolicyError) {
        (grantor, meterName) = (nil, [])
        var known: String?
        do throws(PolicyError) {
            // The ID first: whatever else is wrong is said of it.
            if json.kind == .object, let id = json["id"] {
                known = try MemberReader.name(id, at: "\(path).id", of: "a rule's ID")
            }
            let reader = try MemberReader(json, at: path, knowing: Self.members)
            let id = try reader.need("id", remedy: "give the rule an ID, which decisions and the log will name")
            self.id = try MemberReader.name(id, at: "\(path).id", of: "a rule's ID").exact
            self.mode = try reader.choice("mode", else: mode)
            effect = try Self.effect(of: reader, labels: labels, zones: zones)
            match = try Self.match(of: reader, effect)
            let then = try reader.choice("then", else: effect.asks ? Consequence.ask : Consequence.deny)
            consequence = then
            approval = try reader["approval"].map { json throws(PolicyError) in
                try Approval(parsing: json, at: reader.path(of: "approval"))
            }
            try Self.check(then, effect, hasApproval: approval != nil, of: reader)
        } catch { throw error.of(rule: known) }
    }

    /// A rule that a grant states.
    init(_ rule: PolicyRule, of grantor: GrantLimit.Holder, measure: String) {
        meterName = [grantor.stater, grantor.name, measure]
        // No rule of a policy has a colon in its ID: who states a limit cannot make it look like one.
        id = "limit:\(rule.id)".exact
        (match, effect, consequence) = (rule.match, rule.effect, rule.consequence)
        (approval, mode, self.grantor) = (rule.approval, rule.mode, grantor)
    }

    /// Whose calls a rate or budget counts, as people read it.
    package func holders(_ subject: Subject) -> String {
        grantor.map { "\($0.name) and all below it" } ?? "each \(subject.rawValue)"
    }

    private static func effect(
        of reader: MemberReader, labels: LabelNames, zones: PolicyDocument.Zones?
    ) throws(PolicyError) -> Effect {
        let given = effects.filter { reader[$0.description] != nil }
        guard given.count <= 1 else {
            throw reader.error(
                "malformed", "a rule has one of \(given.map(\.description).joined(separator: ", "))",
                remedy: "write a rule of its own for each")
        }
        if let json = reader["rate"] { return try rate(json, at: reader.path(of: "rate")) }
        if let json = reader["budget"] { return .budget(try Budget(parsing: json, at: reader.path(of: "budget"))) }
        if let json = reader["labels"] {
            return .labels(try LabelRule(parsing: json, at: reader.path(of: "labels"), of: labels))
        }
        if let json = reader["anomaly"] { return .anomaly(try Anomaly(parsing: json, at: reader.path(of: "anomaly"))) }
        if let json = reader["hours"], let zones {
            return .hours(try Hours(parsing: json, at: reader.path(of: "hours"), zones: zones))
        }
        if reader["declassifies"] != nil {
            let remedy = "list the labels that approvers may take away"
            var all: LabelSet = []
            for (value, path) in try reader.list("declassifies", remedy: remedy, atMost: PolicyLimits.expressions) {
                all.formUnion(try labels.expression(value, at: path, single: true))
            }
            return .declassification(all)
        }
        if reader["approval"] != nil { return .approval }
        guard reader["then"] != nil else {
            throw reader.error(
                "missing", "this rule does nothing",
                remedy:
                    "write one of rate, budget, labels, approval, anomaly, hours, declassifies, or \"then\": \"deny\"")
        }
        return .refusal
    }

    private static func rate(_ json: JSON.Value, at path: String) throws(PolicyError) -> Effect {
        let reader = try MemberReader(json, at: path, knowing: ["calls", "per", "burst", "for"])
        let calls = try reader.integer("calls", in: 1...PolicyLimits.calls)
        let period = try reader.duration("per")
        let burst =
            try reader["burst"] == nil
            ? calls
            : reader.integer(
                "burst", in: 1...calls, remedy: "write how many calls may come at once: 1 to the \(calls) of `calls`")
        guard let rate = Rate(calls: calls, period: period, burst: burst) else {
            throw reader.error("limit_exceeded", "this rate is beyond the limits", remedy: "write smaller numbers")
        }
        return .rate(rate, try reader.choice("for", else: Subject.task))
    }

    private static func match(of reader: MemberReader, _ effect: Effect) throws(PolicyError) -> CallPattern? {
        let path = reader.path(of: "match")
        let matchless: String? =
            switch effect {
            case .anomaly: "an anomaly is about all calls of an agent"
            case .declassification: "people declassify an agent, no call of it"
            default: nil
            }
        if let matchless {
            guard let match = reader["match"] else { return nil }
            throw PolicyError("malformed", at: path, matchless, remedy: "leave match out", position: match.position)
        }
        let json = try reader.need(
            "match", remedy: "write which calls: a scope such as \"send_mail\" or \"pay(usd: *)\", or \"*\" for all")
        guard json.sourceLength <= PolicyLimits.text else {
            throw PolicyError(
                "limit_exceeded", at: path, "this has \(json.sourceLength) bytes",
                remedy: "write at most \(PolicyLimits.text), or several rules", position: json.position)
        }
        do throws(ScopeError) { return try CallPattern(parsing: json) } catch {
            throw PolicyError(
                "malformed", at: path, error.description,
                remedy: "write a scope as grants have it, such as \"pay(usd: *)\"; a tool's name may hold `*`",
                position: json.position)
        }
    }

    private static func check(
        _ then: Consequence, _ effect: Effect, hasApproval: Bool, of reader: MemberReader
    ) throws(PolicyError) {
        func wrong(_ member: String, _ message: String, remedy: String) -> PolicyError {
            PolicyError(
                "malformed", at: reader.path(of: member), message, remedy: remedy,
                position: reader[member]?.position ?? reader.json.position)
        }
        switch (then, hasApproval) {
        case (.ask, false):
            throw wrong("then", "nobody is named who may approve", remedy: "add approval: {\"of\": [...]}")
        case (.deny, true), (.suspend, true), (.revoke, true), (.deprovision, true):
            throw wrong(
                "approval", "a rule with then: \(then.rawValue) asks nobody",
                remedy: "write \"then\": \"ask\", or leave approval out")
        case (.ask, true), (.deny, false), (.suspend, false), (.revoke, false), (.deprovision, false): break
        }
        if case .anomaly = effect, !then.isStop {
            throw wrong(
                "then", "an anomaly stops the agent: its calls were denied already",
                remedy: "write \"then\": \"suspend\", \"revoke\" or \"deprovision\"")
        }
        if case .declassification = effect, then != .ask || reader["mode"] != nil {
            throw wrong(
                then == .ask ? "mode" : "then", "a rule that declassifies waits for people, and denies no call",
                remedy: "leave then and mode out")
        }
        if case .labels(let labels) = effect, labels.refuses.isEmpty, labels.requires.isEmpty, reader["then"] != nil {
            throw wrong(
                "then", "a rule that only adds labels refuses nothing", remedy: "leave then out, or add refuses")
        }
    }
}

extension PolicyRule.Effect {
    /// Whether people are asked, whatever else the rule says.
    fileprivate var asks: Bool {
        switch self {
        case .approval, .declassification: true
        default: false
        }
    }
}
