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
        let page = try SharedSequence(path: "\(directory.path)/sequence", isWriter: true)
        let journal = Journal(path: directory.journalPath, lock: directory.lockPath)
        let entry = JournalEntry(.revoke(revocation), reason: reason, time: CheckedClock(SystemClock()).milliseconds)
        page.reach(.journal, try journal.append([entry], known: page.reached(.journal)))
        page.advance()
    }
}
