internal import JOSE
internal import Synchronization

/// Changes that must stop agents at once are in force before they are in the registry: see ``Journal``.
extension Lifecycle {
    /// The result of a fold, for use after its commit.
    struct Folded {
        var mark: JournalMark?
        var ended: [AgentRecord] = []
        /// Whether agents of a departing principal or profile are to end.
        var isDeparture = false
    }

    /// Runs one transaction on the registry after folding in everything that is in the journal.
    func write<Result>(
        within milliseconds: Int = 10_000, _ body: (any RegistryWriter) throws -> Result
    ) throws(AgentIDError) -> Result {
        let now = clock.milliseconds
        let (result, folded) = try registry.write(within: milliseconds) { registry in
            let folded = try fold(in: registry, at: now)
            return (try body(registry), folded)
        }
        settle(folded)
        return result
    }

    /// Makes changes durable and in force in every process of the machine, whoever has the registry's lock.
    ///
    /// If the journal cannot be written, the registry is. If neither can, this process denies all the same and keeps
    /// trying, and the error says so.
    ///
    /// - Returns: The time that the changes bear, in milliseconds.
    @discardableResult
    func enforce(
        _ changes: [JournalEntry.Change], reason: String, at now: Int64? = nil
    ) throws(AgentIDError) -> Int64 {
        let now = now ?? clock.milliseconds
        let entries = changes.map { JournalEntry($0, reason: reason, time: now) }
        // Nothing written into an outdated registry is in force; a journal may be taken up by whoever restores it.
        let apart = apart
        if let journal {
            do throws(AgentIDError) {
                try append(entries, to: journal)
                if apart == nil { return now }
            } catch {}
        }
        do throws(AgentIDError) {
            let folded = try registry.write(within: 10_000) { registry in
                var folded = try fold(in: registry, at: now)
                for entry in entries { try apply(entry, in: registry, &folded) }
                return folded
            }
            settle(folded)
        } catch {
            for case .suspend(let agent) in changes { view.hold(agent.exact) }
            unfinished.retry(entries, for: self)
            throw error.pending(
                "denied in this process, perhaps not in others, and tried again as long as this process has the authority open"
            )
        }
        return now
    }

    /// The reason why the registry is not the one that was opened; `nil` if it is.
    private var apart: AgentIDError? {
        do throws(AgentIDError) {
            try registry.readAnew { _ in }
            return nil
        } catch { return registry.isBroken ? error : nil }
    }

    func append(_ entries: [JournalEntry], to journal: Journal) throws(AgentIDError) {
        registry.reach(.journal, try journal.append(entries, known: registry.reached(.journal)))
        registry.announceElsewhere()
    }

    /// Folds the lines of a process that died or had no room on the disk: every revocation that was confirmed is in the
    /// registry after opening.
    func foldWhatIsLeft() throws(AgentIDError) {
        guard let journal else { return }
        journal.reserve()
        let (mark, isEnding) = try registry.read { (try $0.meta().journal, try !$0.departures().isEmpty) }
        if try !journal.pending(after: mark).entries.isEmpty { foldSoon() }
        if isEnding { unfinished.retry(for: self) }
    }

    /// Whether the registry has all that is in force by the journal.
    func isFolded() throws(AgentIDError) -> Bool {
        guard let journal else { return true }
        return try journal.pending(after: try registry.read { try $0.meta().journal }).entries.isEmpty
    }

    /// The longest wait for the registry's lock to fold, in milliseconds: what is in the journal is in force, and closing waits
    /// for two such turns.
    static var foldingTurn: Int { 250 }

    /// Folds the journal now, or soon: a revocation does not wait for another process with the lock.
    func foldSoon() {
        guard journal != nil else { return }
        do throws(AgentIDError) { try write(within: Self.foldingTurn) { _ in } } catch { unfinished.retry(for: self) }
    }

    /// Writes what could not be written: changes that are in force in this process alone.
    func retry(_ entries: [JournalEntry]) throws(AgentIDError) {
        guard !entries.isEmpty else { return }
        if let journal {
            // Once: a registry that cannot be written keeps nothing from being in force, and fills no journal.
            if let apart { throw apart }
            try append(entries, to: journal)
        } else {
            let folded = try registry.write(within: Self.foldingTurn) { registry in
                var folded = Folded()
                for entry in entries { try apply(entry, in: registry, &folded) }
                return folded
            }
            settle(folded)
        }
        try? view.refresh()
        for entry in entries { if case .suspend(let agent) = entry.change { view.release(agent.exact) } }
    }

    /// The work that a background thread repeats until it succeeds.
    ///
    /// - Parameter buries: Whether an agent was ended whose tombstone nobody may have signed.
    func retry(buries: Bool) throws(AgentIDError) {
        try write(within: Self.foldingTurn) { _ in }
        // Agents that could not be ended when a principal left; a caller that is ending them counts them itself.
        guard callersEndingAll.load(ordering: .acquiring) == 0 else { return }
        if try endDeparted(report: { _ in }) > 0 { try finish(report: { _ in }) }
        if buries { try buryAll() }
    }

    func fold(in registry: any RegistryWriter, at now: Int64) throws(AgentIDError) -> Folded {
        var folded = Folded()
        guard let journal else { return folded }
        let mark = try registry.meta().journal
        let (entries, reached) = try journal.pending(after: mark)
        guard reached != mark else { return folded }
        for entry in entries { try apply(entry, in: registry, &folded) }
        try registry.setFolded(reached)
        if !entries.isEmpty { try registry.announce() }
        folded.mark = reached
        return folded
    }

    func apply(
        _ entry: JournalEntry, in registry: any RegistryWriter, _ folded: inout Folded
    ) throws(AgentIDError) {
        let reason = entry.reason.isEmpty ? nil : entry.reason
        switch entry.change {
        case .revoke(let revocation):
            let renewals = try registry.renewals(of: revocation)
            try addRevocations([revocation] + renewals, at: entry.time, reason: reason, in: registry)
        case .endAll(let revocation):
            try addRevocations([revocation], at: entry.time, reason: reason, in: registry)
            try registry.put(Departure(revocation, reason: entry.reason))
            folded.isDeparture = true
        case .suspend(let agent): try suspend(agent, reason: reason, at: entry.time, in: registry)
        case .end(let agent):
            folded.ended += try end(agent, reason: entry.reason, isLapsed: false, now: entry.time, in: registry)
        }
    }

    func settle(_ folded: Folded) {
        settle(ended: folded.ended)
        // The process that asked for it may have died, and no other may be ending them.
        if folded.isDeparture { unfinished.retry(for: self) }
        guard let mark = folded.mark else { return }
        hooks.wake()
        guard let journal else { return }
        // The second fold takes the lines appended to the old file while the new one took its name.
        if journal.rotate(folded: mark) { unfinished.retry(for: self) }
        journal.reserve()
    }
}
