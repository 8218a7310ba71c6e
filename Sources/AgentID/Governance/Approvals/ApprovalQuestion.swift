internal import Policy
internal import StrictJSON

/// The question whether a call may be made that a rule of the policy refuses unless somebody approves it.
struct ApprovalQuestion: Sendable {
    private(set) var call: ApprovalCall
    let chain: VerifiedChain
    let tool: String
    let rule: PolicyRule
    let policy: ActivePolicy
    /// The rule's objection to the call.
    let because: String
    /// The labels of the task, where the policy has any and they can be read.
    let labels: LabelSet

    init(
        _ tool: String, _ arguments: JSON.Value, under chain: VerifiedChain, rule: PolicyRule, of policy: ActivePolicy,
        because: String, labels: LabelSet
    ) {
        call = ApprovalCall(tool, arguments, under: chain, rule: rule.id, policy: policy.version)
        (self.chain, self.tool, self.rule, self.policy) = (chain, tool, rule, policy)
        (self.because, self.labels) = (because, labels)
    }

    /// The question whether labels are taken away from the last agent of a chain.
    ///
    /// - Parameter asked: `{"agent", "labels"}`, which people are shown.
    init(
        declassifying labels: LabelSet, _ asked: JSON.Value, under chain: VerifiedChain, rule: PolicyRule,
        of policy: ActivePolicy
    ) {
        self.init(
            "declassify", asked, under: chain, rule: rule, of: policy, because: "labels are to be taken away",
            labels: labels)
        if let named = asked["labels"] { call.declassify(named) }
    }

    /// For whom the call is made, where this authority says so.
    var principal: String? { chain.issuer.isOwn ? chain.links.first?.grant.claim?.principal : nil }

    /// The keys that hold the chain's links, by their thumbprints: none of them approves the call.
    var keys: [String] { chain.links.map(\.holderThumbprint) }

    /// A new request. Times in milliseconds since 1970.
    func request(at now: Int64) -> ApprovalRecord {
        let within = rule.approval?.within ?? 0
        let (id, expires) = (UUIDv7.make(at: now), now.addingReportingOverflow(within).partialValue)
        let root = chain.links.first?.grant.claim
        let text = { (text: String?) -> JSONTree in text.map { .string($0) } ?? .null }
        let document: JSONTree = [
            "call": call.signed(request: id, expires: expires), "because": .string(because),
            "principal": text(root?.principal), "owner": text(root?.owner), "task": text(root?.task),
            "labels": .array(policy.document.labels.list(labels).map { .string($0) }),
            "of": .array((rule.approval?.approvers ?? []).map { .string($0.string) }),
            "need": .int(rule.approval?.needed ?? 1), "keys": .array(keys.map { .string($0) }),
        ]
        return ApprovalRecord(
            id: id, call: call.digest, agent: call.agent, task: call.task, asked: now, expires: expires,
            document: document.text, arguments: String(decoding: call.arguments, as: UTF8.self))
    }

    /// The denial while nobody has approved the call.
    func denial(_ why: String, reason: String = "approval_required", request: String? = nil) -> Denial {
        Denial(reason, "\(because): \(why)", rule: rule.id, approval: request)
    }
}
