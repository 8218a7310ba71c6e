internal import Policy
internal import StrictJSON

/// A meter of a replay: what the page of meters and the registry would have counted.
final class ReplayMeter {
    enum Kind {
        /// The word is a rate's.
        case rate
        /// Labels that are there.
        case labels
        /// The amount spent, in units of the budget's smallest part.
        case budget
    }

    let kind: Kind
    var word: UInt64 = 0
    /// Labels that may be there besides: whether they were added hangs on what the log does not have.
    var possible: UInt64 = 0
    /// Until when it says anything, in milliseconds since 1970; of a rate its word says so.
    var until: Int64 = .min

    init(_ kind: Kind) { self.kind = kind }

    func isOver(at now: Int64) -> Bool {
        switch kind {
        case .rate: GCRA.isFull(word) <= now
        case .labels, .budget: until < now
        }
    }

    // MARK: Rates

    /// Takes one call; `false` where none is left.
    func take(_ rate: GCRA, at now: Int64) -> Bool {
        switch rate.take(from: word, now: now) {
        case .taken(let word):
            self.word = word
            return true
        case .wait: return false
        case .ahead(let word, _):
            self.word = word
            return false
        }
    }

    func giveBack(_ rate: GCRA) { word = rate.giveBack(to: word) }

    // MARK: Labels

    /// Labels that surely are there, and those that may be.
    func labels(at now: Int64) -> (sure: LabelSet, possible: LabelSet) {
        guard until >= now else { return ([], []) }
        return (LabelSet(rawValue: word), LabelSet(rawValue: word | possible))
    }

    func raise(_ sure: LabelSet, possible: LabelSet, at now: Int64) {
        if until < now { (word, self.possible) = (0, 0) }
        word |= sure.rawValue
        self.possible |= possible.rawValue
        until = max(until, now.addingReportingOverflow(PolicyLimits.kept).partialValue)
    }

    func lower(_ labels: LabelSet) {
        word &= ~labels.rawValue
        possible &= ~labels.rawValue
    }

    // MARK: Budgets

    var spent: Int64 {
        get { Int64(bitPattern: word) }
        set { word = UInt64(bitPattern: newValue) }
    }
}

/// The meters of a replay by their names. Those that are full again are forgotten: what is kept is bounded by what happens
/// within the rules' own times.
struct ReplayMeters {
    private var known: [ExactText: ReplayMeter] = [:]
    /// The number of times that meters were forgotten: who keeps one asks for it anew after that.
    private(set) var age = 0
    private var most = Self.fewest
    private static let fewest = 65_536

    mutating func meter(_ kind: ReplayMeter.Kind, _ parts: [String]) -> ReplayMeter {
        let name = parts.map { "\($0.utf8.count):\($0)" }.joined().exact
        if let found = known[name] { return found }
        let made = ReplayMeter(kind)
        known[name] = made
        return made
    }

    /// Forgets meters that say nothing any more, where there are many.
    mutating func tidy(at now: Int64) {
        guard known.count >= most else { return }
        known = known.filter { !$1.isOver(at: now) }
        most = max(Self.fewest, 2 * known.count)
        age += 1
    }
}
