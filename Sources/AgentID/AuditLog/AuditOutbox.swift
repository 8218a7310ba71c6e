internal import StrictJSON

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
