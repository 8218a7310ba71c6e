internal import JOSE
internal import Synchronization

/// Tells a guard whether its clock went back, by the machine's steady clock. Times in milliseconds.
///
/// As long as a clock keeps pace with the steady one it is on one line, which is how far it is ahead of it. A step ahead
/// begins another line, and is believed: what expires by it is denied, and that is all. A step back to a line that the clock
/// was on before ends a moment at which it was wrong, and is believed as well. Any other step back may bring back times at
/// which proofs were accepted that are forgotten by now: it is refused, as long as the clock is at such times, and for two
/// windows at least.
final class ClockWatch: Sendable {
    private struct Line {
        /// How far it is ahead of the steady clock, now and at most.
        var ahead: Int64
        var furthest: Int64
        /// The first time that was told on it.
        let start: Int64
        /// The last, where the clock has left it.
        var end = Int64.max
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
    private let state = Locked(State())

    /// - Parameter window: how far a clock may go back, in milliseconds.
    init(window: Int64, steady: @escaping @Sendable () -> Int64 = { MonotonicClock.sinceBoot }) {
        (self.window, self.steady) = (window, steady)
    }

    /// By how much the clock went back, where it may not be believed; `nil` where it may.
    func wentBack(to now: Int64) -> Int64? {
        let coarse = MonotonicClock.milliseconds
        let known = ahead.load(ordering: .relaxed)
        if known != .max, (now &- coarse &- known).magnitude <= Self.slack { return nil }
        let gone = state.withLock { judge(&$0, now) }
        ahead.store(gone == nil ? now &- coarse : .max, ordering: .relaxed)
        return gone
    }

    private func judge(_ state: inout State, _ now: Int64) -> Int64? {
        let steady = steady()
        let ahead = now - steady
        guard let line = state.lines.last else {
            state.lines = [Line(ahead: ahead, furthest: ahead, start: now)]
            return nil
        }
        // Another thread's time may be a little older; what was told before on this line bounds what may be told now.
        if line.end == .max, ahead <= line.ahead + window, ahead + window >= line.furthest {
            return go(&state, on: line, ahead)
        }
        let before = state.lines.lastIndex {
            ($0.ahead - ahead).magnitude <= window.magnitude && ahead + window >= $0.furthest
        }
        if let before { return go(&state, on: state.lines.remove(at: before), ahead, leftAt: line.furthest + steady) }
        if ahead > line.ahead { return begin(&state, ahead, now, leftAt: line.furthest + steady) }
        leave(&state, at: line.furthest + steady)
        if state.refused.map({ ($0.ahead - ahead).magnitude > Self.slack }) ?? true {
            state.refused = Refused(ahead: ahead, since: steady)
        }
        // Nothing was accepted at such times that could have been forgotten.
        let isNew = state.lines.allSatisfy { now < $0.start - window || now + window >= $0.end }
        guard isNew, let refused = state.refused, steady - refused.since > 2 * window + Self.slack else {
            return line.ahead - ahead
        }
        return begin(&state, ahead, now, leftAt: line.end)
    }

    private func go(_ state: inout State, on line: Line, _ ahead: Int64, leftAt end: Int64? = nil) -> Int64? {
        if let end { leave(&state, at: end) } else { state.lines.removeLast() }
        state.lines.append(Line(ahead: ahead, furthest: max(ahead, line.furthest), start: line.start))
        state.refused = nil
        return nil
    }

    private func begin(_ state: inout State, _ ahead: Int64, _ now: Int64, leftAt end: Int64) -> Int64? {
        leave(&state, at: end)
        state.lines.append(Line(ahead: ahead, furthest: ahead, start: now))
        if state.lines.count > Self.mostLines { state.lines.removeFirst() }
        state.refused = nil
        return nil
    }

    /// The clock is on its line no more, if it was until now.
    private func leave(_ state: inout State, at end: Int64) {
        let last = state.lines.count - 1
        if last >= 0, state.lines[last].end == .max { state.lines[last].end = end }
    }
}
