/// Forgets agents that ended long ago, except for their tombstones; their entries stay in the log.
extension Lifecycle {
    /// The time a grant must be over, in seconds: then no guard accepts it, even with the largest tolerated clock
    /// error.
    private static var margin: Int64 { 3600 }

    /// - Parameter time: In seconds since 1970.
    func prune(endedBefore time: Int64, report: (Int) -> Void) throws(AgentIDError) -> Int {
        try checkWhole()
        let wall = try clock.now()
        let now = wall / 1000
        guard (0...now).contains(time) else {
            throw AgentIDError(
                .argument, name: "ended_before", message: "the time is ahead, or before 1970: give one that has passed",
                at: "ended_before")
        }
        // What was counted in periods that are over goes as well: by both clocks, as one of them may be ahead.
        let over = min(time, min(now, (meterTime(wall, opening: true) ?? 0) / 1000) - Self.margin)
        var (count, counters) = (0, 0)
        while true {
            let pruned = try write { registry in
                counters = try registry.pruneCounters(endedBefore: over, limit: Self.batch)
                return try registry.prune(endedBefore: time, expiredBefore: now - Self.margin, limit: Self.batch)
            }
            guard pruned > 0 || counters > 0 else { return count }
            count += pruned
            report(pruned)
        }
    }
}
