internal import JOSE

/// Repeats failed writes in the background: the registry was locked, or the disk full.
final class UnfinishedWrites: Sendable {
    private struct State {
        var changes = UnwrittenChanges()
        var isDue = false
        var buries = false
        var thread: BackgroundThread?
        var isStopped = false
    }
    private let state = Locked(State())

    /// Has a background thread fold the journal, and write these, until that succeeds.
    ///
    /// - Parameter buries: Whether an agent was ended whose tombstone nobody may have signed.
    func retry(_ entries: [JournalEntry] = [], for lifecycle: Lifecycle, buries: Bool = false) {
        let left = state.withLock { state in
            state.isDue = true
            if buries { state.buries = true }
            defer { begin(&state, for: lifecycle) }
            return state.changes.add(entries)
        }
        if left > 0 { UnwrittenChanges.tell(left: left) }
    }

    private func begin(_ state: inout State, for lifecycle: Lifecycle) {
        guard state.thread == nil, !state.isStopped else { return }
        state.thread = try? BackgroundThread.start(name: "agentid-fold") { [weak self, weak lifecycle] thread in
            while thread.wait(milliseconds: 200) {
                guard let self, let lifecycle else { return }
                attempt(lifecycle)
            }
        }
    }

    private func attempt(_ lifecycle: Lifecycle) {
        let due: (changes: UnwrittenChanges, buries: Bool)? = state.withLock { state in
            guard state.isDue else { return nil }
            defer { (state.isDue, state.buries, state.changes) = (false, false, UnwrittenChanges()) }
            return (state.changes, state.buries)
        }
        guard let due else { return }
        var changes = due.changes
        do throws(AgentIDError) {
            try lifecycle.retry(changes.entries)
            changes = UnwrittenChanges()
            try lifecycle.retry(buries: due.buries)
        } catch {
            state.withLock { state in
                // What came meanwhile is after these, and found room without them.
                _ = changes.add(state.changes.entries, most: .max)
                state.changes = changes
                state.isDue = true
                if due.buries { state.buries = true }
            }
        }
    }

    /// Does what resumes an agent; if that fails, a suspension that is not written yet still will be.
    func withoutSuspension(
        of agent: String, for lifecycle: Lifecycle, _ resume: () throws(AgentIDError) -> Void
    ) throws(AgentIDError) {
        let taken = state.withLock { $0.changes.takeSuspension(of: agent) }
        do throws(AgentIDError) { try resume() } catch {
            if !taken.isEmpty { retry(taken, for: lifecycle) }
            throw error
        }
    }

    /// Tries once more if something is left, and then no more.
    func stop(_ lifecycle: Lifecycle) {
        let (thread, isFirst) = state.withLock { state in
            defer { state.isStopped = true }
            return (state.thread.take(), !state.isStopped)
        }
        thread?.stop()
        // Once: what is in the journal is folded by the next process, and what is not was answered with an error.
        if isFirst || state.withLock({ !$0.changes.entries.isEmpty }) { attempt(lifecycle) }
        let count = state.withLock { $0.changes.entries.count }
        guard count > 0 else { return }
        ProcessLog.write(
            .error, .directory, "not_stopped",
            "the authority was closed before \(count) revocations, suspensions or ends could be written: they may be in force "
                + "nowhere, make them again")
    }
}
