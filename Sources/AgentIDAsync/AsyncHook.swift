public import AgentID

extension Hook {
    /// A hook that runs async code; without `events` on all but renewals.
    ///
    /// - Parameters:
    ///   - deadline: in seconds: then the code's task is cancelled, and the event is given again later.
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
