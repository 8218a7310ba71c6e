/// The events of a registry.
struct RegistryOutbox: AuditOutbox {
    let registry: any Registry

    /// The events that wait in a directory's registry, if there is one that can be read; of more than 10,000 so many.
    static func waiting(in directory: String, after number: Int64) -> [AuditOutboxLine] {
        guard let registry = try? AuthorityDirectory(reading: directory).openRegistry(.read) else { return [] }
        return (try? Self(registry: registry).lines(after: number, limit: 10_000)) ?? []
    }

    func lines(after number: Int64, limit: Int) throws(AgentIDError) -> [AuditOutboxLine] {
        try registry.read { try $0.events(limit: limit) }
            .filter { $0.sequence > number }
            .map { AuditOutboxLine(number: $0.sequence, bytes: $0.line) }
    }

    func reach() throws(AgentIDError) -> RegistryReach? {
        let meta = try registry.read { try $0.meta() }
        return RegistryReach(epoch: meta.epoch, writes: meta.writes)
    }

    func logSize(atLeast size: UInt64) -> UInt64 {
        if size > 0 { registry.reach(.log, size) }
        return registry.reached(.log)
    }

    func remove(through number: Int64) throws(AgentIDError) { try remove(through: number, keeping: nil) }

    func remove(through number: Int64, log: LogMark) throws(AgentIDError) { try remove(through: number, keeping: log) }

    private func remove(through number: Int64, keeping log: LogMark?) throws(AgentIDError) {
        // Asked first: a write costs a sync, and most of the time nothing waits.
        let first = try registry.read { try $0.events(limit: 1) }.first
        guard let first, first.sequence <= number else { return }
        // If another process has the registry's lock, they stay until the next time: integrated lines are not taken
        // again.
        _ = try? registry.write(within: 50) { registry in
            try registry.removeEvents(through: number)
            if let log { try registry.setLog(log) }
        }
    }
}
