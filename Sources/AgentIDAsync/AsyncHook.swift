public import AgentID

extension Hook {
    /// A hook that runs async code; without `events` on all but renewals.
    ///
    /// - Parameters:
    ///   - name: names it for good: what waits for a hook finds it by its name after a restart.
    ///   - events: on which it runs.
    ///   - deadline: in seconds: then the code's task is cancelled, and the event is given again later.
    ///   - maxAttempts: how often an event is tried before its delivery is dead.
    ///   - perform: is given the event (`docs/schemas/event.json`), one at a time; throwing: again later.
    public init(
        _ name: String, on events: Set<LifecycleEvent.Name> = LifecycleEvent.Name.usual, deadline: Int64 = 10,
        maxAttempts: Int64 = 12, perform: @escaping @Sendable (_ event: String) async throws -> Void
    ) {
        let milliseconds = Int(clamping: deadline.multipliedReportingOverflow(by: 1000).partialValue)
        self.init(
            name, on: events, deadline: deadline, maxAttempts: maxAttempts,
            action: .callback { event in
                try AsyncCall { try await perform(event) }.result(milliseconds: milliseconds)
            })
    }
}
