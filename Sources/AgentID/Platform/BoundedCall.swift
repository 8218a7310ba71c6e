internal import StrictJSON
internal import Synchronization

/// Runs foreign code on a thread of its own, and waits for it no longer than a limit.
///
/// A call that does not return keeps its thread, and no other call is made until it returns. Code that hangs forever
/// costs one thread and delays a caller only once.
final class BoundedCall: Sendable {
    private enum State<Value: Sendable>: Sendable {
        case running
        case done(Value)
        case givenUp
    }
    /// The number of calls that were given up and have not returned.
    private let hanging = Atomic<Int>(0)

    /// Returns the result of `body`; `nil` if it takes longer, or if an earlier call has not returned.
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
        // The thread ends by itself.
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
