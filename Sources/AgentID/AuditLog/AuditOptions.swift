/// The way an audit log is written.
public struct AuditOptions: Sendable, Hashable {
    /// The time when an appended line is durable.
    public enum Sync: Sendable, Hashable {
        /// At once against the end of the process, and this many milliseconds later against the loss of power.
        case batch(milliseconds: Int = 100)
        /// Before `append` returns. Lines that wait at the same time share one sync.
        case always
    }

    /// The time when an appended line is durable.
    public var sync: Sync = .batch()
    /// The size of a segment, in bytes. It is reserved on the disk when the log is opened, and again when one is full.
    public var segmentSize = 16 << 20
    /// The longest line, in bytes; at most 65535, which is what the format of bundles holds.
    public var maxLine = AuditFrame.longestLine
    /// The interval between integrations, each with a signed checkpoint, in milliseconds.
    public var checkpointInterval = 1000

    /// The defaults.
    public init() {}

    /// The pause of the writer's thread.
    var pause: Int {
        switch sync {
        case .batch(let milliseconds): milliseconds
        case .always: 100
        }
    }

    func check() throws(AgentIDError) {
        func refuse(_ place: String, _ message: String) -> AgentIDError {
            AgentIDError(.argument, name: "argument", message: message, at: place)
        }
        guard (1...AuditFrame.longestLine).contains(maxLine) else {
            throw refuse("maxLine", "a line has 1 to \(AuditFrame.longestLine) bytes")
        }
        let least = AuditSegmentHeader.size + AuditFrame.size(of: maxLine) + 8
        guard (max(least, AuditSegment.smallest)...AuditSegment.largest).contains(segmentSize) else {
            throw refuse("segmentSize", "a segment holds a line of \(maxLine) bytes and has at most 1 GiB")
        }
        guard (1...60_000).contains(pause) else { throw refuse("sync", "lines are synced within 1 to 60000 ms") }
        guard (1...3_600_000).contains(checkpointInterval) else {
            throw refuse("checkpointInterval", "a checkpoint is signed every 1 to 3600000 ms")
        }
    }
}
