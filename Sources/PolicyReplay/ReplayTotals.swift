internal import AgentID
internal import Policy
internal import StrictJSON

/// All that a replay counted, whatever the rule.
struct ReplayTotals {
    var entries = 0
    /// Entries that cannot be read.
    var unread = 0
    /// Decisions that were denied, and not by a rule of a policy.
    var deniedOtherwise = 0
    /// Denials that the log counts and does not list.
    private var countedOnly = 0
    /// Decisions that were out of order by more than the replay waits for.
    var late = 0
    private var first: Int64?
    private var last: Int64 = .min
    private var judged = 0
    private var denied = 0
    private var asked = 0
    private var newlyDenied = 0
    private var newlyAsked = 0
    private var newlyPermitted = 0
    private var observed = 0
    private var open = 0

    /// Whether a call that the log permitted would not have been.
    var changesAnything: Bool { newlyDenied > 0 }

    mutating func see(_ time: Int64) {
        first = min(first ?? time, time)
        last = max(last, time)
    }

    /// The log's own numbers: a line may say any.
    mutating func countOnly(_ denials: Int) {
        let (sum, isTooMuch) = countedOnly.addingReportingOverflow(denials)
        countedOnly = isTooMuch ? .max : sum
    }

    mutating func count(_ verdict: ReplayVerdict, wasPermitted: Bool) {
        judged += 1
        if verdict.observed != nil { observed += 1 }
        switch verdict.answer {
        case .permit:
            if verdict.isOpen { open += 1 } else { newlyPermitted += wasPermitted ? 0 : 1 }
        case .deny, .stopped:
            denied += 1
            newlyDenied += wasPermitted ? 1 : 0
        case .ask:
            asked += 1
            newlyAsked += wasPermitted ? 1 : 0
            if verdict.isOpen { open += 1 }
        }
    }

    func document(of counts: [RuleCounts], _ policy: ActivePolicy, _ log: AuditReader) -> JSONTree {
        let rules = zip(policy.document.rules, counts).map { $1.document(of: $0) }
        return [
            "policy": .int(Int(policy.document.version)),
            "log": [
                "entries": .int(entries), "not_read": .int(unread), "archived": .int(Int(clamping: log.first)),
                "key": .string(log.key), "from_ms": first.map { .int(Int($0)) } ?? .null,
                "to_ms": first == nil ? .null : .int(Int(last)),
            ],
            "calls": [
                "judged": .int(judged), "denied": .int(denied), "asked": .int(asked), "newly_denied": .int(newlyDenied),
                "newly_asked": .int(newlyAsked), "newly_permitted": .int(newlyPermitted), "observed": .int(observed),
                "not_judged": .int(open), "denied_otherwise": .int(deniedOtherwise),
                "denials_counted_only": .int(countedOnly), "out_of_order": .int(late),
            ],
            "rules": .array(rules),
        ]
    }
}
