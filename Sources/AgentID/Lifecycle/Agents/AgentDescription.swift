public import StrictJSON

/// An agent as its authority's registry describes it.
public struct AgentDescription: Sendable {
    let record: AgentRecord
    /// The time when its lease lapses, in milliseconds since 1970; `nil` if it has none.
    public let leaseExpires: Int64?
    /// The end of its latest grant, in seconds since 1970; `nil` if the registry no longer has one.
    public let grantExpires: Int64?
    /// Whether it is active but denied because its last grant has expired: see ``renewalFailure``.
    public let isExpired: Bool
    /// Whether a guard would let it act: it and all above it are active, no lease has lapsed, no grant has expired, and
    /// nothing it depends on is revoked.
    public let isLive: Bool
    /// The reason why its grant was not renewed when due, if it is held in this process.
    public let renewalFailure: String?

    /// The agent's SPIFFE ID.
    public var id: String { record.id }
    /// The agent that started it.
    public var parent: String? { record.parent }
    /// The profile it was started under.
    public var profile: String { record.profile }
    /// The URI of its owner, who answers for it.
    public var owner: String { record.owner }
    /// The principal on whose behalf it acts.
    public var principal: String { record.principal }
    /// Its task.
    public var task: String { record.task }
    /// The principal's request in words, if known.
    public var intent: String? { record.intent }
    /// `active`, `parked`, `suspended` or `deprovisioned`.
    public var state: String { record.state.rawValue }
    /// The time when it was started, in seconds since 1970.
    public var created: Int64 { record.created }
    /// The time when it ended, in seconds since 1970.
    public var ended: Int64? { record.ended }
    /// The reason for its end, or for its suspension.
    public var endReason: String? { record.endReason }
    /// The receipt of its end.
    public var tombstone: String? { record.tombstone }

    /// The agent as a document; see `docs/schemas/agent.json`.
    public var document: JSONTree {
        func text(_ text: String?) -> JSONTree { text.map { .string($0) } ?? .null }
        func seconds(_ seconds: Int64?) -> JSONTree { seconds.map { .int(Int($0)) } ?? .null }
        return [
            "id": .string(record.id), "parent": text(record.parent), "profile": .string(record.profile),
            "owner": .string(record.owner), "principal": .string(record.principal), "task": .string(record.task),
            "intent": text(record.intent), "key": .string(record.key), "state": .string(record.state.rawValue),
            "live": .bool(isLive), "expired": .bool(isExpired), "grant_expires": seconds(grantExpires),
            "renewal_failure": text(renewalFailure), "created": .int(Int(record.created)),
            "lease_expires": seconds(leaseExpires.map { $0 / 1000 }), "ended": seconds(record.ended),
            "end_reason": text(record.endReason), "tombstone": text(record.tombstone),
        ]
    }
}

/// A filter on agents: an agent must match every part that is given.
public struct AgentSelection: Sendable {
    /// Of this profile.
    public var profile: String?
    /// Acting for this principal.
    public var principal: String?
    /// Owned by this principal.
    public var owner: String?
    /// Started by this agent.
    public var parent: String?
    /// `active`, `parked`, `suspended` or `deprovisioned`. One that was suspended while it is parked is found by either.
    public var state: String?
    /// The most agents returned; 1 to 100,000.
    public var limit = 1000
    /// The number of agents skipped first. Where agents start or end meanwhile, pages by it leave out some.
    public var offset = 0
    /// Whose IDs come after this one, byte by byte: the last of the page before.
    public var after: String?

    /// All agents.
    public init() {}

    func filter() throws(AgentIDError) -> AgentFilter {
        func refuse(_ name: String, _ message: String) -> AgentIDError {
            AgentIDError(.argument, name: "filter", message: message, at: "filter.\(name)")
        }
        var filter = AgentFilter()
        (filter.profile, filter.principal, filter.owner, filter.parent) = (profile, principal, owner, parent)
        if let state {
            guard let known = AgentRecord.State(rawValue: state) else {
                throw refuse("state", "a state is active, parked, suspended or deprovisioned")
            }
            filter.state = known
        }
        guard (1...100_000).contains(limit) else { throw refuse("limit", "a limit is 1 to 100000") }
        guard offset >= 0 else { throw refuse("offset", "an offset is not negative") }
        (filter.limit, filter.offset, filter.after) = (limit, offset, after)
        return filter
    }
}
