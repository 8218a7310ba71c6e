public import TransparencyLog

/// What reading a whole audit log again has found.
public struct AuditVerification: Sendable {
    /// The head that the log was compared with.
    public let checkpoint: Checkpoint
    /// How many entries are as they were signed.
    public internal(set) var sound: UInt64 = 0
    /// How many entries are not here, but in an archive or the log that this is an archive of: their hashes are as signed.
    public internal(set) var archived: UInt64 = 0
    /// How many lines wait in segments to be integrated.
    public internal(set) var pending = 0
    /// When the oldest of them was written, in milliseconds since 1970, where it says so.
    package internal(set) var pendingSince: Int64?
    /// What is wrong, in the order of the log; at most 1000.
    public internal(set) var findings: [AuditFinding] = []

    /// Whether nothing is wrong.
    public var isSound: Bool { findings.isEmpty }

    static let mostFindings = 1000
}

/// One thing that is wrong with an audit log, and where.
public struct AuditFinding: Sendable, Hashable, CustomStringConvertible {
    /// Where something is wrong.
    public enum Place: Sendable, Hashable, CustomStringConvertible {
        /// The checkpoint, or what the whole tree comes to.
        case checkpoint
        /// The file that says how far segments are integrated.
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

    /// Where.
    public let place: Place
    /// What.
    public let message: String

    /// Place and message, for people.
    public var description: String { "\(place): \(message)" }
}
