package import Policy

/// Whose meters the calls under one chain take from.
package struct PolicySubjects: Sendable {
    private let issuer: String
    private let agents: [String]
    private let task: String
    private let principal: String
    private let profile: String
    /// The holder of a leaf that names no agent, below one that is named.
    private let unnamed: [String]

    /// - Parameters:
    ///   - issuer: empty for the own authority.
    ///   - agents: from the root to the leaf; none where no grant names one.
    ///   - key: the thumbprint of the holder's key.
    ///   - isNamed: whether the leaf names an agent.
    ///   - task: the root's agent, or what else names the tree of grants.
    package init(
        issuer: String, agents: [String], key: String, isNamed: Bool, task: String, principal: String, profile: String
    ) {
        // What another authority names is another thing, whatever its name.
        self.issuer = issuer
        // A holder without an ID is known by its key.
        self.agents = agents.isEmpty ? ["key:\(key)"] : agents
        unnamed = agents.isEmpty || isNamed ? [] : ["key:\(key)"]
        (self.task, self.principal, self.profile) = (task, principal, profile)
    }

    init(of chain: VerifiedChain) {
        let root = chain.links.first?.grant.claim
        let leaf = chain.links.last
        self.init(
            issuer: chain.issuer.isOwn ? "" : chain.issuer.name, agents: chain.agents,
            key: leaf?.holderThumbprint ?? "", isNamed: leaf?.grant.claim?.agent != nil,
            // A root grant is renewed under another `jti`, but for the same agent.
            task: root?.agent ?? chain.tree, principal: root?.principal ?? "", profile: root?.profile ?? "")
    }

    /// The parts that name each of the meters of anomalies: the holder's own, then those of the agents above. What a holder
    /// without a name does is not its parent's doing.
    package func holders(of subject: Subject) -> [[String]] {
        let all = unnamed + agents.reversed()
        return (subject == .subtree ? all : Array(all.prefix(1))).map { [subject.rawValue, issuer, $0] }
    }

    /// The parts that name each of the meters: one, or one for each agent from the caller up to the root.
    package func names(of subject: Subject) -> [[String]] {
        let kind = subject == .subtree ? Subject.subtree.rawValue : subject.rawValue
        let found: [String] =
            switch subject {
            case .agent: agents.suffix(1)
            case .subtree: agents.reversed()
            case .task: [task]
            case .principal: [principal]
            case .profile: [profile]
            case .domain: [""]
            }
        return found.map { [kind, issuer, $0] }
    }
}
