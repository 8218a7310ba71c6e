/// How much work one operation may take, counted in steps: a step is a few nanoseconds of work, so that a budget is a time.
///
/// Spent in bulk, for work that is about to be done. Once it is spent every further ``spend(_:)`` says no and whatever was
/// being decided ends at once, with an answer that counts for nothing: whoever made the budget asks ``isExhausted`` first.
/// One budget cannot become two: it is not copied, only passed on.
package struct WorkBudget: ~Copyable {
    @usableFromInline var remaining: Int
    private let steps: Int

    package init(steps: Int) {
        self.steps = max(steps, 0)
        remaining = max(steps, 0)
    }

    /// For what is linear in an input that is limited already.
    package static var unlimited: WorkBudget { WorkBudget(steps: .max) }

    /// Whether more was asked for than there was.
    @inlinable package var isExhausted: Bool { remaining < 0 }

    /// How much was spent.
    package var spent: Int { remaining < 0 ? steps : steps - remaining }

    /// Takes steps, never fewer than none; `false` where they are more than are left.
    @inlinable package mutating func spend(_ steps: Int) -> Bool {
        guard remaining >= 0 else { return false }
        remaining &-= steps
        return remaining >= 0
    }
}
