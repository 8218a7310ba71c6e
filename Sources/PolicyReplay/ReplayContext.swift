internal import AgentID
internal import Policy
internal import StrictJSON

/// The subjects of the calls under one chain, as its entries name them.
final class ReplayContext {
    let subjects: PolicySubjects
    /// The caller, for people.
    let agent: String
    /// The caller and every agent above it, by whom it can be stopped.
    let holders: [ExactText]
    /// The meters of anomalies; made when the first sign is counted.
    var counters: [ReplayCounter] = []
    var countersAge = -1

    /// `nil` where the entry names no chain that can be read.
    init?(_ entry: EntryMembers, _ bytes: Span<UInt8>) {
        guard let place = entry[.chain], let chain = bytes.value(place), chain.kind == .array,
            let root = chain.elements.first(where: { _ in true })
        else { return nil }
        let issuer = entry[.issuer].flatMap { bytes.value($0) }
        let isOwn = issuer?["foreign"] == nil
        let name = isOwn ? "" : issuer?["domain"]?.string ?? issuer?["iss"]?.string ?? ""
        var (agents, last): ([String], JSON.Value?) = ([], nil)
        var isolated: [IsolatedAgent] = []
        for link in chain.elements {
            if let agent = link["agent"]?.string, agents.last?.isSame(as: agent) != true {
                agents.append(agent)
                if link["isolated"]?.bool == true { isolated.append(IsolatedAgent(name: agent, isRegistered: true)) }
            }
            last = link
        }
        let key = last?["key"]?.string ?? ""
        subjects = PolicySubjects(
            issuer: name, agents: agents, key: key, isNamed: last?["agent"] != nil,
            task: root["agent"]?.string ?? (issuer?["key"]?.string ?? "") + (root["jti"]?.string ?? ""),
            principal: bytes.text(entry[.principal]) ?? "", profile: bytes.text(entry[.profile]) ?? "",
            isolated: isOwn ? isolated : [])
        agent = last?["agent"]?.string ?? "key:\(key)"
        holders = subjects.holders(of: .subtree).map { Self.holder(of: name, $0.last ?? "") }
    }

    /// The name of one who can be stopped.
    static func holder(of issuer: String, _ name: String) -> ExactText { "\(issuer.utf8.count):\(issuer)\(name)".exact }
}

/// The calls of one tool under one chain, with arguments of the same names.
final class ReplayCall {
    /// The bytes of both in the log.
    let text: [UInt8]
    let tool: String
    let context: ReplayContext
    /// The names of the arguments.
    let names: Set<ExactText>
    /// Whether these are all: an entry names 64 at most.
    let hasAllNames: Bool
    /// The rules that it is about; made when the first call is judged.
    var plan: ReplayPlan?

    init(of tool: Range<Int>, _ arguments: Range<Int>?, _ bytes: Span<UInt8>, under context: ReplayContext) {
        text = bytes.bytes(tool) + (arguments.map { bytes.bytes($0) } ?? [])
        let list = arguments.flatMap { bytes.value($0) }.map { Array($0.elements) } ?? []
        hasAllNames = list.count < 64
        names = Set(list.compactMap { $0.string?.exact })
        self.tool = bytes.text(tool) ?? ""
        self.context = context
    }
}
