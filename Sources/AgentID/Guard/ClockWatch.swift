internal import JOSE
internal import Synchronization

/// Tells a guard whether its clock went back, by comparing it with the machine's steady clock. Times in milliseconds.
///
/// A clock that keeps pace with the steady one stays on one line: its distance ahead of it. A step ahead begins another
/// line and is believed: more expires by it, and that is all. A step back to an earlier line ends a time when the clock
/// was wrong, and is believed too. Any other step back may return to times at which proofs were accepted that are
/// forgotten by now. It is refused as long as the clock shows such times, and until it has kept pace for as long as the
/// times were shown that it contradicts, two windows at most. A clock that stands still, or lags, has not gone back.
final class ClockWatch: Sendable {
    private struct Line {
        /// The distance ahead of the steady clock.
        var ahead: Int64
        /// The first time shown on this line.
        let start: Int64
        /// The latest time, as last stored: see `newest` for the current line.
        var latest: Int64
        /// Its beginning by the steady clock.
        let since: Int64
        /// The time that it was shown for.
        var length: Int64 { latest - start }
    }

    private struct Refused {
        let ahead: Int64
        /// By the steady clock.
        let since: Int64
    }

    private struct State {
        /// The last line is the current one.
        var lines: [Line] = []
        var refused: Refused?
    }

    /// The most lines kept: a clock that is set every second makes many. The shortest is
    /// forgotten first: the least was decided on it.
    private static let mostLines = 16
    /// The drift of a clock from its line that is tolerated without a check.
    private static let slack: Int64 = 1000

    /// The time, in milliseconds, that a clock which was set keeps pace for before it is settled.
    static let settling: Int64 = 1000

    private let window: Int64
    private let steady: @Sendable () -> Int64
    /// The distance ahead of the coarse steady clock, which settles almost every call; `.max`: not known.
    private let ahead = Atomic<Int64>(.max)
    /// The latest time shown on the current line, or up to ``step`` later: all cores read it, so that it is not written
    /// at every call.
    private let newest = Atomic<Int64>(0)
    private static let step: Int64 = 64
    private let state = Locked(State())

    /// - Parameter window: The largest step back that is tolerated, in milliseconds.
    init(window: Int64, steady: @escaping @Sendable () -> Int64 = { MonotonicClock.sinceBoot }) {
        (self.window, self.steady) = (window, steady)
    }

    /// The step back of the clock, if it must not be believed; `nil` otherwise.
    func wentBack(to now: Int64) -> Int64? {
        let coarse = MonotonicClock.milliseconds
        let known = ahead.load(ordering: .relaxed)
        if known != .max, (now &- coarse &- known).magnitude <= Self.slack {
            if now > newest.load(ordering: .relaxed) { newest.max(now &+ Self.step, ordering: .relaxed) }
            return nil
        }
        let gone = state.withLock { judge(&$0, now) }
        ahead.store(gone == nil ? now &- coarse : .max, ordering: .relaxed)
        return gone
    }

    /// Whether a clock that tells this time may date what lasts: it did not go back, nor ahead a moment ago.
    func isSettled(at now: Int64) -> Bool {
        guard wentBack(to: now) == nil else { return false }
        return state.withLock { state in
            guard state.lines.count > 1, let line = state.lines.last else { return true }
            return steady() - line.since >= Self.settling
        }
    }

    private func judge(_ state: inout State, _ now: Int64) -> Int64? {
        let steady = steady()
        let ahead = now - steady
        guard var line = state.lines.popLast() else {
            return go(&state, on: Line(ahead: ahead, start: now, latest: now, since: steady), to: now)
        }
        // A time that another thread read just before the clock was set belongs to no other line.
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
            tell("stepped by \((line.ahead - ahead).magnitude / 1000) s, to where it was before")
            former.ahead = ahead
            state.lines.append(line)
            return go(&state, on: former, to: now)
        }
        state.lines.append(line)
        if ahead > line.ahead {
            tell("went ahead by \((ahead - line.ahead) / 1000) s: what has expired by it is denied")
            return go(&state, on: Line(ahead: ahead, start: now, latest: now, since: steady), to: now)
        }
        if state.refused.map({ ($0.ahead - ahead).magnitude > Self.slack }) ?? true {
            state.refused = Refused(ahead: ahead, since: steady)
            ProcessLog.write(
                .error, .clock, "clock_went_back",
                "the clock went back by \((line.latest - now) / 1000) s: calls are denied until it is right, or for "
                    + "\(2 * window / 1000) s at most where this is the right time")
        }
        // Nothing was accepted at such times that could have been forgotten.
        let isNew = state.lines.allSatisfy { now < $0.start - window || now + window >= $0.latest }
        let shown = state.lines.reduce(0) { now + window < $1.latest ? max($0, $1.length) : $0 }
        guard isNew, let refused = state.refused, steady - refused.since > min(shown, 2 * window) + Self.slack else {
            newest.store(line.latest, ordering: .relaxed)
            return line.latest - now
        }
        tell("went back by \((line.latest - now) / 1000) s, and is believed now")
        return go(&state, on: Line(ahead: ahead, start: now, latest: now, since: steady), to: now)
    }

    private func tell(_ what: String) {
        ProcessLog.write(.warning, .clock, "clock_stepped", "the clock \(what)")
    }

    private func go(_ state: inout State, on line: Line, to now: Int64) -> Int64? {
        var line = line
        line.latest = max(line.latest, now)
        newest.store(line.latest, ordering: .relaxed)
        state.lines.append(line)
        if state.lines.count > Self.mostLines {
            let others = state.lines.indices.dropLast()
            let shortest = others.min { state.lines[$0].length < state.lines[$1].length }
            if let shortest { state.lines.remove(at: shortest) }
        }
        state.refused = nil
        return nil
    }
}
