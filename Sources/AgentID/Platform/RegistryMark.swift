/// A record of progress: a word that only grows, shared by all processes.
package enum RegistryMark: Int, CaseIterable, Sendable {
    /// The number of committed transactions.
    case writes
    /// The end of the journal: see ``JournalMark/position``.
    case journal
    /// The number of entries of the audit log.
    case log
    /// The number of used proofs that the file `replay` remembered: see ``ReplayWitness``.
    case proofs
    /// The number of transactions in the file `registry.db` alone, without its `-wal`.
    case database
    /// The turns of the file `meters`: see ``MetersWitness``.
    case meters
}
