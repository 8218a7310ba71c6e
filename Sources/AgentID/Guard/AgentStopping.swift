internal import JOSE
internal import Policy
internal import StrictJSON

/// Stops agents that crossed the line of a rule: in this process at once, and in all of the machine when ``stop(_:by:)``
/// returns.
///
/// Nothing waits here for who has the registry's lock: what is written is a line of the journal, which guards read too. Where
/// it cannot be written, on a full disk or by a user who may not, the agent is denied in this process, and a thread tries
/// again until it is written.
final class AgentStopping: Sendable {
    typealias Write = @Sendable ([JournalEntry]) throws(AgentIDError) -> Void

    /// One change that is in force here alone.
    private struct Waiting: Sendable {
        /// Empty once it is written.
        var entries: [JournalEntry]
        /// The agents suspended here until everybody sees it.
        let held: [ExactText]
    }

    private struct State {
        var waiting: [Waiting] = []
        var unregistered = UnregisteredStops()
        var thread: BackgroundThread?
        var isStopped = false
    }

    private let view: RegistryView
    private let write: Write
    private let state = Locked(State())
    init(_ view: RegistryView, write: @escaping Write) { (self.view, self.write) = (view, write) }

    deinit {
        let thread = state.withLock { state in
            state.isStopped = true
            return state.thread.take()
        }
        thread?.stop()
        retry()
    }

    /// Stops who answers for a chain's calls, or an agent above. Returns who that is, and whether it is in force in this
    /// process alone.
    ///
    /// - Parameter above: how far above the holder: 0 for the holder itself.
    func stop(
        _ chain: VerifiedChain, above: Int, _ consequence: Consequence, reason: String, now: Int64
    ) -> (stopped: [String], isPending: Bool) {
        var offender = Offender(of: chain, above: above, in: view.registry)
        // Another thread was faster.
        let isNew = offender.revoked.map { view.revocations.first(of: [$0]) == nil } ?? false
        if isNew { offender = state.withLock { $0.unregistered.count(offender) } }
        let changes = offender.changes(consequence)
        var held: [ExactText] = []
        for change in changes {
            switch change {
            case .suspend(let agent):
                // Another thread was faster.
                guard !view.isHeld(agent.exact) else { continue }
                view.hold(agent.exact)
                held.append(agent.exact)
            case .end(let agent): view.revocations.add([Revocation(unchecked: .agent, agent)])
            case .revoke(let revocation), .endAll(let revocation): view.revocations.add([revocation])
            }
        }
        let waiting = Waiting(entries: changes.map { JournalEntry($0, reason: reason, time: now) }, held: held)
        let isPending = attempt(waiting).map(keep) != nil
        return (offender.names, isPending)
    }

    /// Writes a change and lets go of who is held for it; returns what is left to do.
    private func attempt(_ waiting: Waiting) -> Waiting? {
        var waiting = waiting
        do throws(AgentIDError) {
            if !waiting.entries.isEmpty { try write(waiting.entries) }
            waiting.entries = []
            try view.refresh()
        } catch { return waiting }
        for agent in waiting.held { view.release(agent) }
        return nil
    }

    private func keep(_ waiting: Waiting) {
        let hasRoom = state.withLock { state in
            guard !state.isStopped else { return true }
            guard state.waiting.count < UnwrittenChanges.most else { return false }
            state.waiting.append(waiting)
            guard state.thread == nil else { return true }
            state.thread = try? BackgroundThread.start(name: "agentid-stop") { [weak self] thread in
                while thread.wait(milliseconds: 200) { self?.retry() }
            }
            return true
        }
        if !hasRoom { UnwrittenChanges.tell(left: waiting.entries.count) }
    }

    /// Resumes an agent: a suspension that is not written yet is not written any more, unless that fails.
    func resume(_ agent: String, _ resume: () throws(AgentIDError) -> Void) throws(AgentIDError) {
        let suspension = JournalEntry.Change.suspend(agent: agent)
        var taken: [JournalEntry] = []
        state.withLock { state in
            for i in state.waiting.indices {
                taken += state.waiting[i].entries.filter { $0.change == suspension }
                state.waiting[i].entries.removeAll { $0.change == suspension }
            }
        }
        do throws(AgentIDError) { try resume() } catch {
            if !taken.isEmpty { keep(Waiting(entries: taken, held: [agent.exact])) }
            throw error
        }
    }

    private func retry() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        guard !waiting.isEmpty else { return }
        let left = waiting.compactMap(attempt)
        state.withLock { $0.waiting += left }
    }
}

/// The holder who answers for the calls under a chain, and is stopped for them.
///
/// A chain of another authority stops nobody by a name in it: its issuer may write whose name it likes. The key that signed
/// the call is known, and so is a registered agent whose key that is.
struct Offender {
    /// Those that the registry knows.
    var registered: [String]
    /// Where nobody is registered: the leaf, by its ID or its key.
    var revoked: Revocation?
    /// The highest holder of the chain that is not registered, the leaf or one above it, and the registered one that handed on
    /// to it: where there is nobody registered to stop.
    private(set) var branch: Revocation
    private(set) var owner: String?

    init(of chain: VerifiedChain, above: Int, in registry: any Registry) {
        let isOwn = chain.issuer.isOwn
        let place = Self.place(in: chain, above: above)
        let link = chain.links[place]
        let leaf = Self.revocation(of: link, isOwn)
        var (owner, top): (String?, Int) = (nil, place)
        let found = try? registry.read { registry in
            let found = try Self.registered(link, isOwn, in: registry)
            while found.isEmpty, owner == nil, top > 0 {
                owner = try Self.registered(chain.links[top - 1], isOwn, in: registry).first
                if owner == nil { top -= 1 }
            }
            return found
        }
        // Where the registry cannot be asked now, a name of its own domain may be one that it has.
        registered = found ?? (leaf.kind == .agent ? [leaf.value] : [])
        revoked = registered.isEmpty ? leaf : nil
        branch = Self.revocation(of: chain.links[top], isOwn)
        self.owner = owner
    }

    private static func revocation(of link: VerifiedChain.Link, _ isOwn: Bool) -> Revocation {
        let name = isOwn ? link.grant.claim?.agent : nil
        return name.map { Revocation(unchecked: .agent, $0) } ?? Revocation(unchecked: .key, link.holderThumbprint)
    }

    private static func registered(
        _ link: VerifiedChain.Link, _ isOwn: Bool, in registry: any RegistryReader
    ) throws(AgentIDError) -> [String] {
        if isOwn, let name = link.grant.claim?.agent, try registry.agent(name) != nil { return [name] }
        return try registry.holders(of: link.holderThumbprint, limit: 16).filter { $0.state != .deprovisioned }
            .map(\.agent)
    }

    /// The place of the last grant of an agent so far above the holder.
    private static func place(in chain: VerifiedChain, above: Int) -> Int {
        let leaf = chain.links.count - 1
        // A holder without a name stands below the last that has one.
        let place = chain.agents.count - 1 - above + (chain.links[leaf].grant.claim?.agent == nil ? 1 : 0)
        guard above > 0, chain.agents.indices.contains(place) else { return leaf }
        let name = chain.agents[place]
        return chain.links.lastIndex { $0.grant.claim?.agent?.isSame(as: name) == true } ?? leaf
    }

    var names: [String] { registered + (revoked.map { [$0.value] } ?? []) }

    func changes(_ consequence: Consequence) -> [JournalEntry.Change] {
        let changes: [JournalEntry.Change] = registered.map { agent in
            switch consequence {
            case .deny, .ask, .suspend: .suspend(agent: agent)
            case .revoke: .revoke(Revocation(unchecked: .agent, agent))
            case .deprovision: .end(agent: agent)
            }
        }
        // Nobody could resume what the registry does not know.
        return changes + (revoked.map { [.revoke($0)] } ?? [])
    }
}
