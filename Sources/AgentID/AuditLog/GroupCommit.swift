/// Lets many callers share one sync: the first caller does it for all whose lines are there by then.
final class GroupCommit: Sendable {
    private struct State {
        /// The lines up to this one are durable, or in `failed`.
        var synced: UInt64 = 0
        var isLed = false
        /// The lines of failed syncs that were not told of it; each is told once.
        var failed: [UInt64] = []
        /// The error of the last one.
        var error: AgentIDError?

        mutating func fail(upTo covered: UInt64, _ error: AgentIDError) {
            while synced < covered {
                synced += 1
                failed.append(synced)
            }
            self.error = error
        }

        mutating func failure(of line: UInt64) -> AgentIDError? {
            guard let i = failed.firstIndex(of: line) else { return nil }
            failed.remove(at: i)
            return error
        }
    }

    private enum Turn {
        case done
        case failed(AgentIDError)
        case lead
    }

    private let state = Monitor(State())

    /// Fails all lines up to one that were not durable before: nobody can make them so any more.
    func fail(upTo covered: UInt64, _ error: AgentIDError) { state.change { $0.fail(upTo: covered, error) } }

    /// Returns when the line with this number is durable; asked once for each line. `sync` returns the number up to which all lines are.
    func wait(
        for line: UInt64, sync: () -> (covered: UInt64, error: AgentIDError?)
    ) throws(AgentIDError) {
        while true {
            let turn = state.wait { state -> Turn? in
                if let error = state.failure(of: line) { return .failed(error) }
                if state.synced >= line { return .done }
                if state.isLed { return nil }
                state.isLed = true
                return .lead
            }
            switch turn {
            case .done?: return
            case .failed(let error)?: throw error
            case .lead?, nil:
                let (covered, error) = sync()
                state.change { state in
                    state.isLed = false
                    if let error { state.fail(upTo: covered, error) }
                    state.synced = max(state.synced, covered)
                }
            }
        }
    }
}
