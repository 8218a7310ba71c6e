internal import StrictJSON
internal import Synchronization

/// Runs what others wrote on a thread of its own, and waits for it so long and no longer.
///
/// What does not come back keeps its thread until it does, and nothing more is asked of it meanwhile: one that hangs for
/// ever costs one thread, and holds nobody up twice.
final class BoundedCall: Sendable {
    private enum State<Value: Sendable>: Sendable {
        case running
        case done(Value)
        case givenUp
    }
    /// How many were given up and have not come back.
    private let hanging = Atomic<Int>(0)

    /// What `body` returns; `nil` where it takes longer, or an earlier one has not come back.
    func run<Value: Sendable>(within milliseconds: Int, _ body: @escaping @Sendable () -> Value) -> Value? {
        guard hanging.load(ordering: .acquiring) <= 0 else { return nil }
        let state = Monitor(State<Value>.running)
        let started = try? BackgroundThread.start(name: "agentid-call") { [self] _ in
            let value = body()
            let wasGivenUp = state.change { state in
                if case .givenUp = state { return true }
                state = .done(value)
                return false
            }
            if wasGivenUp { hanging.subtract(1, ordering: .acquiringAndReleasing) }
        }
        guard let thread = started else { return nil }
        // It ends by itself.
        thread.abandon()
        func answer(_ state: State<Value>) -> Value? { if case .done(let value) = state { value } else { nil } }
        if let value = state.wait(milliseconds: milliseconds, { answer($0) }) { return value }
        return state.change { state in
            if let value = answer(state) { return value }
            state = .givenUp
            hanging.add(1, ordering: .acquiringAndReleasing)
            return nil
        }
    }
}
