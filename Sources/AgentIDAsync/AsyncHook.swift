public import AgentID

extension Hook {
    /// A hook that runs async code; without `events`, on all but renewals.
    ///
    /// - Parameters:
    ///   - name: Identifies the hook for good: its waiting events find it by this name after a restart.
    ///   - events: The events on which it runs.
    ///   - deadline: In seconds. After it, the code's task is cancelled, and the event is delivered again later.
    ///   - maxAttempts: The number of attempts before a delivery is dead.
    ///   - perform: Receives the event (`docs/schemas/event.json`), one at a time. If it throws, the event is
    ///     delivered again.
    public init(
        _ name: String, on events: Set<LifecycleEvent.Name> = LifecycleEvent.Name.usual, deadline: Int64 = 10,
        maxAttempts: Int64 = 12, perform: @escaping @Sendable (_ event: String) async throws -> Void
    ) {
        let milliseconds = Int(clamping: deadline.multipliedReportingOverflow(by: 1000).partialValue)
        let isRunning = Monitor(false)
        self.init(
            name, on: events, deadline: deadline, maxAttempts: maxAttempts,
            action: .callback { event in
                // Code that goes on after it was cancelled: until it returns, no event is given to it.
                let begins = isRunning.wait(milliseconds: milliseconds) { running -> Bool? in
                    defer { running = true }
                    return running ? nil : true
                }
                guard begins != nil else {
                    throw AgentIDError(
                        .state, name: "deadline", message: "an earlier call, which was cancelled, has not returned")
                }
                try AsyncCall {
                    defer { isRunning.change { $0 = false } }
                    try await perform(event)
                }.result(milliseconds: milliseconds)
            })
    }
}
