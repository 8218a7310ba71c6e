/// How much work an answer may cost, in steps of a few nanoseconds; counted, so that it is the same on every machine.
///
/// One is threaded through all that a chain, or a call, makes this module do. Spent, every answer is no: what it was
/// spent on is refused as too costly, never permitted. So no input, however it is nested, costs more than its budget.
package struct WorkBudget {
    private var left: Int

    /// 16,777,216 steps: some 20 to 40 ms where all of it is spent, and a thousand times what honest scopes take.
    package init(steps: Int = 1 << 24) { left = steps }

    /// Whether an answer was cut short: what was said is then not to be relied on.
    package var isSpent: Bool { left < 0 }

    /// Takes steps; `false` when there are no more.
    package mutating func spend(_ steps: Int) -> Bool {
        guard left >= 0 else { return false }
        left &-= max(steps, 0)
        return left >= 0
    }
}

extension ScopeError {
    static let tooCostly = ScopeError(
        "too_costly", "to compare these scopes takes too much work: use fewer or simpler globs and smaller sets")
}
