internal import StrictJSON

/// The tables of a registry in memory, and the one transaction on them. What it can do is in the files beside this one, a
/// file for each kind of record.
///
/// A change replaces a row, keeps the one of before, and brings up to date what finds it; to take a transaction back is to
/// put the rows of before in their places, last one first.
final class MemoryTables: RegistryWriter {
    /// All of one agent.
    struct AgentRow {
        /// With the state `active` where it is parked: its lease says which.
        var record: AgentRecord
        var lease: LeaseRecord?
        /// In the order in which they came: a clock may be set back.
        var grants: [GrantRecord] = []

        /// The agent as it is told of.
        var seen: AgentRecord {
            var seen = record
            if seen.state == .active, lease?.sealed != nil { seen.state = .parked }
            return seen
        }
    }

    /// Out of the way of the table that finds it.
    private final class Box {
        let agent: AgentRow
        init(_ agent: AgentRow) { self.agent = agent }
    }

    struct DeliveryRow {
        var record: DeliveryRecord
        var source: String
    }

    struct Counter {
        var value: Int64
        /// Whose end makes it needless, or what time, in milliseconds since 1970.
        var agent: ExactText?
        var until: Int64
    }

    /// All that is little enough to be kept whole as it was.
    struct Small {
        var meta: RegistryMeta
        var keys: [KeyRecord] = []
        var profiles: [ExactText: ProfileRecord] = [:]
        var hooks: [ExactText: HookRecord] = [:]
        var departures: [Departure] = []
        /// Oldest first.
        var policies: [PolicyRecord] = []
        var approvals: [ExactText: ApprovalRecord] = [:]
        var events: [EventRecord] = []
        /// The numbers that were given last; none is given twice.
        var lastEvent: Int64 = 0
        var lastDelivery: Int64 = 0
    }

    /// A row as it was before it was changed.
    private enum Former {
        case agent(ExactText, Box?)
        case delivery(Int64, DeliveryRow?)
        case counter(ExactText, Counter?)
        case brokerLease(ExactText, BrokerLeaseRecord?)
        case added(RevocationRecord)
        case removed(RevocationRecord)
        case keyOfAgent(thumbprint: ExactText, agent: ExactText)
        case tombstone(of: ExactText)
    }

    var small: Small
    private var agents: [ExactText: Box] = [:]
    private(set) var deliveries: [Int64: DeliveryRow] = [:]
    private(set) var counters: [ExactText: Counter] = [:]
    private(set) var brokerLeases: [ExactText: BrokerLeaseRecord] = [:]
    private(set) var revocations = MemoryRevocations()
    /// Of agents that were pruned.
    private(set) var tombstones: [ExactText: (text: String, ended: Int64)] = [:]

    // What finds them.
    private(set) var byID = MemoryOrder()
    private(set) var living = MemoryOrder()
    private(set) var unburied = MemoryOrder()
    private(set) var buried = MemoryOrder()
    private(set) var byLease = MemoryOrder()
    private(set) var children: [ExactText: [ExactText]] = [:]
    private(set) var holders: [ExactText: [ExactText]] = [:]
    private(set) var granted: [ExactText: ExactText] = [:]
    /// The agents that had a key before they got another, and the keys that an agent had.
    private(set) var formerHolders: [ExactText: [ExactText]] = [:]
    private(set) var formerKeys: [ExactText: [ExactText]] = [:]
    private(set) var queues: [ExactText: MemoryOrder] = [:]
    private(set) var brokerLeasesDue = MemoryOrder()
    private(set) var heldFor: [ExactText: [ExactText]] = [:]
    private(set) var countersOf: [ExactText: [ExactText]] = [:]

    private var formers: [Former] = []
    /// Whether the transaction changed anything, and whether guards must look at what.
    var (isChanged, isAnnounced) = (false, false)

    init(meta: RegistryMeta) { small = Small(meta: meta) }

    /// Runs `body` as one transaction.
    func transaction<Result>(_ body: (any RegistryWriter) throws -> Result) throws(AgentIDError) -> Result {
        let before = small
        (isChanged, isAnnounced) = (false, false)
        defer { formers.removeAll(keepingCapacity: true) }
        do {
            let result = try body(self)
            if isChanged { small.meta.writes += 1 }
            return result
        } catch {
            while let former = formers.popLast() { takeBack(former) }
            small = before
            isAnnounced = false
            if let error = error as? AgentIDError { throw error }
            throw AgentIDError(.internal, name: "transaction", message: "\(error)", at: MemoryRegistry.place)
        }
    }

    private func takeBack(_ former: Former) {
        switch former {
        case .agent(let id, let agent): replace(id, agent)
        case .delivery(let id, let delivery): replace(id, delivery)
        case .counter(let name, let counter): replace(name, counter)
        case .brokerLease(let id, let lease): replace(id, lease)
        case .added(let record): revocations.takeBack(record)
        case .removed(let record): revocations.putBack(record)
        case .keyOfAgent(let thumbprint, let agent):
            formerHolders.remove(agent, from: thumbprint)
            formerKeys.remove(thumbprint, from: agent)
        case .tombstone(let agent): tombstones[agent] = nil
        }
    }

    // MARK: Changes

    func set(_ id: ExactText, _ agent: AgentRow?) {
        formers.append(.agent(id, agents[id]))
        replace(id, agent.map(Box.init))
        isChanged = true
    }

    func set(_ id: Int64, _ delivery: DeliveryRow?) {
        formers.append(.delivery(id, deliveries[id]))
        replace(id, delivery)
        isChanged = true
    }

    func set(_ name: ExactText, _ counter: Counter?) {
        formers.append(.counter(name, counters[name]))
        replace(name, counter)
        isChanged = true
    }

    func set(_ id: ExactText, _ lease: BrokerLeaseRecord?) {
        formers.append(.brokerLease(id, brokerLeases[id]))
        replace(id, lease)
        isChanged = true
    }

    func add(_ revocation: RevocationRecord) {
        formers.append(.added(revocation))
        revocations.add(revocation)
        isChanged = true
    }

    func remove(_ revocation: Revocation) {
        guard let record = revocations[revocation] else { return }
        formers.append(.removed(record))
        revocations.remove(record)
        isChanged = true
    }

    /// Keeps that a key was an agent's before it got another; once.
    func remember(_ thumbprint: ExactText, of agent: ExactText) {
        guard formerKeys[agent]?.contains(thumbprint) != true else { return }
        formers.append(.keyOfAgent(thumbprint: thumbprint, agent: agent))
        formerHolders[thumbprint, default: []].append(agent)
        formerKeys[agent, default: []].append(thumbprint)
        isChanged = true
    }

    func keep(tombstone: String, of agent: ExactText, ended: Int64) {
        guard tombstones[agent] == nil else { return }
        formers.append(.tombstone(of: agent))
        tombstones[agent] = (tombstone, ended)
        isChanged = true
    }

    // MARK: Rows and what finds them

    /// All of an agent.
    func row(of id: ExactText) -> AgentRow? { agents[id]?.agent }

    private func replace(_ id: ExactText, _ box: Box?) {
        let before = agents[id]?.agent
        agents[id] = box
        let agent = box?.agent
        let (old, new) = (before?.record, agent?.record)
        func move(_ order: inout MemoryOrder, _ key: (AgentRecord) -> Int64?) {
            let (from, to) = (old.flatMap(key), new.flatMap(key))
            guard from != to else { return }
            if let from { order.remove(.init(number: from, name: id)) }
            if let to { order.insert(.init(number: to, name: id)) }
        }
        func link(_ table: inout [ExactText: [ExactText]], _ key: (AgentRecord) -> String?) {
            let (from, to) = (old.flatMap(key), new.flatMap(key))
            guard !from.isSame(as: to) else { return }
            if let from { table.remove(id, from: from.exact) }
            if let to { table[to.exact, default: []].append(id) }
        }
        move(&byID) { _ in 0 }
        move(&living) { $0.state == .deprovisioned ? nil : 0 }
        move(&unburied) { $0.state == .deprovisioned && $0.tombstone == nil ? $0.ended ?? .min : nil }
        move(&buried) { $0.state == .deprovisioned && $0.tombstone != nil ? $0.ended : nil }
        link(&children, \.parent)
        link(&holders, \.key)
        let (lease, nextLease) = (before?.lease?.expires, agent?.lease?.expires)
        if lease != nextLease {
            if let lease { byLease.remove(.init(number: lease, name: id)) }
            if let nextLease { byLease.insert(.init(number: nextLease, name: id)) }
        }
        let (grants, next) = (before?.grants ?? [], agent?.grants ?? [])
        guard !grants.elementsEqual(next, by: { $0.id.isSame(as: $1.id) }) else { return }
        for grant in grants { granted[grant.id.exact] = nil }
        for grant in next { granted[grant.id.exact] = id }
    }

    private func replace(_ id: Int64, _ delivery: DeliveryRow?) {
        let before = deliveries[id]
        deliveries[id] = delivery
        if before == nil, let delivery {
            queues[delivery.record.hook.exact, default: .init()].insert(.init(number: id))
        }
        if let before, delivery == nil { queues[before.record.hook.exact]?.remove(.init(number: id)) }
    }

    private func replace(_ name: ExactText, _ counter: Counter?) {
        let before = counters.removeValue(forKey: name)
        counters[name] = counter
        guard before?.agent != counter?.agent else { return }
        if let agent = before?.agent { countersOf.remove(name, from: agent) }
        if let agent = counter?.agent { countersOf[agent, default: []].append(name) }
    }

    private func replace(_ id: ExactText, _ lease: BrokerLeaseRecord?) {
        if let before = brokerLeases[id] {
            brokerLeasesDue.remove(.init(number: before.nextAt, name: id))
            heldFor.remove(id, from: before.agent.exact)
        }
        brokerLeases[id] = lease
        guard let lease else { return }
        brokerLeasesDue.insert(.init(number: lease.nextAt, name: id))
        heldFor[lease.agent.exact, default: []].append(id)
    }
}

extension Dictionary<ExactText, [ExactText]> {
    /// Takes one name out of a list, and the list where it was the last one.
    fileprivate mutating func remove(_ name: ExactText, from list: ExactText) {
        self[list]?.removeAll { $0 == name }
        if self[list]?.isEmpty == true { self[list] = nil }
    }
}
