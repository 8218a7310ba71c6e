internal import CProcess
internal import Glibc

/// Tells the time. Asked from any thread.
public protocol WallClock: Sendable {
    /// Milliseconds since 1970-01-01T00:00:00Z. What is not within the years 1970 to 9999 is not a time: what asked for it is
    /// refused (`clock_invalid`), and so is what asked a clock that cannot tell, which answers `Int64.min` (`clock_failed`).
    var milliseconds: Int64 { get }
}

extension WallClock {
    var seconds: Int64 { milliseconds / 1000 }
}

/// The machine's clock.
public struct SystemClock: WallClock {
    /// The machine's clock.
    public init() {}

    /// Milliseconds since 1970-01-01T00:00:00Z; `Int64.min` where the machine has no clock, which denies everything.
    public var milliseconds: Int64 {
        var now = timespec()
        guard unsafe clock_gettime(CLOCK_REALTIME, &now) == 0 else { return .min }
        return Int64(now.tv_sec) &* 1000 &+ Int64(now.tv_nsec) / 1_000_000
    }
}

/// A clock that asks a closure.
public struct CallbackClock: WallClock {
    private let now: @Sendable () -> Int64?

    /// A clock that answers what `now` returns, in milliseconds; `nil` where it cannot tell.
    public init(_ now: @escaping @Sendable () -> Int64?) { self.now = now }

    /// What the closure says.
    public var milliseconds: Int64 { now() ?? .min }
}

/// Clocks that nobody can set: for intervals, not for expiry.
enum MonotonicClock {
    /// To within some milliseconds. Stands still while the machine sleeps.
    static var milliseconds: Int64 { read(CLOCK_MONOTONIC_COARSE) }

    /// Goes on while the machine sleeps.
    static var sinceBoot: Int64 { read(CLOCK_BOOTTIME) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var now = timespec()
        guard unsafe clock_gettime(clock, &now) == 0 else { return 0 }
        return Int64(now.tv_sec) &* 1000 &+ Int64(now.tv_nsec) / 1_000_000
    }
}
