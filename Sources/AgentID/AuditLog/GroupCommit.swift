/// Lets many callers share one sync: the first caller does it for all whose lines are there by then.
final class GroupCommit: Sendable {
    private struct State {
        var synced: UInt64 = 0
        var isLed = false
        /// The lines of the last failed sync, with its error.
        var failed: (lines: Range<UInt64>, error: AgentIDError)?
    }

    private enum Turn {
        case done
        case failed(AgentIDError)
        case lead
    }

    private let state = Monitor(State())

    /// Returns when the line with this number is durable. `sync` returns the number up to which all lines are.
    func wait(
        for line: UInt64, sync: () -> (covered: UInt64, error: AgentIDError?)
    ) throws(AgentIDError) {
        while true {
            let turn = state.wait { state -> Turn? in
                if let failed = state.failed, failed.lines.contains(line) { return .failed(failed.error) }
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
                    if let error, covered > state.synced { state.failed = (state.synced + 1..<covered + 1, error) }
                    state.synced = max(state.synced, covered)
                }
            }
        }
    }
}
