internal import StrictJSON

/// Bytes of a segment that were not lines any more when they were to be integrated. Each is itself an entry of the log.
public struct AuditGap: Sendable, Hashable {
    /// What was found.
    public enum Kind: String, Sendable {
        /// The last write was not finished, or did not reach the disk before the power went.
        case tornTail = "torn_tail"
        /// Damaged bytes with whole lines after them.
        case damaged
        /// A line that no entry can hold: an event from before there was a bound.
        case unfit
        /// A segment of another log, which was set aside.
        case foreign
        /// The segment was removed under its writer, which wrote the lines from there on once more.
        case removedSegment = "removed_segment"
        /// The segment was there and is gone, though not all of it was integrated.
        case missingSegment = "missing_segment"
    }

    /// What was found.
    public let kind: Kind
    /// The segment's name.
    public let segment: String
    /// Where the bytes begin in it.
    public let from: Int
    /// Where they end.
    public let to: Int

    /// Whether both are one stretch of one segment.
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

    /// The entry that says so.
    func line(at milliseconds: Int64) -> [UInt8] {
        let entry: JSONTree = [
            "event": "audit.gap", "kind": .string(kind.rawValue), "segment": .string(segment), "from": .int(from),
            "to": .int(to), "time_ms": .int(Int(milliseconds)),
        ]
        return entry.canonical()
    }
}
