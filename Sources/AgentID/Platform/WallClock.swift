internal import CProcess
internal import Glibc

/// Tells the time. Called from any thread.
public protocol WallClock: Sendable {
    /// The milliseconds since 1970-01-01T00:00:00Z, within the years 1970 to 9999. Operations refuse any other value
    /// (`clock_invalid`). A clock that cannot tell the time returns `Int64.min`, and operations are refused too
    /// (`clock_failed`).
    var milliseconds: Int64 { get }
}

extension WallClock {
    var seconds: Int64 { milliseconds / 1000 }
}

/// The machine's clock.
public struct SystemClock: WallClock {
    /// The machine's clock.
    public init() {}

    /// The milliseconds since 1970-01-01T00:00:00Z; `Int64.min` if the machine has no clock, which denies everything.
    public var milliseconds: Int64 {
        var now = timespec()
        guard unsafe clock_gettime(CLOCK_REALTIME, &now) == 0 else { return .min }
        let (milliseconds, isBeyond) = Int64(now.tv_sec).multipliedReportingOverflow(by: 1000)
        return isBeyond ? .min : milliseconds &+ Int64(now.tv_nsec) / 1_000_000
    }
}

/// A clock that calls a closure. One that itself calls what needs the time fails, once it is deep in that.
public struct CallbackClock: WallClock {
    private let now: @Sendable () -> Int64?

    /// A clock that calls `now` for the time in milliseconds; `nil` means that it cannot tell.
    public init(_ now: @escaping @Sendable () -> Int64?) { self.now = now }

    /// The closure's answer.
    public var milliseconds: Int64 { ClockNesting.within(now) ?? .min }
}

/// Counts the clocks of callers that a thread is in at once: one that calls this library would be asked again without end.
private enum ClockNesting {
    private static let most: UInt = 3
    private static let key: pthread_key_t? = {
        var key = pthread_key_t()
        return unsafe pthread_key_create(&key, nil) == 0 ? key : nil
    }()

    static func within(_ now: () -> Int64?) -> Int64? {
        guard let key else { return now() }
        let depth = unsafe UInt(bitPattern: pthread_getspecific(key))
        guard depth < most, unsafe pthread_setspecific(key, UnsafeRawPointer(bitPattern: depth + 1)) == 0 else {
            return nil
        }
        defer { _ = unsafe pthread_setspecific(key, UnsafeRawPointer(bitPattern: depth)) }
        return now()
    }
}

/// Clocks that nobody can set: for intervals, not for expiry.
enum MonotonicClock {
    /// The milliseconds, to within a few. Stands still while the machine sleeps.
    static var milliseconds: Int64 { read(CLOCK_MONOTONIC_COARSE) }

    /// The milliseconds since boot. Goes on while the machine sleeps.
    static var sinceBoot: Int64 { read(CLOCK_BOOTTIME) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var now = timespec()
        guard unsafe clock_gettime(clock, &now) == 0 else { return 0 }
        return Int64(now.tv_sec) &* 1000 &+ Int64(now.tv_nsec) / 1_000_000
    }
}
