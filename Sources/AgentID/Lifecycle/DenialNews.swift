internal import JOSE
internal import Synchronization

/// Brings denials to the hooks that asked for them, beside the path of decisions: what is denied waits for nobody.
///
/// Bounded: a flood of denials is told in part, and how many were left out is counted. The audit log has them all.
final class DenialNews: Sendable {
    private struct State {
        var waiting: [LifecycleEvent] = []
        var thread: BackgroundThread?
        var isStopped = false
    }

    private static let most = 1024
    private let registry: any Registry
    private let onDelivery: @Sendable () -> Void
    private let state = Locked(State())
    /// Held while what waited is written, so that whoever flushes sees it written.
    private let writing = Locked<Void>(())
    private let leftOut = Atomic<Int>(0)

    init(registry: any Registry, onDelivery: @escaping @Sendable () -> Void) {
        (self.registry, self.onDelivery) = (registry, onDelivery)
    }

    /// How many denials no hook was told of because too many came at once.
    var omitted: Int { leftOut.load(ordering: .relaxed) }

    /// Takes a denial; never waits for a disk.
    func add(_ decision: Decision) {
        guard let denial = decision.denial, let links = decision.chain?.links, let root = links.first?.grant.claim
        else {
            return
        }
        var event = LifecycleEvent(.denied, at: decision.time)
        (event.agent, event.profile, event.owner) = (links.last?.grant.claim?.agent, root.profile, root.owner)
        (event.principal, event.task, event.intent) = (root.principal, root.task, root.intent)
        (event.reason, event.tool) = (denial.reason.rawValue, decision.tool)
        event.decision = decision.id.isEmpty ? nil : decision.id
        event.chain = links.map(\.grant.id)
        state.withLock { state in
            guard !state.isStopped else { return }
            guard state.waiting.count < Self.most else { return _ = leftOut.add(1, ordering: .relaxed) }
            state.waiting.append(event)
            if state.thread == nil {
                state.thread = try? BackgroundThread.start(name: "agentid-denied") { [weak self] thread in
                    while thread.wait(milliseconds: 100) { self?.flush() }
                }
            }
        }
    }

    /// Writes what waits.
    func flush() {
        writing.withLock { _ in
            let events = state.withLock { state in
                defer { state.waiting = [] }
                return state.waiting
            }
            guard !events.isEmpty, isAnyoneListening() else { return }
            let isTold: Void? = try? registry.write { registry in
                for event in events { try EventRecorder.tell(event, in: registry) }
            }
            if isTold != nil { onDelivery() }
        }
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

    private func isAnyoneListening() -> Bool {
        let hooks = try? registry.read { try $0.hooks() }
        return hooks?.contains { $0.events.contains(LifecycleEvent.Name.denied.rawValue) } ?? false
    }
}
