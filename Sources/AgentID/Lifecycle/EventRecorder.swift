internal import JOSE

/// Records events where they happen: in the transaction that makes them true, or not at all.
struct EventRecorder: Sendable {
    /// Whether there is, or was, an audit log that takes the lines: nobody else would ever take them out again.
    let isLogging: Bool

    /// Puts the event's line into the outbox of the audit log and on its way to every hook that asked for it.
    func record(_ event: LifecycleEvent, in transaction: any RegistryWriter) throws(AgentIDError) {
        var event = event
        event.sequence = try transaction.meta().sequence
        let line = event.tree.canonical()
        if isLogging { try transaction.append(event: line) }
        try Self.tell(event, line, in: transaction)
    }

    /// Puts what the audit log has already on its way to every hook that asked for it.
    static func tell(_ event: LifecycleEvent, in transaction: any RegistryWriter) throws(AgentIDError) {
        var event = event
        event.sequence = try transaction.meta().sequence
        try tell(event, event.tree.canonical(), in: transaction)
    }

    private static func tell(
        _ event: LifecycleEvent, _ line: [UInt8], in transaction: any RegistryWriter
    ) throws(AgentIDError) {
        for hook in try transaction.hooks() where hook.events.contains(event.name.rawValue) {
            try transaction.enqueue(
                hook: hook.name, agent: event.agent ?? "", event: event.name.rawValue,
                payload: String(decoding: line, as: UTF8.self), at: event.time)
        }
    }
}
