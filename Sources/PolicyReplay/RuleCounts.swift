internal import Policy
internal import StrictJSON

/// The effect of one rule on the calls of a log.
struct RuleCounts {
    /// Calls that it denies, and of these those that the log permitted.
    var denied = 0
    var newlyDenied = 0
    /// Calls before which it asks, likewise.
    var asked = 0
    var newlyAsked = 0
    /// Calls that it would deny if it were enforced, or an anomaly that it would stop the agent for.
    var observed = 0
    /// How often it stops an agent: one that was resumed counts again.
    var stops = 0
    /// Calls of stopped agents, and of those below them, that the log permitted.
    var afterStop = 0
    /// Calls that it may be about, where the log does not say.
    var open = 0
    private var first: Int64?
    private var last: Int64 = 0
    private var examples: [JSONTree] = []
    private static let mostExamples = 3

    mutating func see(at time: Int64) {
        first = first ?? time
        last = time
    }

    mutating func show(_ record: ReplayRecord, _ call: ReplayCall, _ reason: StaticString) {
        guard examples.count < Self.mostExamples else { return }
        examples.append([
            "index": .int(Int(clamping: record.index)), "time_ms": .int(Int(record.time)),
            "agent": .string(call.context.agent), "tool": .string(call.tool), "reason": .string("\(reason)"),
            "permitted": .bool(record.kind == .permit),
        ])
    }

    mutating func count(
        _ answer: ReplayVerdict.Answer, _ record: ReplayRecord, _ call: ReplayCall, _ reason: StaticString,
        wasPermitted: Bool
    ) {
        switch answer {
        case .permit: return
        case .deny:
            denied += 1
            newlyDenied += wasPermitted ? 1 : 0
        case .ask:
            asked += 1
            newlyAsked += wasPermitted ? 1 : 0
        case .stopped:
            guard wasPermitted else { return }
            afterStop += 1
        }
        see(at: record.time)
        // Those that the log permitted are what one asks for.
        if wasPermitted { show(record, call, reason) }
    }

    func document(of rule: PolicyRule) -> JSONTree {
        [
            "rule": .string(rule.id.string), "does": .string(rule.effect.member),
            "then": .string(rule.consequence.rawValue),
            "mode": .string(rule.mode.rawValue),
            "denied": .int(denied), "newly_denied": .int(newlyDenied), "asked": .int(asked),
            "newly_asked": .int(newlyAsked), "observed": .int(observed), "stopped_agents": .int(stops),
            "denied_after_stop": .int(afterStop), "not_judged": .int(open),
            "first_ms": first.map { .int(Int($0)) } ?? .null, "last_ms": first == nil ? .null : .int(Int(last)),
            "examples": .array(examples),
        ]
    }
}
