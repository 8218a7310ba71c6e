/// The Generic Cell Rate Algorithm on one 64-bit word: exact, and pure. Its keeper moves the word by compare-and-swap.
///
/// The word is the theoretical arrival time: when all that was taken will have flowed off. 44 bits of milliseconds since
/// 1970, then 20 bits of a fraction in the rate's own parts of a millisecond, so that seven calls a second are seven calls a
/// second, and not a rounded number. The milliseconds mean the same under any rate: a rule can be changed while its
/// meter is in use, and whoever tidies up sees which meters are full again without knowing their rates.
///
/// A call is taken where the arrival time, one call later, is no more than a full burst ahead of now. So in any window there
/// are at most `burst` calls, and those that flow off during the window.
public struct GCRA: Sendable, Equatable {
    /// Into how many parts the fraction divides a millisecond.
    @usableFromInline let parts: UInt64
    /// The time that one call, and a full burst, take to flow off.
    @usableFromInline let step: UInt64
    @usableFromInline let window: UInt64
    /// `step` in parts of a millisecond.
    private let stepParts: UInt64

    @usableFromInline static let fractionBits: UInt64 = 20
    @usableFromInline static let fractionMask: UInt64 = 1 << 20 - 1
    /// Two fractions never add up to more than the mask.
    private static let mostParts: Int64 = 1 << 19
    /// The latest time, and half of what a word can hold: the year 2248. Any other is taken for the nearest that is one.
    @usableFromInline static let latest: Int64 = 1 << 43 - 1
    private static let longestWindow: Int64 = 1 << 42

    /// A rate.
    ///
    /// - Parameters:
    ///   - calls: in a period.
    ///   - period: in milliseconds.
    ///   - burst: how many may come at once.
    ///
    /// `nil` where a number is not above zero, a burst takes more than 139 years, or the rate in its lowest terms has more
    /// than 524,288 calls: it could not be kept exactly.
    package init?(calls: Int64, period: Int64, burst: Int64) {
        guard calls > 0, period > 0, burst > 0 else { return nil }
        var (divisor, rest) = (calls, period)
        while rest > 0 { (divisor, rest) = (rest, divisor % rest) }
        let (parts, step) = (calls / divisor, period / divisor)
        let (all, isTooLong) = step.multipliedReportingOverflow(by: burst)
        guard parts <= Self.mostParts, !isTooLong, all / parts < Self.longestWindow else { return nil }
        self.parts = UInt64(parts)
        stepParts = UInt64(step)
        self.step = UInt64(step / parts) << Self.fractionBits | UInt64(step % parts)
        window = UInt64(all / parts) << Self.fractionBits | UInt64(all % parts)
    }

    /// The effect of a call on the word.
    @frozen public enum Outcome: Sendable, Equatable {
        /// It is taken where this becomes the word.
        case taken(UInt64)
        /// It is refused, and in so many milliseconds it would not be.
        case wait(Int64)
        /// The word is further ahead than any burst: written by a clock that was wrong, or under a larger burst. It is refused,
        /// and the meter is empty from now on where `word` becomes the word. Only who read the time after the word may do that.
        case ahead(word: UInt64, wait: Int64)
    }

    /// A word under which a full burst can be taken at once.
    @inlinable public static func full(at now: Int64) -> UInt64 {
        UInt64(truncatingIfNeeded: min(max(now, 0), latest)) << fractionBits
    }

    /// Takes one call, at a time in milliseconds since 1970.
    @inlinable @inline(__always) public func take(from word: UInt64, now: Int64) -> Outcome {
        let floor = Self.full(at: now)
        let limit = floor &+ window
        let arrival = max(read(word), floor)
        guard arrival <= limit else { return .ahead(word: limit, wait: wait(for: add(limit, step), after: floor)) }
        let next = add(arrival, step)
        return next <= limit ? .taken(next) : .wait(wait(for: next, after: floor))
    }

    /// In how many milliseconds one call could be taken; 0 or less: now.
    package func wait(under word: UInt64, now: Int64) -> Int64 {
        let floor = Self.full(at: now)
        return wait(for: add(max(read(word), floor), step), after: floor)
    }

    /// The word after a call that was taken is given back, but for what may have flowed off since.
    ///
    /// The call has put off what was taken after it by no less than that, whoever took or gave back meanwhile. By more, if the
    /// meter was not full: that much is lost, as nobody can tell.
    ///
    /// - Parameter elapsed: the milliseconds since it was taken.
    @inlinable public func giveBack(to word: UInt64, after elapsed: Int64 = 0) -> UInt64 {
        let (word, gone) = (read(word), Self.full(at: elapsed))
        guard gone < step else { return word }
        let back = step &- gone
        guard word >= back else { return 0 }
        let rest = word &- back
        let borrows = word & Self.fractionMask < back & Self.fractionMask
        return borrows ? rest &- (Self.fractionMask + 1 - parts) : rest
    }

    /// The number of calls that could be taken at once.
    package func left(in word: UInt64, now: Int64) -> Int64 {
        let floor = Self.full(at: now)
        let limit = floor &+ window
        let arrival = max(read(word), floor)
        guard arrival < limit else { return 0 }
        // At most 2^42 ms of 2^19 parts.
        func all(_ word: UInt64) -> UInt64 {
            ((word &- floor) >> Self.fractionBits) &* parts &+ word & Self.fractionMask
        }
        return Int64(clamping: (all(limit) - all(arrival)) / stepParts)
    }

    /// In how many milliseconds one more call could be taken at once than now; `nil` where a full burst can.
    package func more(in word: UInt64, now: Int64) -> Int64? {
        let floor = Self.full(at: now)
        let arrival = min(max(read(word), floor), floor &+ window)
        guard arrival > floor else { return nil }
        // At most 2^42 ms of 2^19 parts.
        func all(_ word: UInt64) -> UInt64 {
            ((word &- floor) >> Self.fractionBits) &* parts &+ word & Self.fractionMask
        }
        let free = all(floor &+ window) - all(arrival)
        return Int64(clamping: (stepParts - free % stepParts + parts - 1) / parts)
    }

    /// The first millisecond at which all that was ever taken from a meter has flowed off, whatever its rate.
    @inlinable public static func isFull(_ word: UInt64) -> Int64 {
        Int64(truncatingIfNeeded: (word &+ fractionMask) >> fractionBits)
    }

    /// The word in this rate's parts: a fraction of another rate is rounded up.
    @inlinable @inline(__always) func read(_ word: UInt64) -> UInt64 {
        guard word & Self.fractionMask >= parts else { return word }
        return (word >> Self.fractionBits &+ 1) << Self.fractionBits
    }

    @inlinable @inline(__always) func add(_ one: UInt64, _ other: UInt64) -> UInt64 {
        let sum = one &+ other
        return sum & Self.fractionMask < parts ? sum : sum &+ (Self.fractionMask + 1 - parts)
    }

    /// The time from a full millisecond until an arrival time is within a full burst.
    @inlinable @inline(never) func wait(for arrival: UInt64, after floor: UInt64) -> Int64 {
        let (whole, rest) = (arrival >> Self.fractionBits, arrival & Self.fractionMask)
        let first = whole &- window >> Self.fractionBits &+ (rest > window & Self.fractionMask ? 1 : 0)
        return Int64(truncatingIfNeeded: first &- floor >> Self.fractionBits)
    }
}
