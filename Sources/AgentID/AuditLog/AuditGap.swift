internal import StrictJSON

/// A stretch of a segment whose lines could not be read when they were to be integrated. Each gap is itself an entry of
/// the log.
public struct AuditGap: Sendable, Hashable {
    /// The kind of gap.
    public enum Kind: String, Sendable {
        /// The last write was not finished, or did not reach the disk before the power went.
        case tornTail = "torn_tail"
        /// Damaged bytes with whole lines after them.
        case damaged
        /// A line too long for an entry: an event from before there was a limit.
        case unfit
        /// A segment of another log, which was set aside.
        case foreign
        /// A segment that was put back after it was integrated, and was set aside: its lines are entries already.
        case repeated
        /// The segment was removed under its writer, which wrote the lines from there on once more.
        case removedSegment = "removed_segment"
        /// The segment is gone, though it was not fully integrated.
        case missingSegment = "missing_segment"
    }

    /// The kind of gap.
    public let kind: Kind
    /// The segment's name.
    public let segment: String
    /// The offset of its first byte in the segment.
    public let from: Int
    /// The offset after its last byte.
    public let to: Int

    /// Whether both are the same stretch of the same segment.
    public static func == (one: AuditGap, other: AuditGap) -> Bool {
        one.kind == other.kind && one.segment.isSame(as: other.segment) && one.from == other.from && one.to == other.to
    }

    /// Hashes the stretch.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        hasher.combine(segment.exact)
        hasher.combine(from)
        hasher.combine(to)
    }

    /// The entry that records the gap.
    func line(at milliseconds: Int64) -> [UInt8] {
        let entry: JSONTree = [
            "event": "audit.gap", "kind": .string(kind.rawValue), "segment": .string(segment), "from": .int(from),
            "to": .int(to), "time_ms": .int(Int(milliseconds)),
        ]
        return entry.canonical()
    }
}
