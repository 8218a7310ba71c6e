internal import StrictJSON

/// Something that happened to an agent, or to what it stands on: a line of the audit log, and what hooks are told.
public struct LifecycleEvent: Sendable {
    /// What happened.
    public enum Name: String, Sendable, CaseIterable {
        /// An agent was started.
        case created
        /// Its credential was renewed, with its lease; with a `chain`, its grant, which that ends with.
        case renewed
        /// Its key was replaced.
        case rotated
        /// A root grant was issued to it.
        case granted
        /// It handed authority on.
        case delegated
        /// A call of it was denied.
        case denied
        /// It is held up.
        case suspended
        /// It goes on.
        case resumed
        /// It waits, its key sealed under the authority.
        case parked
        /// It was taken up again, with a new grant.
        case unparked
        /// It, or something it stands on, was revoked.
        case revoked
        /// It has ended: nothing is permitted to it any more.
        case deprovisioning
        /// Its tombstone is signed.
        case deprovisioned
        /// It ended because nobody renewed its lease.
        case lapsed

        /// All but renewals, of which there are many and all alike.
        public static var usual: Set<Name> { Set(allCases).subtracting([.renewed]) }
    }

    let name: Name
    /// In milliseconds since 1970.
    let time: Int64
    var agent: String?
    var profile: String?
    var owner: String?
    var principal: String?
    var task: String?
    var intent: String?
    /// The `jti` of each grant of the chain in question, root first.
    var chain: [String] = []
    /// The thumbprint of the key in question.
    var key: String?
    var reason: String?
    /// What kind of thing a revocation named; its name is in the member that such things have.
    var revoked: Revocation.Kind?
    /// The decision that denied, and the tool that it was about.
    var decision: String?
    /// Whose word the names of a denied chain are; `nil` of events in the authority itself.
    var issuer: ChainIssuer?
    var tool: String?
    /// The tombstone of an agent that is gone.
    var tombstone: String?
    /// How many denials it tells of, where it tells of more than one; what else it says is of the first.
    var count: Int?
    /// How many denials before it nobody is told of one by one: too many came at once.
    var omitted: Int?
    /// The root grant that a denied call was made under, and whose key signed that: what denials are counted by.
    var source = ""
    /// What was cut of its texts.
    var cut: JSONTree?
    /// The registry's sequence it happened under; set by the recorder.
    var sequence: Int64?

    init(_ name: Name, at time: Int64) { (self.name, self.time) = (name, time) }

    /// An event of a registered agent.
    init(_ name: Name, of agent: AgentRecord, at time: Int64, chain: [String] = [], reason: String? = nil) {
        self.init(name, at: time)
        (self.agent, profile, owner, principal) = (agent.id, agent.profile, agent.owner, agent.principal)
        (task, intent, key) = (agent.task, agent.intent, agent.key)
        (self.chain, self.reason) = (chain, reason)
    }

    /// How many bytes it takes while it waits, near enough.
    var size: Int {
        let texts = [agent, profile, owner, principal, task, intent, key, reason, decision, tool].compactMap { $0 }
        return (texts + chain).reduce(512 + source.utf8.count) { $0 + $1.utf8.count + 16 }
    }

    /// Whose news it is, which hooks are told in order: the agent's, or a foreign domain's.
    var subject: String {
        guard let issuer, issuer.isForeign else { return agent ?? "" }
        return issuer.domain?.issuer ?? ""
    }

    /// The event as a line of the log and as hooks are told of it; one that would not fit is cut, and says so.
    var line: [UInt8] {
        let whole = tree.canonical()
        guard whole.count > AuditBounds.event else { return whole }
        var (event, cut) = (self, AuditCut())
        let texts: [(String, WritableKeyPath<LifecycleEvent, String?>, Int)] = [
            ("task", \.task, 256), ("intent", \.intent, 256), ("reason", \.reason, 256), ("tool", \.tool, 256),
            ("profile", \.profile, 256), ("owner", \.owner, 1024), ("principal", \.principal, 1024),
            ("key", \.key, 256),
            ("decision", \.decision, 256), ("agent", \.agent, 2048),
        ]
        for (name, path, most) in texts {
            event[keyPath: path] = cut.fit(optional: self[keyPath: path], most, as: name)
        }
        // A tombstone that is cut is none.
        if let tombstone, tombstone.utf8.count > 8192 {
            _ = cut.fit(tombstone, 0, as: "tombstone")
            event.tombstone = nil
        }
        let kept = chain.suffix(8).map { $0.prefix(bytes: AuditBounds.grantID) }
        if !kept.isSame(as: chain) {
            let all = JSONTree.array(chain.map { .string($0) }).canonical()
            cut.leaveOut(chain.count - kept.count, of: "chain", hash: AuditCut.hash(all.span))
            event.chain = kept
        }
        if !cut.isEmpty { event.cut = cut.tree }
        return event.tree.canonical()
    }

    /// The event as a document; what is not known is left out.
    var tree: JSONTree {
        var members: JSONTree.Members = [
            "event": .string(name.rawValue), "kind": "event", "time_ms": .int(Int(time)),
        ]
        let texts = [
            ("agent", agent), ("profile", profile), ("owner", owner), ("principal", principal), ("task", task),
            ("intent", intent), ("key", key), ("reason", reason), ("tombstone", tombstone), ("decision", decision),
            ("tool", tool),
        ]
        for (name, text) in texts {
            if let text { members[name] = .string(text) }
        }
        if let revoked { members["revoked"] = .string(revoked.name) }
        if !chain.isEmpty { members["chain"] = .array(chain.map { .string($0) }) }
        if let sequence { members["sequence"] = .int(Int(sequence)) }
        if let issuer { members["issuer"] = issuer.tree }
        if let count { members["count"] = .int(count) }
        if let omitted { members["omitted"] = .int(omitted) }
        if let cut { members["cut"] = cut }
        return .object(members)
    }
}
