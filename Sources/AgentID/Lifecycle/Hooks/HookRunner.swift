internal import CProcess
internal import Glibc
internal import JOSE
internal import StrictJSON

/// The hooks that this process runs, each on a thread of its own: a slow or failing one delays no other.
final class HookRunner: Sendable {
    private struct State {
        var workers: [ExactText: HookWorker] = [:]
        var isStopped = false
    }

    private let registry: any Registry
    private let clock: CheckedClock
    private let claimant = ProcessLabel.make()
    private let state = Locked(State())

    init(registry: any Registry, clock: CheckedClock) { (self.registry, self.clock) = (registry, clock) }

    /// Registers a hook permanently, and runs it here from now on.
    func add(_ hook: Hook) throws(AgentIDError) {
        let record = try hook.record()
        try registry.write { registry in try registry.put(record) }
        try start(record, hook.action)
    }

    /// Removes a hook with its undelivered events.
    func remove(_ name: String) throws(AgentIDError) {
        let isKnown = try registry.write { registry in try registry.removeHook(named: name) }
        state.withLock { $0.workers.removeValue(forKey: name.exact) }?.end()
        guard isKnown else {
            throw AgentIDError.unknown("hook", name, ": the list of hooks has the names", at: "name")
        }
    }

    /// Runs also the commands that other processes registered, and stops running those that were removed.
    func adoptCommands() throws(AgentIDError) {
        let known = try registry.read { registry in try registry.hooks() }
        for hook in known where hook.kind == .command {
            let isRunning = state.withLock { $0.workers[hook.name.exact]?.delivery.hook == hook }
            if !isRunning { try start(hook, .command(hook.command)) }
        }
        let names = known.map(\.name).exact
        let gone = state.withLock { state in
            let gone = state.workers.filter { !names.contains($0.key) }
            for name in gone.keys { state.workers[name] = nil }
            return Array(gone.values)
        }
        for worker in gone { worker.end() }
    }

    /// Makes the workers look for due deliveries.
    func wake() { for worker in workers() { worker.wake() } }

    /// Waits until no delivery is due that can be made here, or `milliseconds` have passed. Returns whether none is.
    func settle(milliseconds: Int64) throws(AgentIDError) -> Bool {
        try adoptCommands()
        wake()
        // By the machine's own time: an authority's clock may stand still.
        let start = MonotonicClock.sinceBoot
        while true {
            var isBusy = false
            for worker in workers() where try worker.delivery.isBusy() { isBusy = true }
            if !isBusy { return true }
            guard MonotonicClock.sinceBoot - start < milliseconds else { return false }
            usleep(2000)
        }
    }

    /// Stops running hooks.
    func stop() {
        let workers = state.withLock { state in
            state.isStopped = true
            defer { state.workers = [:] }
            return Array(state.workers.values)
        }
        for worker in workers { worker.end() }
    }

    private func workers() -> [HookWorker] { state.withLock { Array($0.workers.values) } }

    private func start(_ record: HookRecord, _ action: Hook.Action) throws(AgentIDError) {
        let worker = HookWorker(record, action, registry: registry, claimant: claimant, clock: clock)
        let replaced = try state.withLock { state throws(AgentIDError) -> HookWorker? in
            guard !state.isStopped else {
                throw AgentIDError(.state, name: "authority_closed", message: "the authority was closed")
            }
            try worker.begin()
            return state.workers.updateValue(worker, forKey: record.name.exact)
        }
        replaced?.end()
    }
}
