/// How far something is known to have got, by a word that only grows and that all processes share.
package enum RegistryMark: Int, CaseIterable, Sendable {
    /// How many transactions were committed.
    case writes
    /// How far the journal was appended to: see ``JournalMark/position``.
    case journal
    /// How many entries the audit log has.
    case log
    /// How many used proofs the file `replay` remembered: see ``ReplayWitness``.
    case proofs
    /// How many transactions the file `registry.db` had by itself, without its `-wal`.
    case database
}
