internal import StrictJSON

extension Authority {
    /// Revokes when the authority cannot be opened, above all because the disk is full. On return the revocation is
    /// durable and in force in every process of the machine. The next process that opens the authority folds it into
    /// the registry, with its event.
    ///
    /// Needs nothing but the journal, which has room reserved. Only the directory's owner can write it.
    package static func revokeInJournal(
        directory path: String, _ revocation: Revocation, reason: String = ""
    ) throws(AgentIDError) {
        try AuditBounds.check(reason: reason)
        let directory = try AuthorityDirectory(reading: path)
        try Files.checkDirectory(directory.path)
        let time = CheckedClock(SystemClock()).milliseconds
        try directory.enforce([JournalEntry(.revoke(revocation), reason: reason, time: time)])
    }
}
