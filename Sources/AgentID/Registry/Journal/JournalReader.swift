internal import StrictJSON

/// Follows the journal for a guard: the changes in force that the registry may not have yet.
struct JournalReader: Sendable {
    private let journal: Journal
    /// The end of the lines that were read.
    private var reached = JournalMark(epoch: "", offset: 0)
    private var file: JournalFile?
    /// The agents suspended by lines that the registry has not folded.
    private(set) var suspended: [(agent: ExactText, at: JournalMark)] = []

    /// The end of the last line that is damaged.
    private var damaged: JournalMark?

    init(_ journal: Journal) { self.journal = journal }

    /// Reads the new lines. Returns their revocations. Where one file cannot be read, all are read again at the next call.
    mutating func advance() throws(AgentIDError) -> [Revocation] {
        let before = self
        do throws(AgentIDError) { return try readOn() } catch {
            self = before
            throw error
        }
    }

    private mutating func readOn() throws(AgentIDError) -> [Revocation] {
        var revocations: [Revocation] = []
        if let file, journal.isCurrent(file) {
            try take(file, &revocations)
            return revocations
        }
        file = nil
        for next in try journal.files(from: reached.epoch) {
            try take(next, &revocations)
            file = next
        }
        return revocations
    }

    private mutating func take(_ file: JournalFile, _ revocations: inout [Revocation]) throws(AgentIDError) {
        let offset = file.epoch.isSame(as: reached.epoch) ? reached.offset : 0
        guard try file.size(journal.path) > offset else { return }
        let (entries, end, damaged) = try file.entries(from: offset, at: journal.path)
        if let damaged { self.damaged = JournalMark(epoch: file.epoch, offset: damaged) }
        for (entry, end) in entries {
            switch entry.change {
            case .revoke(let revocation), .endAll(let revocation): revocations.append(revocation)
            case .end(let agent): revocations.append(Revocation(unchecked: .agent, agent))
            case .suspend(let agent): suspended.append((agent.exact, JournalMark(epoch: file.epoch, offset: end)))
            }
        }
        reached = JournalMark(epoch: file.epoch, offset: end)
    }

    /// Forgets the lines that the registry has folded by now.
    ///
    /// - Parameter known: The known end of the journal.
    /// - Returns: The reason why it cannot be relied on; `nil` if it can. Throws where it cannot be read now.
    mutating func forget(folded mark: JournalMark, known: UInt64) throws(AgentIDError) -> AgentIDError? {
        guard let file else {
            guard !mark.epoch.isEmpty || known > 0 else { return nil }
            return AgentIDError(
                .io, name: "journal_missing",
                message: "the registry's journal is gone: restore it with the registry", at: journal.path)
        }
        let there = JournalMark(epoch: file.epoch, offset: try file.size(journal.path)).position
        guard try file.isWhole(journal.path), there >= max(known, mark.position, reached.position) else {
            return Apart.journal("was cut short, or is an older one", at: journal.path)
        }
        // Those of the file before the one that is being folded are, too.
        let isNewest = mark.epoch.isSame(as: reached.epoch)
        func isFolded(_ line: JournalMark) -> Bool {
            line.epoch.isSame(as: mark.epoch) ? line.offset <= mark.offset : isNewest
        }
        suspended.removeAll { isFolded($0.at) }
        // What is folded was read by then.
        if let damaged, !isFolded(damaged) {
            return JournalFile.damaged(JournalFile.hasDamage, at: journal.path)
        }
        damaged = nil
        return nil
    }
}
