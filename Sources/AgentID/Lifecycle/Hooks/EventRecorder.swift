internal import StrictJSON

/// Records events where they happen: in the transaction that makes them true, or not at all.
struct EventRecorder: Sendable {
    /// Whether there is, or was, an audit log that takes the lines: nobody else would ever take them out again.
    let isLogging: Bool

    /// Puts the event's line into the outbox of the audit log and on its way to every hook that asked for it.
    func record(_ event: LifecycleEvent, in transaction: any RegistryWriter) throws(AgentIDError) {
        let told = try transaction.hooks().filter { $0.events.holds(event.name.rawValue) }
        guard isLogging || !told.isEmpty else { return }
        var event = event
        event.sequence = try transaction.meta().sequence
        let line = event.line
        if isLogging { try transaction.append(event: line) }
        for hook in told { try Self.enqueue(event, line, for: hook.name, in: transaction) }
    }

    /// Puts what the audit log has already on its way to one hook.
    static func tell(
        _ event: LifecycleEvent, to hook: String, in transaction: any RegistryWriter
    ) throws(AgentIDError) {
        var event = event
        event.sequence = try transaction.meta().sequence
        try enqueue(event, event.line, for: hook, in: transaction)
    }

    private static func enqueue(
        _ event: LifecycleEvent, _ line: [UInt8], for hook: String, in transaction: any RegistryWriter
    ) throws(AgentIDError) {
        try transaction.enqueue(
            hook: hook, agent: event.subject, event: event.name.rawValue,
            payload: String(decoding: line, as: UTF8.self), source: event.source, at: event.time)
    }
}
