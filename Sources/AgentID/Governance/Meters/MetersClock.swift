internal import Glibc
internal import JOSE
internal import Synchronization

/// The time that meters go by, in milliseconds: one for all processes, which no wrong clock moves.
///
/// The page keeps how far its time is ahead of the machine's steady clock. Whoever made the page took that from the wall clock.
/// A wall clock that agrees with it to a tenth of a second is believed: so the page follows a clock that is slewed. One that
/// does not agree, and any that a program brings, is corrected by the difference: meters go on as if it had not stepped.
///
/// A page without a file believes a clock that the program brought: somebody tests with it, or replays.
///
/// After a reboot the machine's first clock is believed again.
struct MetersClock: ~Copyable, Sendable {
    /// How far a clock may be from its line until that is looked at.
    private static let slack: Int64 = 100
    /// The most by which the times of two processes differ, and what rounding adds.
    static let tolerance = 2 * slack

    private let steady: SteadyClock
    private let believesSteps: Bool
    /// Whether the page follows the guard's clock where that is slewed.
    private let follows: Bool
    /// Of this run of the machine.
    let run: UInt64
    /// Whether the machine says which run this is.
    let knowsRun: Bool
    private let secret: SIMD2<UInt64>
    /// How far the guard's clock was ahead of the coarse steady one when it was judged; `.max`: not known.
    private let known = Atomic<Int64>(.max)
    /// Its correction.
    private let shift = Atomic<Int64>(0)
    private let judging = Locked(())

    /// - Parameters:
    ///   - believesSteps: whether the guard's clock is believed where it steps.
    ///   - follows: whether it is where it is slewed.
    init(steady: SteadyClock, believesSteps: Bool, follows: Bool, secret: SIMD2<UInt64>) {
        (self.steady, self.believesSteps, self.follows, self.secret) = (steady, believesSteps, follows, secret)
        knowsRun = !steady.now.boot.isEmpty
        let hash = steady.now.boot.withUTF8Span { Sodium.sipHash($0, key: secret) }
        run = hash.x & MeterName.mask
    }

    /// The meters' time where the guard's clock says `now`; `nil` where the page is damaged.
    @inline(__always) func time(_ now: Int64, _ coarse: Int64, _ words: MetersWords) -> Int64? {
        let known = known.load(ordering: .acquiring)
        if (now &- coarse &- known).magnitude <= Self.slack {
            let time = now &+ shift.load(ordering: .acquiring)
            // Both belong together, where the first did not change.
            if self.known.load(ordering: .acquiring) == known { return time }
        }
        return judge(now, coarse, words)
    }

    private func judge(_ now: Int64, _ coarse: Int64, _ words: MetersWords) -> Int64? {
        let line = words.line
        guard isSealed(line) else { return nil }
        let sinceBoot = steady.now.milliseconds
        var shift: Int64 = 0
        if line.name & MeterName.mask == run {
            let difference = now &- Int64(bitPattern: line.word) &- sinceBoot
            if difference.magnitude <= Self.slack && follows || believesSteps {
                words.move(line, to: sealed(now &- sinceBoot))
            } else {
                shift = 0 &- difference
            }
        }
        guard MeterTime.possible.contains(now &+ shift) else { return nil }
        // One at a time: the difference that one thread found belongs to no correction of another.
        judging.withLock { _ in
            known.store(.max, ordering: .sequentiallyConsistent)
            self.shift.store(shift, ordering: .sequentiallyConsistent)
            known.store(now &- coarse, ordering: .sequentiallyConsistent)
        }
        return now &+ shift
    }

    /// The meters' time, read anew; `now` where the page is damaged or belongs to another run of the machine.
    func fresh(else now: Int64, _ words: MetersWords) -> Int64 {
        let line = words.line
        guard isSealed(line), line.name & MeterName.mask == run else { return now }
        let time = Int64(bitPattern: line.word) &+ steady.now.milliseconds
        return MeterTime.possible.contains(time) ? time : now
    }

    /// Whether nobody has used the page yet.
    func isNew(_ words: MetersWords) -> Bool { words.line == (0, 0) }

    /// Whether the page was last used in another run of the machine.
    func isNewRun(_ words: MetersWords) -> Bool {
        let line = words.line
        return isSealed(line) && line.name & MeterName.mask != run
    }

    /// Where the machine was started anew since, or the page is new, its line begins with this clock. `false` where the page
    /// is damaged.
    func begin(_ now: Int64, _ words: MetersWords) -> Bool {
        let line = words.line
        let isBlank = line.name == 0 && line.word == 0
        guard isBlank || isSealed(line) else { return false }
        guard isBlank || line.name & MeterName.mask != run else { return true }
        words.move(line, to: sealed(now &- steady.now.milliseconds))
        return true
    }

    private func sealed(_ ahead: Int64) -> (name: UInt64, word: UInt64) {
        let word = UInt64(bitPattern: ahead)
        return (MeterName.sealed(run, word, secret), word)
    }

    private func isSealed(_ line: (name: UInt64, word: UInt64)) -> Bool {
        MeterName.sealed(line.name, line.word, secret) == line.name
    }
}
