extension AuthorityDirectory {
    /// Makes changes durable and in force in every process of the machine, for who has no authority open. Only the
    /// directory's owner can: needs nothing but the journal, which has room reserved.
    func enforce(_ entries: [JournalEntry]) throws(AgentIDError) {
        try Files.checkDirectory(path)
        let page = try SharedSequence(path: "\(path)/sequence", isWriter: true)
        let journal = journal
        page.reach(.journal, try journal.append(entries, known: page.reached(.journal)))
        page.advance()
    }
}
