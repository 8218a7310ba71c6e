internal import JOSE
internal import Synchronization

/// Runs one hook on a thread of its own, until it is ended.
final class HookWorker: Sendable {
    let delivery: HookDelivery
    private let command: HookCommand?
    private let thread = Locked<BackgroundThread?>(nil)

    init(_ hook: HookRecord, _ action: Hook.Action, registry: any Registry, claimant: String, clock: CheckedClock) {
        let run: @Sendable (DeliveryRecord) throws -> Void
        switch action {
        case .callback(let callback):
            command = nil
            run = { try callback($0.payload) }
        case .command(let words):
            let command = HookCommand(words, deadline: hook.deadline)
            self.command = command
            run = { try command.run(on: $0.payload, event: $0.event) }
        }
        delivery = HookDelivery(registry: registry, hook: hook, run: run, claimant: claimant, clock: clock)
    }

    func begin() throws(AgentIDError) {
        let delivery = delivery
        let started = try BackgroundThread.start(name: "agentid-hook") { thread in
            repeat {
                // A registry that fails now is asked again in a second.
                while !thread.isStopping, (try? delivery.attempt(unless: { thread.isStopping })) == true {}
            } while thread.wait(milliseconds: 1000)
        }
        thread.withLock { $0 = started }
    }

    func wake() { thread.withLock { $0 }?.wake() }

    /// Kills a command under way. Does not wait for a callback under way.
    func end() {
        command?.stop()
        thread.withLock { $0 }?.abandon()
    }
}

extension CommandOutcome: Error {}

/// The program of a hook, which one thread runs and another may stop.
final class HookCommand: Sendable {
    private struct State {
        var run: CommandRun?
        var isStopped = false
    }

    private let words: [String]
    private let deadline: Int64
    private let state = Locked(State())

    /// - Parameter deadline: In seconds.
    init(_ words: [String], deadline: Int64) { (self.words, self.deadline) = (words, deadline) }

    /// Runs the program with a document on its stdin, a line; throws unless it succeeds.
    func run(on input: String, event: String) throws {
        let run = CommandRun(
            words, event: event, document: Array((input + "\n").utf8), milliseconds: deadline * 1000)
        let isAllowed = state.withLock { state in
            state.run = state.isStopped ? nil : run
            return !state.isStopped
        }
        guard isAllowed else { throw AgentIDError(.state, name: "stopped", message: "the authority was closed") }
        defer { state.withLock { $0.run = nil } }
        let outcome = run.run()
        if outcome != .succeeded { throw outcome }
    }

    /// Kills the running program, and prevents further runs.
    func stop() {
        let run = state.withLock { state in
            state.isStopped = true
            return state.run
        }
        run?.stop()
    }
}
