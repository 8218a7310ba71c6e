internal import StrictJSON

/// An event of an agent, or of something it depends on: a line of the audit log, which hooks receive too.
public struct LifecycleEvent: Sendable {
    /// The kind of event.
    public enum Name: String, Sendable, CaseIterable {
        /// An agent was started.
        case created
        /// Its credential was renewed with its lease; with a `chain`, its grant was renewed, the last one of that chain.
        case renewed
        /// Its key was replaced.
        case rotated
        /// A root grant was issued to it.
        case granted
        /// It handed authority on.
        case delegated
        /// A call of it was denied.
        case denied
        /// It was suspended.
        case suspended
        /// It was resumed.
        case resumed
        /// It was parked, its key sealed under the authority.
        case parked
        /// It was unparked, with a new grant.
        case unparked
        /// It, or something it depends on, was revoked.
        case revoked
        /// It has ended: nothing is permitted to it any more.
        case deprovisioning
        /// Its tombstone is signed.
        case deprovisioned
        /// It ended because nobody renewed its lease.
        case lapsed
        /// A call of it was asked about, approved, refused, or made after it was approved.
        case approval
        /// A policy was put in force.
        case policy
        /// No secret was given for a call of it that was permitted.
        case secretRefused = "secret_refused"

        /// The event of this name, byte for byte; `nil` if there is none.
        public init?(rawValue: String) {
            guard let name = Self.allCases.first(where: { $0.rawValue.isSame(as: rawValue) }) else { return nil }
            self = name
        }

        /// All but renewals, which are many and alike.
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
    /// The kind of object that a revocation named; the object's name is in the member for that kind.
    var revoked: Revocation.Kind?
    /// The decision that denied, and its tool.
    var decision: String?
    /// The authority that vouches for a denied chain's names; `nil` for events in the authority itself.
    var issuer: ChainIssuer?
    var tool: String?
    /// The request for approval in question: its ID, state, rule, policy, and who decided.
    var approval: JSONTree?
    /// The provider that was asked for a secret. The resource may be the value of an argument, and is not told.
    var provider: String?
    /// The policy that was put in force: its version, and the SHA-256 of its document.
    var policy: JSONTree?
    /// The tombstone of an agent that is gone.
    var tombstone: String?
    /// The number of denials that it reports, if more than one; its other members describe the first.
    var count: Int?
    /// The number of earlier denials that are not reported one by one: too many came at once.
    var omitted: Int?
    /// The root grant of a denied call and that root's signer: denials are counted by them.
    var source = ""
    /// The record of texts that were cut.
    var cut: JSONTree?
    /// The registry's sequence at the event; set by the recorder.
    var sequence: Int64?

    init(_ name: Name, at time: Int64) { (self.name, self.time) = (name, time) }

    /// An event of a registered agent.
    init(_ name: Name, of agent: AgentRecord, at time: Int64, chain: [String] = [], reason: String? = nil) {
        self.init(name, at: time)
        (self.agent, profile, owner, principal) = (agent.id, agent.profile, agent.owner, agent.principal)
        (task, intent, key) = (agent.task, agent.intent, agent.key)
        (self.chain, self.reason) = (chain, reason)
    }

    /// The size while it waits, in bytes, roughly.
    var size: Int {
        let texts = [agent, profile, owner, principal, task, intent, key, reason, decision, tool, provider].compactMap {
            $0
        }
        return (texts + chain).reduce(512 + source.utf8.count) { $0 + $1.utf8.count + 16 }
    }

    /// The subject by which hooks receive events in order: the agent, or a foreign domain.
    var subject: String {
        guard let issuer, issuer.isForeign else { return agent ?? "" }
        return issuer.domain?.issuer ?? ""
    }

    /// The event as a line of the log and as hooks receive it. One that would not fit is cut, and says so.
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
        // A tombstone cut short is not a tombstone.
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

    /// The event as a document; unknown parts are left out.
    var tree: JSONTree {
        var members: JSONTree.Members = [
            "event": .string(name.rawValue), "kind": "event", "time_ms": .int(Int(time)),
        ]
        let texts = [
            ("agent", agent), ("profile", profile), ("owner", owner), ("principal", principal), ("task", task),
            ("intent", intent), ("key", key), ("reason", reason), ("tombstone", tombstone), ("decision", decision),
            ("tool", tool), ("provider", provider),
        ]
        for (name, text) in texts {
            if let text { members[name] = .string(text) }
        }
        if let revoked { members["revoked"] = .string(revoked.name) }
        if !chain.isEmpty { members["chain"] = .array(chain.map { .string($0) }) }
        if let sequence { members["sequence"] = .int(Int(sequence)) }
        if let issuer { members["issuer"] = issuer.tree }
        if let approval { members["approval"] = approval }
        if let policy { members["policy"] = policy }
        if let count { members["count"] = .int(count) }
        if let omitted { members["omitted"] = .int(omitted) }
        if let cut { members["cut"] = cut }
        return .object(members)
    }
}
