/// A line that waits to become an entry, and its number among those that wait.
struct AuditOutboxLine: Sendable {
    let number: Int64
    let bytes: [UInt8]
}

/// Where lines wait that were written with something else, in one transaction. Each becomes an entry exactly once.
protocol AuditOutbox: Sendable {
    /// The oldest lines with a higher number. Numbers rise, and are never used again.
    func lines(after number: Int64, limit: Int) throws(AgentIDError) -> [AuditOutboxLine]
    /// Forgets the lines up to a number.
    func remove(through number: Int64) throws(AgentIDError)
}

/// The events of a registry.
struct RegistryOutbox: AuditOutbox {
    let registry: any Registry

    func lines(after number: Int64, limit: Int) throws(AgentIDError) -> [AuditOutboxLine] {
        try registry.read { try $0.events(limit: limit) }
            .filter { $0.sequence > number }
            .map { AuditOutboxLine(number: $0.sequence, bytes: $0.line) }
    }

    func remove(through number: Int64) throws(AgentIDError) {
        // Asked first: a write costs a sync, and most of the time nothing waits.
        let first = try registry.read { try $0.events(limit: 1) }.first
        guard let first, first.sequence <= number else { return }
        // Where somebody has the registry's lock they stay until the next time: what was integrated is not taken again.
        _ = try? registry.write(within: 50) { try $0.removeEvents(through: number) }
    }
}
