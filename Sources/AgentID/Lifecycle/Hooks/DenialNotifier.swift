internal import JOSE
internal import StrictJSON

/// Delivers denials, of calls and of secrets, to the hooks that asked for them, away from the path of decisions: a denied
/// call waits for nobody.
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
        guard let denial = decision.denial,
            let event = LifecycleEvent(.denied, by: denial, of: decision, at: decision.time)
        else { return }
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
            held = held.filter { name, _ in hooks.contains { $0.name.exact == name } }
            guard !hooks.isEmpty else { return false }
            let omitted = waiting.takeOmitted()
            for hook in hooks {
                var backlog = held[hook.name.exact] ?? DenialBacklog()
                backlog.omit(omitted)
                for event in waiting.events.values.joined() where hook.events.holds(event.name.rawValue) {
                    backlog.add(event)
                }
                held[hook.name.exact] = backlog
            }
            let before = held
            let after = try? registry.write(within: Lifecycle.longestTurn) { registry in
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
    private func listening() -> [HookRecord] {
        let hooks = try? registry.read { try $0.hooks() }
        return hooks?.filter { hook in
            [LifecycleEvent.Name.denied, .secretRefused].contains { hook.events.holds($0.rawValue) }
        } ?? []
    }
}

extension LifecycleEvent {
    /// Of a denial under a chain that verified; `nil` under none.
    init?(_ name: Name, by denial: Denial, of decision: Decision, at time: Int64) {
        guard let chain = decision.chain, let root = chain.links.first?.grant.claim else { return nil }
        self.init(name, at: time)
        (agent, profile, owner) = (chain.blamed, root.profile, root.owner)
        (principal, task, intent) = (root.principal, root.task, root.intent)
        var cut = AuditCut()
        (reason, tool) = (denial.reason.rawValue, cut.fit(decision.tool, AuditBounds.tool, as: "tool"))
        if !cut.isEmpty { self.cut = cut.tree }
        self.decision = decision.id.isEmpty ? nil : decision.id
        self.chain = chain.links.map(\.grant.id)
        (issuer, source) = (chain.issuer, chain.tree)
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
