package import StrictJSON

/// A hook: its program or callback, and the events it runs on.
package struct HookRecord: Sendable, Equatable {
    package enum Kind: String, Sendable { case callback, command }

    @Exact package var name: String
    package var kind: Kind
    @Exact package var events: [String]
    /// The program and its arguments; empty for a callback.
    @Exact package var command: [String]
    /// The longest time of one attempt, in seconds.
    package var deadline: Int64
    package var maxAttempts: Int64

    package static let deadlines: ClosedRange<Int64> = 1...3600
    package static let attempts: ClosedRange<Int64> = 1...1000

    /// Numbers that no hook can have are taken for the nearest ones that it can: a registry that is damaged is read too.
    package init(
        name: String, kind: Kind, events: [String], command: [String], deadline: Int64, maxAttempts: Int64
    ) {
        (self.name, self.kind, self.events, self.command) = (name, kind, events, command)
        self.deadline = min(max(deadline, Self.deadlines.lowerBound), Self.deadlines.upperBound)
        self.maxAttempts = min(max(maxAttempts, Self.attempts.lowerBound), Self.attempts.upperBound)
    }
}

/// One event on its way to one hook. Times in milliseconds since 1970.
package struct DeliveryRecord: Sendable, Equatable {
    package enum State: String, Sendable { case pending, dead }

    package var id: Int64
    @Exact package var hook: String
    /// The agent that the event is about, empty if none: deliveries are ordered for each agent.
    @Exact package var agent: String
    @Exact package var event: String
    /// The event's line, JSON.
    @Exact package var payload: String
    package var attempts: Int64
    package var nextAt: Int64
    package var claimedUntil: Int64
    @Exact package var claimedBy: String?
    package var state: State
    /// The error of the last attempt.
    @Exact package var error: String?

    package init(
        id: Int64, hook: String, agent: String, event: String, payload: String, attempts: Int64, nextAt: Int64,
        claimedUntil: Int64, claimedBy: String?, state: State, error: String?
    ) {
        (self.id, self.hook, self.agent, self.event, self.payload) = (id, hook, agent, event, payload)
        (self.attempts, self.nextAt, self.claimedUntil) = (attempts, nextAt, claimedUntil)
        (self.claimedBy, self.state, self.error) = (claimedBy, state, error)
    }

    /// The longest time that one is claimed for, in milliseconds: the longest deadline, and what comes after it.
    package static let longestClaim: Int64 = 3_605_000

    /// Whether its turn has not come, or somebody has it. A time that is further ahead than any that is set was told by a
    /// clock that was wrong: it holds up nothing.
    package func waits(at now: Int64) -> Bool {
        func isAhead(_ time: Int64, by longest: Int64) -> Bool { time > now && time &- longest <= now }
        return isAhead(nextAt, by: RetryDelay.longest) || isAhead(claimedUntil, by: Self.longestClaim)
    }
}

/// The deliveries of a hook that one source caused.
package struct DeliveryLoad: Sendable {
    @Exact package var source: String
    package var count: Int
    /// The size of their events' lines, in bytes.
    package var bytes: Int

    package init(source: String, count: Int, bytes: Int) {
        (self.source, self.count, self.bytes) = (source, count, bytes)
    }
}

/// A line that waits for the audit log.
package struct EventRecord: Sendable, Equatable {
    package var sequence: Int64
    package var line: [UInt8]

    package init(sequence: Int64, line: [UInt8]) {
        (self.sequence, self.line) = (sequence, line)
    }
}
