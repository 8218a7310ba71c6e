/// The consequences of rules: in force when this returns, and in the registry a moment later.
extension Lifecycle {
    /// The longest wait for the registry's lock, in milliseconds: a denied call waits for it.
    private static let patience = 250

    /// Makes changes durable and in force in every process of the machine.
    func stop(_ entries: [JournalEntry]) throws(AgentIDError) {
        if let journal {
            do throws(AgentIDError) {
                try append(entries, to: journal)
                unfinished.retry(for: self)
                return
            } catch {}
        }
        let now = clock.milliseconds
        let folded = try registry.write(within: Self.patience) { registry in
            var folded = try fold(in: registry, at: now)
            for entry in entries { try apply(entry, in: registry, &folded) }
            return folded
        }
        settle(folded)
        hooks.wake()
    }
}
