internal import StrictJSON

/// A waiting line that will become an entry, and its number.
struct AuditOutboxLine: Sendable {
    let number: Int64
    let bytes: [UInt8]
}

/// Lines written in one transaction with another change, which wait to become entries. Each becomes an entry exactly
/// once.
protocol AuditOutbox: Sendable {
    /// The oldest lines with a higher number. Numbers rise, and are never used again.
    func lines(after number: Int64, limit: Int) throws(AgentIDError) -> [AuditOutboxLine]
    /// Forgets the lines up to a number.
    func remove(through number: Int64) throws(AgentIDError)
    /// As ``remove(through:)``, and records the size of the log with it.
    func remove(through number: Int64, log: LogMark) throws(AgentIDError)
    /// The state of the registry that holds the lines; `nil` if there is none.
    func reach() throws(AgentIDError) -> RegistryReach?
    /// Returns the number of entries that the log is known to have, after raising it to `size`.
    func logSize(atLeast size: UInt64) -> UInt64
}

extension AuditOutbox {
    func remove(through number: Int64, log: LogMark) throws(AgentIDError) { try remove(through: number) }
    func reach() throws(AgentIDError) -> RegistryReach? { nil }
    func logSize(atLeast size: UInt64) -> UInt64 { 0 }
}

/// The state of a registry: its identity, and the number of its committed transactions.
struct RegistryReach: Sendable, Equatable {
    @Exact var epoch: String
    var writes: Int64

    init(epoch: String, writes: Int64) { (self.epoch, self.writes) = (epoch, writes) }
}
