internal import JOSE
internal import Synchronization

/// What must stop agents at once is in force before it is in the registry: see ``Journal``.
extension Lifecycle {
    /// What a fold did, for when it is committed.
    struct Folded {
        var mark: JournalMark?
        var ended: [AgentRecord] = []
        /// Whether agents of somebody who leaves are to end.
        var isDeparture = false
    }

    /// One transaction on the registry as it is with all that is in the journal: that is folded in first.
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
    /// Where the journal cannot be written the registry is; where neither can, this process denies all the same, goes on
    /// trying, and the error says so.
    func enforce(_ changes: [JournalEntry.Change], reason: String) throws(AgentIDError) {
        let now = clock.milliseconds
        let entries = changes.map { JournalEntry($0, reason: reason, time: now) }
        // Nothing that is written into a registry of before is in force; a journal may be taken up by whoever restores it.
        let apart = apart
        if let journal {
            do throws(AgentIDError) {
                try append(entries, to: journal)
                if apart == nil { return }
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
            folder.keep(entries, for: self)
            throw error.pending("denied in this process, not yet in others, and tried again until it is")
        }
    }

    /// Why the registry is not what was opened; `nil` where it is.
    private var apart: AgentIDError? {
        do throws(AgentIDError) {
            try registry.readAnew { _ in }
            return nil
        } catch { return registry.isBroken ? error : nil }
    }

    private func append(_ entries: [JournalEntry], to journal: Journal) throws(AgentIDError) {
        registry.reach(.journal, try journal.append(entries, known: registry.reached(.journal)))
        registry.announceElsewhere()
    }

    /// Folds what a process left that died or had no room on the disk: whoever opens sees what was answered.
    func foldWhatIsLeft() throws(AgentIDError) {
        guard let journal else { return }
        journal.reserve()
        let (mark, isEnding) = try registry.read { (try $0.meta().journal, try !$0.departures().isEmpty) }
        if try !journal.pending(after: mark).entries.isEmpty { foldSoon() }
        if isEnding { folder.keep([], for: self) }
    }

    /// Folds what is in the journal now, or soon: who revokes does not wait for whoever has the lock.
    func foldSoon() {
        guard journal != nil else { return }
        do throws(AgentIDError) { try write(within: 250) { _ in } } catch { folder.keep([], for: self) }
    }

    /// What a background thread tries until it succeeds.
    func retry(_ entries: [JournalEntry]) throws(AgentIDError) {
        if !entries.isEmpty, let journal {
            try append(entries, to: journal)
        }
        let now = clock.milliseconds
        let folded = try registry.write(within: 1000) { registry in
            var folded = try fold(in: registry, at: now)
            if journal == nil { for entry in entries { try apply(entry, in: registry, &folded) } }
            return folded
        }
        settle(folded)
        // What could not be ended when a principal left; whoever is about to end it counts what it ends.
        guard callersEndingAll.load(ordering: .acquiring) == 0 else { return }
        if try endDeparted(report: { _ in }) > 0 { try finish(report: { _ in }) }
    }

    private func fold(in registry: any RegistryWriter, at now: Int64) throws(AgentIDError) -> Folded {
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

    private func apply(
        _ entry: JournalEntry, in registry: any RegistryWriter, _ folded: inout Folded
    ) throws(AgentIDError) {
        let reason = entry.reason.isEmpty ? nil : entry.reason
        switch entry.change {
        case .revoke(let revocation):
            let renewals = try registry.renewals(of: revocation)
            for added in try registry.add([revocation] + renewals, at: entry.time / 1000, reason: reason) {
                try recorder.record(
                    try LifecycleEvent(of: added, at: entry.time, reason: reason, in: registry), in: registry)
            }
        case .endAll(let revocation):
            for added in try registry.add([revocation], at: entry.time / 1000, reason: reason) {
                try recorder.record(
                    try LifecycleEvent(of: added, at: entry.time, reason: reason, in: registry), in: registry)
            }
            try registry.put(Departure(revocation, reason: entry.reason))
            folded.isDeparture = true
        case .suspend(let agent): try suspend(agent, reason: reason, at: entry.time, in: registry)
        case .end(let agent):
            folded.ended += try end(agent, reason: entry.reason, isLapsed: false, now: entry.time, in: registry)
        }
    }

    private func settle(_ folded: Folded) {
        if !folded.ended.isEmpty {
            view.revocations.add(folded.ended.map { Revocation(unchecked: .agent, $0.id) })
            for agent in folded.ended { leases.take(agent.id)?.markEnded() }
        }
        // Whoever asked for it may have died, and nobody else may be about to end them.
        if folded.isDeparture { folder.keep([], for: self) }
        guard let mark = folded.mark else { return }
        hooks.wake()
        guard let journal else { return }
        // The second fold is of what was appended to the old file while the new one took its name.
        if journal.rotate(folded: mark) { folder.keep([], for: self) }
        journal.reserve()
    }
}

/// Tries in the background what could not be written: the registry was locked, or the disk full.
final class Folder: Sendable {
    private struct State {
        var entries: [JournalEntry] = []
        var isDue = false
        var thread: BackgroundThread?
        var isStopped = false
    }
    private let state = Locked(State())
    /// More are refused at the call; each was answered with an error.
    private static let most = 4096

    func keep(_ entries: [JournalEntry], for lifecycle: Lifecycle) {
        state.withLock { state in
            state.isDue = true
            if state.entries.count + entries.count <= Self.most { state.entries += entries }
            guard state.thread == nil, !state.isStopped else { return }
            state.thread = try? BackgroundThread.start(name: "agentid-fold") { [weak self, weak lifecycle] thread in
                while thread.wait(milliseconds: 200) {
                    guard let self, let lifecycle else { return }
                    attempt(lifecycle)
                }
            }
        }
    }

    private func attempt(_ lifecycle: Lifecycle) {
        let entries: [JournalEntry]? = state.withLock { state in
            guard state.isDue else { return nil }
            state.isDue = false
            defer { state.entries = [] }
            return state.entries
        }
        guard let entries else { return }
        do throws(AgentIDError) { try lifecycle.retry(entries) } catch {
            state.withLock { state in
                state.entries = entries + state.entries
                state.isDue = true
            }
        }
    }

    /// Tries once more, where something is left, and then no more.
    func stop(_ lifecycle: Lifecycle) {
        let thread = state.withLock { state in
            state.isStopped = true
            return state.thread.take()
        }
        thread?.stop()
        attempt(lifecycle)
    }
}
