internal import Policy
public import StrictJSON

// The use of the rates and budgets of the policy in force, by agent.
extension Authority {
    /// The rates in use, in the order of the policy's rules, those with least left first: `docs/schemas/limits.json`.
    ///
    /// Of agents that the registry has and that have not ended: what others use, whose root another authority signed, is not
    /// listed, nor are limits that grants state.
    ///
    /// - Parameters:
    ///   - offset: How many to skip.
    ///   - limit: The most that are returned, 1 to 100,000; `total` says how many there are.
    public func limits(from offset: Int = 0, atMost limit: Int = 1000) throws(AgentIDError) -> JSONTree {
        try meters(offset, limit) { rule, reading, subjects throws(Denial) in
            guard case .rate(let rate, let subject) = rule.effect else { return [] }
            var found: [(left: Int64, entry: JSONTree)] = []
            for name in subjects(subject) {
                let meter = try reading.rate(rule, rate, of: MeterSubjects.parts(subject, name))
                guard meter.left < rate.burst else { continue }
                var entry = rule.document(of: rate, subject, meter)
                entry["subject"] = .string(name)
                found.append((meter.left, .object(entry)))
            }
            return found
        }
    }

    /// The budgets of which something was spent in their present period, likewise: `docs/schemas/limits.json`.
    public func budgets(from offset: Int = 0, atMost limit: Int = 1000) throws(AgentIDError) -> JSONTree {
        try meters(offset, limit) { rule, reading, subjects throws(Denial) in
            guard case .budget(let budget) = rule.effect else { return [] }
            var found: [(left: Int64, entry: JSONTree)] = []
            for name in subjects(budget.subject) {
                let planned = PlannedBudget(.ofAll, budget, of: rule, [MeterSubjects.parts(budget.subject, name)])
                guard let account = try reading.budget(planned).first, account.left < budget.limit.units else {
                    continue
                }
                var entry = rule.document(of: budget, account)
                entry["subject"] = .string(name)
                found.append((account.left, .object(entry)))
            }
            return found
        }
    }

    private typealias Found = [(left: Int64, entry: JSONTree)]

    private func meters(
        _ offset: Int, _ limit: Int,
        _ find: (PolicyRule, MeterReading, (Subject) -> [String]) throws(Denial) -> Found
    ) throws(AgentIDError) -> JSONTree {
        try keys.checkOpen()
        guard offset >= 0, (1...100_000).contains(limit) else {
            throw AgentIDError(
                .argument, name: "filter", message: "0 or more are skipped, and 1 to 100,000 returned",
                at: offset < 0 ? "offset" : "limit")
        }
        let (policy, agents) = try registry.readAside { registry in
            var filter = AgentFilter()
            filter.limit = MeterSubjects.mostAgents + 1
            return (
                try ActivePolicy(of: registry, version: try registry.meta().policyVersion), try registry.agents(filter)
            )
        }
        guard let policy, let meters = home.meters else {
            return ["policy": .null, "total": 0, "meters": [], "cut": false]
        }
        let subjects = MeterSubjects(agents)
        var all: [JSONTree] = []
        do throws(Denial) {
            let reading = try MeterReading(meters, needsBudgets: true, now: try home.begin())
            for rule in policy.document.rules {
                all += try find(rule, reading, subjects.names).inOrder { $0.left < $1.left }.map(\.entry)
            }
        } catch { throw AgentIDError(undone: error) }
        return [
            "policy": .int(Int(policy.version)), "total": .int(all.count),
            "meters": .array(Array(all.dropFirst(offset).prefix(limit))), "cut": .bool(subjects.isCut),
        ]
    }
}

/// Whose meters there may be, as far as the registry knows.
private struct MeterSubjects {
    static let mostAgents = 20_000
    private let agents: [String]
    private let tasks: [String]
    private let principals: [String]
    private let profiles: [String]
    /// Whether there are more agents than were looked at.
    let isCut: Bool

    init(_ records: [AgentRecord]) {
        isCut = records.count > Self.mostAgents
        let records = records.prefix(Self.mostAgents)
        // An agent's own go with it.
        let living = records.filter { $0.state != .deprovisioned }
        agents = living.map(\.id)
        tasks = living.filter { $0.parent == nil }.map(\.id)
        principals = Set(records.map(\.principal.exact)).inByteOrder()
        profiles = Set(records.map(\.profile.exact)).inByteOrder()
    }

    func names(_ subject: Subject) -> [String] {
        switch subject {
        case .agent, .subtree: agents
        case .task: tasks
        case .principal: principals
        case .profile: profiles
        case .domain: [""]
        }
    }

    /// As `PolicySubjects` names the meter of a chain of this authority's own.
    static func parts(_ subject: Subject, _ name: String) -> [String] { [subject.rawValue, "", name] }
}
