internal import JOSE
internal import Policy
internal import StrictJSON

/// The call that an approval is over: tool, arguments, agent and chain, under one rule of one version of the policy.
///
/// The chain is named by its agents and not by its grants: these are renewed every few minutes, and an approval waits for
/// a person. What the chain is good for is checked at each call all the same.
struct ApprovalCall: Sendable {
    /// `{"agent","arguments","chain","issuer","policy","rule","tool"}`; of the arguments their SHA-256 in canonical form. Where
    /// labels are to be taken away, `declassifies` as well, which no call has.
    private(set) var members: JSONTree.Members
    /// The arguments in canonical form.
    let arguments: [UInt8]
    let agent: String
    /// The agents' IDs, root first; of one without an ID its key.
    let chain: [String]
    /// The task that the call counts for: the root's agent; of another authority's agents that authority, which makes up their
    /// names.
    let task: String

    init(_ tool: String, _ arguments: JSON.Value, under chain: VerifiedChain, rule: ExactText, policy: Int64) {
        var canonical: [UInt8] = []
        arguments.appendCanonical(to: &canonical)
        var names: [String] = []
        for link in chain.links {
            let name = link.grant.claim?.agent ?? "key:\(link.holderThumbprint)"
            if !names.last.isSame(as: name) { names.append(name) }
        }
        let issuer = chain.issuer.isOwn ? "" : chain.issuer.name
        (self.arguments, self.chain, agent) = (canonical, names, names.last ?? "")
        task = chain.issuer.isOwn ? "agent:\(names.first ?? "")" : "issuer:\(issuer)"
        members = [
            "agent": .string(agent), "arguments": .string(Base64URL.encode(Sodium.sha256(canonical.span))),
            "chain": .array(names.map { .string($0) }), "issuer": .string(issuer), "policy": .int(Int(policy)),
            "rule": .string(rule.string), "tool": .string(tool),
        ]
    }

    /// Makes it the question whether labels are taken away from the agent.
    mutating func declassify(_ labels: JSON.Value) { members["declassifies"] = .value(labels) }

    /// Tells the call from every other.
    var digest: String {
        let text = JSONTree.object(members).canonical()
        return Base64URL.encode(Sodium.sha256(text.span))
    }

    /// The part that an approver signs: the call, the request and until when both are good. A request is drawn anew for each
    /// question, so that no approval is good for two.
    func signed(request: String, expires: Int64) -> JSONTree {
        var members = members
        (members["request"], members["expires"]) = (.string(request), .int(Int(expires)))
        return .object(members)
    }
}
