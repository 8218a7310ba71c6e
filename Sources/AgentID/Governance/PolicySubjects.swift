package import Policy

/// Whose meters the calls under one chain take from.
package struct PolicySubjects: Sendable {
    let issuer: String
    private let agents: [String]
    let task: String
    private let principal: String
    private let profile: String
    /// The holder of the root grant, and the next holder below it, by the names of their agents or their keys.
    let (root, branch): (String, String)
    /// The holder of a leaf that names no agent, below one that is named.
    private let unnamed: [String]
    /// The names of the places that labels are kept at: the task's, then those of the isolated agents of the chain.
    package let labelPlaces: [[String]]
    /// The place of those that the agent itself raises.
    package let raisedPlace: Int

    /// - Parameters:
    ///   - issuer: empty for the own authority.
    ///   - agents: from the root to the leaf; none where no grant names one.
    ///   - key: the thumbprint of the holder's key.
    ///   - isNamed: whether the leaf names an agent.
    ///   - task: the root's agent, or what else names the tree of grants.
    ///   - holders: of the grants, from the root on.
    package init(
        issuer: String, agents: [String], key: String, isNamed: Bool, task: String, principal: String, profile: String,
        isolated: [IsolatedAgent] = [], holders: [String] = []
    ) {
        root = holders.first ?? agents.first ?? key
        let first = root
        branch = (holders + agents).first { !$0.isSame(as: first) } ?? root
        // What another authority names is another thing, whatever its name.
        self.issuer = issuer
        // A holder without an ID is known by its key.
        self.agents = agents.isEmpty ? ["key:\(key)"] : agents
        unnamed = agents.isEmpty || isNamed ? [] : ["key:\(key)"]
        (self.task, self.principal, self.profile) = (task, principal, profile)
        labelPlaces =
            [[Subject.task.rawValue, issuer, task]] + isolated.map { Self.isolatedPlace(of: $0.name, issuer) }
        raisedPlace = (isolated.lastIndex { $0.isRegistered } ?? -1) + 1
    }

    init(of chain: VerifiedChain, isolated: [IsolatedAgent] = []) {
        let root = chain.links.first?.grant.claim
        let leaf = chain.links.last
        self.init(
            issuer: chain.issuer.isOwn ? "" : chain.issuer.name, agents: chain.agents,
            key: leaf?.holderThumbprint ?? "", isNamed: leaf?.grant.claim?.agent != nil,
            // A root grant is renewed under another `jti`, but for the same agent.
            task: root?.agent ?? chain.tree, principal: root?.principal ?? "", profile: root?.profile ?? "",
            isolated: isolated, holders: chain.links.map(\.holderName))
    }

    /// Where the meters of agents of the chain may stand, or those of its task, principal, profile or domain.
    func range(ofAgents isAgents: Bool) -> MeterRange {
        issuer.isEmpty ? isAgents ? .agent : .own : .authority(issuer)
    }

    /// Where the labels of a place may stand, by its name.
    func range(ofLabels name: [String]) -> MeterRange {
        range(ofAgents: name.first?.isSame(as: Subject.task.rawValue) != true)
    }

    /// The name of the place that the labels of an isolated agent are kept at, and of all below it.
    package static func isolatedPlace(of agent: String, _ issuer: String) -> [String] { ["isolated", issuer, agent] }

    /// The parts that name each of the meters of anomalies: the holder's own, then those of the agents above. What a holder
    /// without a name does is not its parent's doing.
    package func holders(of subject: Subject) -> [[String]] {
        let all = unnamed + agents.reversed()
        return (subject == .subtree ? all : Array(all.prefix(1))).map { [subject.rawValue, issuer, $0] }
    }

    /// The same, of a rule: a grant's limit has one meter, its holder's.
    func names(of subject: Subject, under rule: PolicyRule) -> [[String]] {
        rule.grantor == nil ? names(of: subject) : [["grant", issuer] + rule.meterName]
    }

    /// Whose end makes a meter needless, by its name; `nil` where that of no agent of this authority does. A key in place of an
    /// agent never ends.
    static func agent(whoseEnds name: [String], under rule: PolicyRule) -> String? {
        guard name.count > 2, name[1].isEmpty else { return nil }
        if let grantor = rule.grantor { return grantor.agent }
        let isAgents = [Subject.agent, .subtree, .task].contains { name[0].isSame(as: $0.rawValue) }
        return isAgents ? name[2] : nil
    }

    /// The parts that name each of the meters: one, or one for each agent from the caller up to the root.
    package func names(of subject: Subject) -> [[String]] {
        let found: [String] =
            switch subject {
            case .agent: agents.suffix(1)
            case .subtree: agents.reversed()
            case .task: [task]
            case .principal: [principal]
            case .profile: [profile]
            case .domain: [""]
            }
        return found.map { [subject.rawValue, issuer, $0] }
    }
}

/// An agent of a chain whose grant says that it keeps its labels to itself.
package struct IsolatedAgent: Sendable {
    let name: String
    /// Whether the registry has that very grant. What others sign for themselves isolates nobody: what they learn counts
    /// for whoever is above, and what was learnt in isolation counts for them.
    let isRegistered: Bool

    package init(name: String, isRegistered: Bool) { (self.name, self.isRegistered) = (name, isRegistered) }
}

extension RegistryReader {
    /// The isolated agents of a chain of this registry, from the root on.
    func isolated(in chain: VerifiedChain) throws(AgentIDError) -> [IsolatedAgent] {
        var found: [IsolatedAgent] = []
        var end = 0
        for (i, link) in chain.links.enumerated() {
            end += link.jws.bytes.count + (i == 0 ? 0 : 1)
            guard i > 0, let claim = link.grant.claim, claim.isIsolated, let agent = claim.agent,
                // One that goes on with another key stands there twice.
                chain.links[i - 1].grant.claim?.agent.isSame(as: agent) != true
            else { continue }
            // To the byte, with all above it: another grant of this `jti` would be somebody else's word.
            let known = try grant(link.grant.id)
            let isRegistered =
                known.map { $0.agent.isSame(as: agent) && $0.chain.utf8.elementsEqual(chain.bytes.prefix(end)) }
                ?? false
            found.append(IsolatedAgent(name: agent, isRegistered: isRegistered))
        }
        return found
    }
}
