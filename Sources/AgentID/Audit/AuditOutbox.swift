internal import JOSE

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
    /// As ``remove(through:)``; keeps with it how far the log has got.
    func remove(through number: Int64, log: LogMark) throws(AgentIDError)
    /// How far the registry has got whose lines these are; `nil` where there is none.
    func reach() throws(AgentIDError) -> RegistryReach?
    /// How many entries the log is known to have; makes it known that it has more.
    func logSize(atLeast size: UInt64) -> UInt64
}

extension AuditOutbox {
    func remove(through number: Int64, log: LogMark) throws(AgentIDError) { try remove(through: number) }
    func reach() throws(AgentIDError) -> RegistryReach? { nil }
    func logSize(atLeast size: UInt64) -> UInt64 { 0 }
}

/// How far a registry has got: which one it is, and how many of its transactions were committed.
struct RegistryReach: Sendable, Equatable {
    @Exact var epoch: String
    var writes: Int64

    init(epoch: String, writes: Int64) { (self.epoch, self.writes) = (epoch, writes) }
}

/// The events of a registry.
struct RegistryOutbox: AuditOutbox {
    let registry: any Registry

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
        // Where somebody has the registry's lock they stay until the next time: what was integrated is not taken again.
        _ = try? registry.write(within: 50) { registry in
            try registry.removeEvents(through: number)
            if let log { try registry.setLog(log) }
        }
    }
}
