internal import Glibc

/// Tells the time. Asked from any thread.
public protocol WallClock: Sendable {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    var milliseconds: Int64 { get }
}

extension WallClock {
    var seconds: Int64 { milliseconds / 1000 }
}

/// The machine's clock.
public struct SystemClock: WallClock {
    /// The machine's clock.
    public init() {}

    /// Milliseconds since 1970-01-01T00:00:00Z; 0 where the machine has no clock, which denies everything.
    public var milliseconds: Int64 {
        var now = timespec()
        guard unsafe clock_gettime(CLOCK_REALTIME, &now) == 0 else { return 0 }
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}

/// A clock that nobody can set, to within some milliseconds: for intervals, not for expiry.
enum MonotonicClock {
    static var milliseconds: Int64 {
        var now = timespec()
        guard unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &now) == 0 else { return 0 }
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}

/// A clock that asks a closure.
public struct CallbackClock: WallClock {
    private let now: @Sendable () -> Int64

    /// A clock that answers what `now` returns, in milliseconds.
    public init(_ now: @escaping @Sendable () -> Int64) { self.now = now }

    /// What the closure says.
    public var milliseconds: Int64 { now() }
}
