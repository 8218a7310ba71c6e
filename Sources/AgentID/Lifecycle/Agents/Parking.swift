internal import JOSE
internal import StrictJSON
internal import Synchronization

/// An agent's run waits: `active -> parked`, with all below it that this process holds. The lease of the agent at the top
/// then says until when, and holds what all go on with; each lease below has that agent's ID instead.
extension Lifecycle {
    /// An agent to be parked, and its state.
    private final class Parted {
        let id: String
        let agent: Agent
        let state: Agent.State
        let sealed: ParkedKey
        var until: Int64 { (sealed.until ?? Limits.latestDate) * 1000 }

        init(_ id: String, _ agent: Agent, _ state: Agent.State, _ term: Term, _ place: ParkedKey.Place?) {
            (self.id, self.agent, self.state) = (id, agent, state)
            sealed = ParkedKey(of: state, term, labels: agent.notes, place: place)
        }
    }

    /// Parks an agent that is held here, with all below it, for so many seconds at most.
    func park(_ agent: Agent, _ id: String, for seconds: Int64) throws(AgentIDError) {
        let before = seconds == 0 ? agent.parkedUntil.load(ordering: .acquiring) : 0
        guard (1...Limits.longestParking).contains(seconds) || before > 0 else {
            throw AgentIDError(
                .argument, name: "seconds", message: "an agent is parked for 1 second to 30 days", at: "seconds")
        }
        guard let term = try agent.current().term, case .authority = term.source else {
            throw AgentIDError(
                .state, name: "sub_agent",
                message: "a sub-agent's grant comes from its parent: park the agent at the top, with all below it",
                at: "agent")
        }
        try checkWhole()
        // Agents below it may start and end meanwhile: what was sealed is then not all, and is sealed again.
        for _ in 0..<100 {
            guard try parkTogether(agent, id, for: seconds, orUntil: before) else { continue }
            try? view.refresh()
            hooks.wake()
            return
        }
        throw AgentIDError(
            .state, name: "live_children",
            message: "agents below it start and end all the time: have them stop first", at: "agent")
    }

    /// Whether they were parked: all of them, or nothing was changed.
    ///
    /// - Parameter before: the end of an earlier parking, in milliseconds, that goes on; 0: of none.
    private func parkTogether(
        _ agent: Agent, _ id: String, for seconds: Int64, orUntil before: Int64
    ) throws(AgentIDError) -> Bool {
        // Parents come before their children, always in the same order: two that take the turns of one tree do not wait
        // for each other.
        let held = [(id: id, agent: agent)] + heldBelow(id)
        guard held.count <= Limits.parkedTogether else {
            throw AgentIDError(
                .limit, name: "parked_together",
                message: "more than \(Limits.parkedTogether) agents would be parked together: end some below it",
                at: "agent")
        }
        // Not under their locks: a clock may be a caller's.
        let now = try clock.now()
        guard before == 0 || before > now else { throw Self.parkingOver }
        for one in held { one.agent.turn.lock() }
        defer { for one in held { one.agent.turn.unlock() } }
        let tree = try parted(held, at: now)
        let sealed = try ParkedKey.seal(tree.map(\.sealed), with: sealingKey())
        let expires = min(before > 0 ? before : now + seconds * 1000, tree[0].until)
        let isDone = try write { registry in
            guard try isWhole(tree, of: held, at: now, in: registry) else { return false }
            for (i, one) in tree.enumerated() {
                let ends = min(expires, one.until)
                try registry.put(
                    LeaseRecord(
                        agent: one.id, expires: ends, renewed: now, holder: "parked",
                        runsUntil: steady.now.later(by: ends - now), sealed: i == 0 ? sealed : Self.mark(of: id)))
                try registry.releaseBrokerLeases(of: one.id, at: now)
                guard let record = try registry.agent(one.id) else { continue }
                try recorder.record(
                    LifecycleEvent(.parked, of: record, at: now, chain: one.state.lineage.grants), in: registry)
            }
            try registry.announce()
            return true
        }
        if isDone { for one in tree { one.agent.leave() } }
        return isDone
    }

    static let parkingOver = AgentIDError(
        .state, name: "parking_over",
        message: "the time that the agent was parked for is over: park it for another time, or end it", at: "seconds")

    /// The text in the lease of an agent that was parked with the one at the top.
    static func mark(of top: String) -> [UInt8] { Array(top.utf8) }

    private func heldBelow(_ id: String) -> [(id: String, agent: Agent)] {
        leases.agents().filter { SPIFFEID.isUnder($0.id, id) }
            .inOrder { $0.id.isBefore($1.id) }
    }

    /// Those that can be unparked, the one at the top first. One whose parent cannot, or that may not go on itself,
    /// stays as it is, denied with those above it.
    private func parted(
        _ held: [(id: String, agent: Agent)], at now: Int64
    ) throws(AgentIDError) -> [Parted] {
        let standings = try registry.read { try $0.standing(of: held.map(\.id)) }
        var tree: [Parted] = []
        var places: [ObjectIdentifier: Int] = [:]
        for (id, agent) in held {
            var place: ParkedKey.Place?
            if !tree.isEmpty {
                guard let (parent, request) = agent.snapshot?.term?.source.parent,
                    let above = places[ObjectIdentifier(parent)],
                    let standing = standings.first(where: { $0.agent.isSame(as: id) }), Self.goesOn(standing, at: now)
                else { continue }
                place = ParkedKey.Place(
                    id: id, parent: above, isScoped: request.scope != nil, maxDepth: request.maxDepth)
            }
            guard let state = agent.snapshot, let term = state.term else {
                guard tree.isEmpty else { continue }
                throw Agent.closed
            }
            places[ObjectIdentifier(agent)] = tree.count
            tree.append(Parted(id, agent, state, term, place))
        }
        return tree
    }

    private static func goesOn(_ agent: AgentStanding, at now: Int64) -> Bool {
        (agent.state == .active || agent.state == .suspended) && (agent.leaseExpires ?? 0) > now
    }

    /// Looks again in the transaction: refuses where the agent at the top may not go on; whether the others are still all
    /// of them.
    private func isWhole(
        _ tree: [Parted], of held: [(id: String, agent: Agent)], at now: Int64, in registry: any RegistryReader
    ) throws(AgentIDError) -> Bool {
        let top = tree[0]
        guard try active(top.id, in: registry).key.isSame(as: top.state.key.thumbprint) else { throw Self.keyReplaced }
        for standing in try registry.standing(of: [top.id]) { try checkRenewable(standing, at: now) }
        try refuseRevoked(top.state.lineage.revocable, in: registry)
        for one in tree.dropFirst() {
            guard let standing = try registry.standing(of: [one.id]).first, Self.goesOn(standing, at: now),
                standing.key.isSame(as: one.state.key.thumbprint)
            else { return false }
        }
        let known = Set(held.map { ObjectIdentifier($0.agent) })
        return heldBelow(top.id).allSatisfy { known.contains(ObjectIdentifier($0.agent)) }
    }

    /// Refuses what stands on something that was revoked.
    func refuseRevoked(_ revocable: [Revocation], in registry: any RegistryReader) throws(AgentIDError) {
        if let revoked = try registry.firstRevoked(of: revocable) {
            throw AgentIDError(
                .state, name: "authority_revoked", message: "revoked: \(revoked.kind.name) \(revoked.value)",
                at: "agent")
        }
    }

    /// The key that seals those of parked agents. Another one is not made while some are parked: they need the one that is gone.
    private func sealingKey() throws(AgentIDError) -> GuardedBytes {
        if let key = try keys.sealingKey(mayBeNew: false) { return key }
        try Self.checkNoneParked(registry)
        guard let key = try keys.sealingKey(mayBeNew: true) else { throw ParkedKey.lost }
        return key
    }

    /// Throws if agents are parked, of whom the key is gone that seals theirs.
    static func checkNoneParked(_ registry: any Registry) throws(AgentIDError) {
        var parked = AgentFilter()
        (parked.state, parked.limit) = (.parked, 1)
        guard try registry.read({ try $0.agents(parked) }).isEmpty else { throw ParkedKey.lost }
    }
}
