internal import AgentID
internal import Policy
internal import StrictJSON

/// The subjects of the calls under one chain, as its entries name them.
final class ReplayContext {
    /// The bytes of the members that it was made of.
    private let key: [UInt8]
    let subjects: PolicySubjects
    /// The caller, for people.
    let agent: String
    /// The caller and every agent above it, by whom it can be stopped.
    let holders: [ExactText]
    /// The meters of anomalies; made when the first sign is counted.
    var counters: [ReplayCounter] = []
    var countersAge = -1
    private var calls: [(hash: UInt64, call: ReplayCall)] = []
    private static let mostCalls = 256
    private static let parts: [EntryMember] = [.chain, .issuer, .principal, .profile]

    static func hash(_ entry: EntryMembers, _ bytes: Span<UInt8>) -> UInt64 {
        var hash: UInt64 = 0
        for part in parts { hash = bytes.hash(entry[part], seed: hash) }
        return hash
    }

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
        self.key = Self.key(of: entry, bytes)
    }

    /// The name of one who can be stopped.
    static func holder(of issuer: String, _ name: String) -> ExactText { "\(issuer.utf8.count):\(issuer)\(name)".exact }

    /// Whether an entry is of a call under this very chain.
    func isOf(_ entry: EntryMembers, _ bytes: Span<UInt8>) -> Bool {
        var position = 0
        for part in Self.parts {
            guard let range = entry[part] else {
                guard position < key.count, key[position] == 0 else { return false }
                position += 1
                continue
            }
            guard key.count - position > range.count,
                Self.isSame(key, from: position, as: bytes.extracting(range)),
                key[position + range.count] == 1
            else { return false }
            position += range.count + 1
        }
        return position == key.count
    }

    private static func isSame(_ key: [UInt8], from start: Int, as part: Span<UInt8>) -> Bool {
        let own = key.span
        return own.extracting(start..<start + part.count).hasSameBytes(as: part)
    }

    /// No byte of an entry is 0 or 1.
    private static func key(of entry: EntryMembers, _ bytes: Span<UInt8>) -> [UInt8] {
        var key: [UInt8] = []
        for part in parts {
            if let range = entry[part] { key += bytes.bytes(range) + [1] } else { key.append(0) }
        }
        return key
    }

    /// The calls of a tool under this chain, with arguments of these names.
    func call(of tool: Range<Int>, _ arguments: Range<Int>?, _ bytes: Span<UInt8>) -> ReplayCall {
        let hash = bytes.hash(arguments, seed: bytes.hash(tool, seed: 0))
        for known in calls where known.hash == hash {
            if Self.isSame(known.call.text, as: tool, arguments, bytes) { return known.call }
        }
        let call = ReplayCall(of: tool, arguments, bytes, under: self)
        // More have only those that ask for what is not there.
        if calls.count >= Self.mostCalls { calls = [] }
        calls.append((hash, call))
        return call
    }

    private static func isSame(
        _ text: [UInt8], as tool: Range<Int>, _ arguments: Range<Int>?, _ bytes: Span<UInt8>
    ) -> Bool {
        guard text.count == tool.count + (arguments?.count ?? 0), isSame(text, from: 0, as: bytes.extracting(tool))
        else { return false }
        return arguments.map { isSame(text, from: tool.count, as: bytes.extracting($0)) } ?? true
    }
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
