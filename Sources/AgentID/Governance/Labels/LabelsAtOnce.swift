internal import Policy

/// The rules about labels for one tool, taken together. A call that none of them can refuse, and that can add nothing
/// new, is decided by this alone, whatever its arguments are.
struct LabelsAtOnce: Sendable {
    /// The labels that may be added to the task, and to the agent.
    private(set) var task: UInt64 = 0
    private(set) var agent: UInt64 = 0
    private var requires: UInt64 = 0
    /// A rule refuses where all labels of one of these are there.
    private var refuses: [UInt64] = []

    var adds: Bool { task | agent != 0 }

    mutating func add(_ rule: LabelRule) {
        if rule.subject == .agent { agent |= rule.adds.rawValue } else { task |= rule.adds.rawValue }
        requires |= rule.requires.rawValue
        for labels in rule.refuses where !refuses.contains(labels.rawValue) { refuses.append(labels.rawValue) }
    }

    /// Whether no rule refuses a call under these labels, even one that all rules are about.
    func permits(_ labels: UInt64) -> Bool {
        guard labels & requires == requires else { return false }
        let refuses = refuses.span
        for i in refuses.indices where labels & refuses[i] == refuses[i] { return false }
        return true
    }
}
