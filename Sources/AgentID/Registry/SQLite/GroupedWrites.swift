internal import StrictJSON

/// One transaction for many callers: the first to come leads it, and does in it what all who wait are about to do, one
/// after the other. Each is told when that is durable, or was taken back.
final class GroupedWrites: Sendable {
    /// The part of one caller in a transaction, and its outcome.
    // SAFETY: its caller touches it before it waits and after it is done, whoever leads in between; `step` is read and
    // written under the monitor alone.
    final class Operation: @unchecked Sendable {
        fileprivate enum Step { case waiting, running, done }

        /// Gone once it was run, or never will be: nobody keeps what its caller lent.
        private var body: ((SQLiteSession) throws -> Void)?
        /// Why nothing of it was kept.
        var error: AgentIDError?
        fileprivate var step = Step.waiting

        init(_ body: @escaping (SQLiteSession) throws -> Void) { self.body = body }

        func run(in session: SQLiteSession) throws { try body.take()?(session) }

        fileprivate func forget() { body = nil }
    }

    private struct State {
        var waiting: [Operation] = []
        var isLed = false
    }

    private enum Turn { case done, lead, giveUp }

    private let state = Monitor(State())

    /// Returns when an operation is done.
    ///
    /// - Parameters:
    ///   - milliseconds: how long it may wait for its turn. Once it is being done it is waited for: whoever leads waits for
    ///     nobody then but the disk.
    ///   - lead: runs the transaction, within so many milliseconds, with what it takes once it has begun. Where it throws
    ///     before, only its own caller has failed.
    func perform(
        _ operation: Operation, within milliseconds: Int,
        lead: (_ milliseconds: Int, _ take: () -> [Operation]) throws(AgentIDError) -> Void
    ) throws(AgentIDError) {
        let deadline = MonotonicClock.milliseconds + Int64(milliseconds)
        var left: Int { Int(clamping: max(deadline - MonotonicClock.milliseconds, 0)) }
        defer { operation.forget() }
        state.change { $0.waiting.append(operation) }
        func turn(_ state: inout State) -> Turn? {
            if operation.step == .done { return .done }
            guard operation.step == .waiting, !state.isLed else { return nil }
            state.isLed = true
            return .lead
        }
        switch state.wait(milliseconds: left, turn) ?? leave(operation) {
        case .done: break
        case .giveUp: throw .registryBusy(at: "registry.db")
        case .lead:
            var taken: [Operation] = []
            do throws(AgentIDError) {
                try lead(left) {
                    taken = take()
                    return taken
                }
            } catch { operation.error = error }
            state.change { state in
                state.isLed = false
                state.waiting.removeAll { $0 === operation }
                for done in taken { done.step = .done }
            }
        }
        if let error = operation.error { throw error }
    }

    private func take() -> [Operation] {
        state.change { state in
            defer { state.waiting = [] }
            for operation in state.waiting { operation.step = .running }
            return state.waiting
        }
    }

    /// Waits no more for a turn, or for the end where it has begun.
    private func leave(_ operation: Operation) -> Turn {
        let hasLeft = state.change { state in
            guard operation.step == .waiting else { return false }
            state.waiting.removeAll { $0 === operation }
            return true
        }
        guard !hasLeft else { return .giveUp }
        return state.wait { _ in operation.step == .done ? Turn.done : nil } ?? .done
    }
}
