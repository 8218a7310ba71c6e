/// Forgets agents that ended long ago, except for their tombstones; their entries stay in the log.
extension Lifecycle {
    /// The time a grant must be over, in seconds: then no guard accepts it, even with the largest tolerated clock
    /// error.
    private static var margin: Int64 { 3600 }

    /// - Parameter time: In seconds since 1970.
    func prune(endedBefore time: Int64, report: (Int) -> Void) throws(AgentIDError) -> Int {
        try checkWhole()
        let now = try clock.now() / 1000
        guard (0...now).contains(time) else {
            throw AgentIDError(
                .argument, name: "ended_before", message: "the time is ahead, or before 1970: give one that has passed",
                at: "ended_before")
        }
        var count = 0
        while true {
            let pruned = try write { registry in
                try registry.prune(endedBefore: time, expiredBefore: now - Self.margin, limit: Self.batch)
            }
            guard pruned > 0 else { break }
            count += pruned
            report(pruned)
        }
        // What was counted in periods that are over.
        let over = min(time, now - Self.margin)
        while try write({ try $0.pruneCounters(endedBefore: over, limit: Self.batch) }) > 0 {}
        return count
    }
}
