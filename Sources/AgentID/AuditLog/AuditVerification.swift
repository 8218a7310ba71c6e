public import TransparencyLog

/// The result of verifying a whole audit log.
public struct AuditVerification: Sendable {
    /// The head that the log was compared with.
    public let checkpoint: Checkpoint
    /// The number of entries that match their signed hashes.
    public internal(set) var sound: UInt64 = 0
    /// The number of entries kept elsewhere, in an archive or in the log that this archives. Their hashes match.
    public internal(set) var archived: UInt64 = 0
    /// The number of lines that wait to be integrated: in segments, and of events in the registry beside the log.
    public internal(set) var pending = 0
    /// The time of the oldest waiting line, in milliseconds since 1970, if it says so.
    package internal(set) var pendingSince: Int64?
    /// The faults, in the order of the log; at most 1000.
    public internal(set) var findings: [AuditFinding] = []

    /// Whether there are no faults.
    public var isSound: Bool { findings.isEmpty }

    static let mostFindings = 1000
}

/// One fault of an audit log, with its place.
public struct AuditFinding: Sendable, Hashable, CustomStringConvertible {
    /// The place of a fault.
    public enum Place: Sendable, Hashable, CustomStringConvertible {
        /// The checkpoint, or the root of the whole tree.
        case checkpoint
        /// The file that records the progress of integration.
        case sequence
        /// A tile, by its path.
        case tile(String)
        /// Entries, by their indexes.
        case entries(Range<UInt64>)
        /// The end of the log, from this index on.
        case tail(from: UInt64)
        /// A segment that is not wholly integrated, at a byte.
        case segment(String, at: Int)

        /// The place, for people.
        public var description: String {
            switch self {
            case .checkpoint: "checkpoint"
            case .sequence: "sequence"
            case .tile(let path): path
            case .entries(let range) where range.count == 1: "entry \(range.lowerBound)"
            case .entries(let range): "entries \(range.lowerBound) to \(range.upperBound - 1)"
            case .tail(let index): "tail from entry \(index)"
            case .segment(let name, let position): "segment \(name) at byte \(position)"
            }
        }
    }

    /// The place of the fault.
    public let place: Place
    /// The fault, for people.
    public let message: String

    /// The place and the message, for people.
    public var description: String { "\(place): \(message)" }
}
