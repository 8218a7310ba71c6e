internal import StrictJSON

extension Authority {
    /// Revokes, suspends or ends when the authority cannot be opened: the disk is full, its log damaged, a key gone. On
    /// return that is durable and in force in every process of the machine. The next process that opens the authority
    /// folds it into the registry, with its event.
    ///
    /// Needs nothing but the journal, which has room reserved. Only the directory's owner can write it.
    package static func stopInJournal(
        directory path: String, _ change: JournalEntry.Change, reason: String = ""
    ) throws(AgentIDError) {
        try AuditBounds.check(reason: reason)
        let directory = try AuthorityDirectory(reading: path)
        try Files.checkDirectory(directory.path)
        let time = CheckedClock(SystemClock()).milliseconds
        try directory.enforce([JournalEntry(change, reason: reason, time: time)])
    }
}
