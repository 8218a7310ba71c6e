internal import JOSE
internal import Synchronization

/// Tells a guard whether its clock went back, by the machine's steady clock. Times in milliseconds.
///
/// A clock that keeps pace with the steady one is on one line, which is how far it is ahead of it. A step ahead begins
/// another line, and is believed: what expires by it is denied, and that is all. A step back to a line that the clock was on
/// before ends a moment at which it was wrong, and is believed as well. Any other step back may bring back times at which
/// proofs were accepted that are forgotten by now: it is refused, as long as the clock is at such times, and for two windows
/// at least. A clock that stands still, or lags, has not gone back.
final class ClockWatch: Sendable {
    private struct Line {
        /// How far it is ahead of the steady clock.
        var ahead: Int64
        /// The first time that was told on it.
        let start: Int64
        /// The latest, as far as that was written down: see `newest` for the line that holds.
        var latest: Int64
    }

    private struct Refused {
        let ahead: Int64
        /// By the steady clock.
        let since: Int64
    }

    private struct State {
        /// The one that holds is the last.
        var lines: [Line] = []
        var refused: Refused?
    }

    /// A clock that is set every second would fill it: the oldest are forgotten, and with them nothing but a way back.
    private static let mostLines = 16
    /// How far a clock may run from its line until that is looked at.
    private static let slack: Int64 = 1000

    private let window: Int64
    private let steady: @Sendable () -> Int64
    /// How far the clock is ahead of the coarse steady clock, which is enough at almost every call; `.max`: not known.
    private let ahead = Atomic<Int64>(.max)
    /// The latest time that was told on the line that holds.
    private let newest = Atomic<Int64>(0)
    private let state = Locked(State())

    /// - Parameter window: how far a clock may go back, in milliseconds.
    init(window: Int64, steady: @escaping @Sendable () -> Int64 = { MonotonicClock.sinceBoot }) {
        (self.window, self.steady) = (window, steady)
    }

    /// By how much the clock went back, where it may not be believed; `nil` where it may.
    func wentBack(to now: Int64) -> Int64? {
        let coarse = MonotonicClock.milliseconds
        let known = ahead.load(ordering: .relaxed)
        if known != .max, (now &- coarse &- known).magnitude <= Self.slack {
            newest.max(now, ordering: .relaxed)
            return nil
        }
        let gone = state.withLock { judge(&$0, now) }
        ahead.store(gone == nil ? now &- coarse : .max, ordering: .relaxed)
        return gone
    }

    private func judge(_ state: inout State, _ now: Int64) -> Int64? {
        let steady = steady()
        let ahead = now - steady
        guard var line = state.lines.popLast() else {
            return go(&state, on: Line(ahead: ahead, start: now, latest: now), to: now)
        }
        // What another thread was told just before the clock was set belongs to no other line.
        line.latest = max(line.latest, min(newest.load(ordering: .relaxed), line.ahead + steady + Self.slack))
        if ahead <= line.ahead + window, now + window >= line.latest {
            line.ahead = ahead
            return go(&state, on: line, to: now)
        }
        let before = state.lines.lastIndex { before in
            (before.ahead - ahead).magnitude <= window.magnitude && now + window >= before.latest
        }
        if let before {
            var former = state.lines.remove(at: before)
            former.ahead = ahead
            state.lines.append(line)
            return go(&state, on: former, to: now)
        }
        state.lines.append(line)
        if ahead > line.ahead { return go(&state, on: Line(ahead: ahead, start: now, latest: now), to: now) }
        if state.refused.map({ ($0.ahead - ahead).magnitude > Self.slack }) ?? true {
            state.refused = Refused(ahead: ahead, since: steady)
        }
        // Nothing was accepted at such times that could have been forgotten.
        let isNew = state.lines.allSatisfy { now < $0.start - window || now + window >= $0.latest }
        guard isNew, let refused = state.refused, steady - refused.since > 2 * window + Self.slack else {
            newest.store(line.latest, ordering: .relaxed)
            return line.latest - now
        }
        return go(&state, on: Line(ahead: ahead, start: now, latest: now), to: now)
    }

    private func go(_ state: inout State, on line: Line, to now: Int64) -> Int64? {
        var line = line
        line.latest = max(line.latest, now)
        newest.store(line.latest, ordering: .relaxed)
        state.lines.append(line)
        if state.lines.count > Self.mostLines { state.lines.removeFirst() }
        state.refused = nil
        return nil
    }
}
