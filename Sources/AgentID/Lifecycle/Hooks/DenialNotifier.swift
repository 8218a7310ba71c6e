internal import JOSE
internal import StrictJSON

/// Delivers denials to the hooks that asked for them, away from the path of decisions: a denied call waits for nobody.
///
/// Limited: under each root grant a hook has at most 16 denials at a time, and 1024 or 1 MiB in all. Further ones are
/// reported as one event with their number, as soon as the hook has taken some, or are counted in the next event.
/// Strangers' calls are in the audit log alone.
final class DenialNotifier: Sendable {
    private struct State {
        var waiting = DenialBacklog()
        var thread: BackgroundThread?
        var isStopped = false
    }

    private let registry: any Registry
    private let onDelivery: @Sendable () -> Void
    private let state = Locked(State())
    /// The denials for which a hook has no room in the registry. Locked while they are written, so that a flush waits
    /// for that.
    private let writing = Locked<[ExactText: DenialBacklog]>([:])

    init(registry: any Registry, onDelivery: @escaping @Sendable () -> Void) {
        (self.registry, self.onDelivery) = (registry, onDelivery)
    }

    /// Adds a denial; never waits for a disk.
    func add(_ decision: Decision) {
        guard let denial = decision.denial, let chain = decision.chain, let root = chain.links.first?.grant.claim
        else {
            return
        }
        var event = LifecycleEvent(.denied, at: decision.time)
        (event.agent, event.profile, event.owner) = (chain.blamed, root.profile, root.owner)
        (event.principal, event.task, event.intent) = (root.principal, root.task, root.intent)
        var cut = AuditCut()
        (event.reason, event.tool) = (denial.reason.rawValue, cut.fit(decision.tool, AuditBounds.tool, as: "tool"))
        if !cut.isEmpty { event.cut = cut.tree }
        event.decision = decision.id.isEmpty ? nil : decision.id
        event.chain = chain.links.map(\.grant.id)
        (event.issuer, event.source) = (chain.issuer, chain.tree)
        add(event)
    }

    func add(_ event: LifecycleEvent) {
        state.withLock { state in
            guard !state.isStopped else { return }
            state.waiting.add(event)
            if state.thread == nil {
                state.thread = try? BackgroundThread.start(name: "agentid-denied") { [weak self] thread in
                    while thread.wait(milliseconds: 100) { self?.flush() }
                }
            }
        }
    }

    /// Writes the waiting denials, as far as hooks have room.
    func flush() {
        let isTold = writing.withLock { held in
            var waiting = state.withLock { state in
                defer { state.waiting = DenialBacklog() }
                return state.waiting
            }
            guard !waiting.isEmpty || held.contains(where: { !$1.isEmpty }) else { return false }
            let hooks = listening()
            held = held.filter { name, _ in hooks.contains { $0.exact == name } }
            guard !hooks.isEmpty else { return false }
            let omitted = waiting.takeOmitted()
            for hook in hooks {
                var backlog = held[hook.exact] ?? DenialBacklog()
                backlog.omit(omitted)
                for event in waiting.events.values.joined() { backlog.add(event) }
                held[hook.exact] = backlog
            }
            let before = held
            let after = try? registry.write { registry in
                var rest: [ExactText: DenialBacklog] = [:]
                for (hook, backlog) in before { rest[hook] = try Self.tell(backlog, to: hook.string, in: registry) }
                return rest
            }
            if let after { held = after }
            return after != nil
        }
        if isTold { onDelivery() }
    }

    /// Gives a hook as many denials as it has room for, and returns the rest.
    private static func tell(
        _ backlog: DenialBacklog, to hook: String, in registry: any RegistryWriter
    ) throws(AgentIDError) -> DenialBacklog {
        guard !backlog.isEmpty else { return backlog }
        var backlog = backlog
        var rest = DenialBacklog()
        let waiting = try registry.deliveryLoads(of: hook)
        var load = DenialBacklog.Load(
            count: waiting.reduce(0) { $0 + $1.count }, bytes: waiting.reduce(0) { $0 + $1.bytes })
        let known = Dictionary(waiting.map { ($0.source.exact, $0.count) }) { $0 + $1 }
        for (source, events) in backlog.events {
            var room = DenialBacklog.most - (known[source] ?? 0)
            for event in events {
                guard room > 0, load.add(event.size) else {
                    rest.add(event, most: 1)
                    continue
                }
                room -= 1
                var event = event
                let omitted = backlog.takeOmitted()
                if omitted > 0 { event.omitted = omitted }
                try EventRecorder.tell(event, to: hook, in: registry)
            }
        }
        rest.omit(backlog.omitted)
        return rest
    }

    func stop() {
        let thread = state.withLock { state in
            state.isStopped = true
            defer { state.thread = nil }
            return state.thread
        }
        thread?.stop()
        flush()
    }

    /// The hooks that asked for denials.
    private func listening() -> [String] {
        let hooks = try? registry.read { try $0.hooks() }
        return hooks?.filter { $0.events.holds(LifecycleEvent.Name.denied.rawValue) }.map(\.name) ?? []
    }
}

extension VerifiedChain {
    /// The agent that a denial is reported of: the leaf's. A foreign chain's denial is not news of one of our agents,
    /// even if the chain was handed on to one: any holder of the chain can cause a denied call under it.
    fileprivate var blamed: String? {
        let named = links.reversed().lazy.compactMap(\.grant.claim?.agent)
        guard issuer.isForeign, let home = issuer.home else { return links.last?.grant.claim?.agent }
        return named.first { !SPIFFEID.isUnder($0, home.issuer) }
    }
}
