internal import Synchronization

/// The clock as the library reads it: every time enters here and is checked, so that arithmetic on it is safe.
struct CheckedClock: WallClock {
    /// The end of the year 9999, in milliseconds since 1970: adding any documented duration does not overflow.
    static let latest: Int64 = 253_402_300_799_999

    private let given: any WallClock
    /// Bounds the calls to a caller's clock.
    private let calls: BoundedCall?
    /// Tells whether a caller's clock hangs.
    private let pulse: ClockPulse?

    init(_ given: any WallClock) {
        let known = given as? CheckedClock
        self.given = known?.given ?? given
        calls = known == nil ? given is SystemClock ? nil : BoundedCall() : known?.calls
        pulse = known == nil ? given is SystemClock ? nil : ClockPulse() : known?.pulse
    }

    /// Whether it is the machine's own.
    var isMachine: Bool { calls == nil }

    /// The time, in milliseconds since 1970. Throws if the clock fails or returns a value that is not a time, and at once
    /// while it hangs: only the calls that asked it within the first second wait for it.
    func now() throws(AgentIDError) -> Int64 {
        guard let pulse else { return try Self.checked(given.milliseconds) }
        guard pulse.begin(patience: Self.patience) else {
            throw AgentIDError(
                .state, name: "clock_failed",
                message: "the clock cannot tell the time: its callback has not returned for a second", at: "clock")
        }
        defer { pulse.end() }
        return try Self.checked(given.milliseconds)
    }

    private static func checked(_ said: Int64) throws(AgentIDError) -> Int64 {
        guard said > 0, said <= latest else { throw refusal(of: said) }
        return said
    }

    /// The time for work that must go on even if the clock fails or hangs, such as an end or a revocation: then the
    /// machine's time.
    var milliseconds: Int64 {
        let said: Int64
        if let calls {
            let given = given
            said = calls.run(within: Self.patience) { given.milliseconds } ?? .min
        } else {
            said = given.milliseconds
        }
        if said > 0, said <= Self.latest { return said }
        return min(max(SystemClock().milliseconds, 1), Self.latest)
    }

    /// The longest wait for a caller's clock, in milliseconds.
    private static let patience = 1000

    private static func refusal(of said: Int64) -> AgentIDError {
        said == .min
            ? AgentIDError(
                .state, name: "clock_failed", message: "the clock cannot tell the time: its callback failed",
                at: "clock")
            : AgentIDError(
                .state, name: "clock_invalid",
                message: "the clock says \(said) ms since 1970, which is not within the years 1970 to 9999", at: "clock"
            )
    }
}

/// The calls of a caller's clock that are under way: it hangs while some are and none has returned for a while.
private final class ClockPulse: Sendable {
    private let pending = Atomic<Int>(0)
    /// When the last call returned, or the first one began; by a clock that nobody sets, in milliseconds.
    private let beat = Atomic<Int64>(0)

    /// Begins a call; `false` if the clock hangs.
    func begin(patience: Int) -> Bool {
        let now = MonotonicClock.milliseconds
        if pending.load(ordering: .acquiring) == 0 {
            beat.store(now, ordering: .releasing)
        } else if now &- beat.load(ordering: .acquiring) > Int64(patience) {
            return false
        }
        pending.add(1, ordering: .acquiringAndReleasing)
        return true
    }

    func end() {
        beat.store(MonotonicClock.milliseconds, ordering: .releasing)
        pending.subtract(1, ordering: .acquiringAndReleasing)
    }
}
