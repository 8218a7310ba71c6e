/// The wait of a log whose segments cannot be synced: each failure costs a segment, and the disk is to hold only some.
///
/// After one failure the next segment is made at once. After more, later and later, and small ones, until one is synced.
struct AuditPause {
    private var failures: Int64 = 0
    /// The time from which a segment is made again, in milliseconds of the steady clock.
    private var end: Int64 = 0

    /// The size of a segment while syncs fail, in bytes; it holds the longest line with its template.
    static let segmentSize = 256 << 10
    private static let longest: Int64 = 60_000

    /// Whether the last sync failed.
    var isFailing: Bool { failures > 0 }

    /// Throws where a new segment has to wait.
    func check() throws(AgentIDError) {
        guard MonotonicClock.milliseconds < end else { return }
        throw AuditSegment.unavailable("no segment could be synced, the next is made in a minute at most", 0)
    }

    mutating func fail() {
        failures += 1
        guard failures > 1 else { return }
        end = MonotonicClock.milliseconds + (failures < 11 ? min(100 << (failures - 2), Self.longest) : Self.longest)
    }
}
