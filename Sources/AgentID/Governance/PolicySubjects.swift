internal import Policy

/// Whose meters the calls under one chain take from.
struct PolicySubjects: Sendable {
    private let issuer: String
    private let agents: [String]
    private let task: String
    private let principal: String
    private let profile: String
    /// The holder of a leaf that names no agent, below one that is named.
    private let unnamed: [String]

    init(of chain: VerifiedChain) {
        let root = chain.links.first?.grant.claim
        // What another authority names is another thing, whatever its name.
        issuer = chain.issuer.isOwn ? "" : chain.issuer.name
        // A holder without an ID is known by its key.
        agents = chain.agents.isEmpty ? [chain.links.last.map { "key:\($0.holderThumbprint)" } ?? ""] : chain.agents
        let leaf = chain.links.last
        unnamed =
            chain.agents.isEmpty || leaf?.grant.claim?.agent != nil ? [] : ["key:\(leaf?.holderThumbprint ?? "")"]
        // A root grant is renewed under another `jti`, but for the same agent.
        task = root?.agent ?? chain.tree
        (principal, profile) = (root?.principal ?? "", root?.profile ?? "")
    }

    /// The parts that name each of the meters of anomalies: the holder's own, then those of the agents above. What a holder
    /// without a name does is not its parent's doing.
    func holders(of subject: Subject) -> [[String]] {
        let all = unnamed + agents.reversed()
        return (subject == .subtree ? all : Array(all.prefix(1))).map { [subject.rawValue, issuer, $0] }
    }

    /// The parts that name each of the meters: one, or one for each agent from the caller up to the root.
    func names(of subject: Subject) -> [[String]] {
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
