package import StrictJSON

/// The starting point of a restored registry: beyond everything that is known of it.
package struct RegistryBeginning: Sendable {
    @Exact package private(set) var epoch: String
    package let writes: Int64
    /// The number of the last line that the audit log took.
    package let events: Int64
    package let journal: JournalMark
    package let log: LogMark

    /// The largest count that is exact in every JSON document.
    private static let mostWrites = 1 << 53

    var reach: RegistryReach { RegistryReach(epoch: epoch, writes: writes) }

    init(
        after meta: RegistryMeta, journal: Journal, known: (RegistryMark) -> UInt64, _ witness: LogWitness
    ) throws(AgentIDError) {
        epoch = RegistryEpoch.draw()
        // A mark that no counting reaches is damaged: the log could not record its successor.
        let marked = known(.writes) <= Self.mostWrites ? Int64(known(.writes)) : 0
        let last = max(meta.writes, marked, witness.reach?.writes ?? 0)
        guard last < Self.mostWrites else {
            throw AgentIDError(.limit, name: "counter", message: "a counter is beyond 64 bits", at: "writes")
        }
        (writes, events) = (last + 1, witness.outbox)
        let files = (try? journal.files()) ?? []
        let number = max(
            files.map(\.number).max() ?? 0, meta.journal.number, UInt32(truncatingIfNeeded: known(.journal) >> 32))
        self.journal = JournalMark(epoch: JournalMark.epoch(after: number), offset: JournalFile.headerSize)
        log = try witness.mark(of: meta) ?? LogMark(identity: "", size: 0)
    }
}
