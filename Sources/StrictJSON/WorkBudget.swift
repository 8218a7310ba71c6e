/// The work that one operation may still do, counted in steps. A step is a few nanoseconds, so a budget is a time.
///
/// Work is charged in bulk before it is done. Once the budget is spent, every further ``spend(_:)`` returns `false` and
/// the operation ends at once with a meaningless answer; the owner of the budget checks ``isExhausted`` first. A budget
/// cannot become two: it is passed on, not copied.
package struct WorkBudget: ~Copyable {
    @usableFromInline var remaining: Int
    private let steps: Int

    package init(steps: Int) {
        self.steps = max(steps, 0)
        remaining = max(steps, 0)
    }

    /// A budget without limit, for work that is linear in an input whose size is already limited.
    package static var unlimited: WorkBudget { WorkBudget(steps: .max) }

    /// Whether more was asked for than the budget held.
    @inlinable package var isExhausted: Bool { remaining < 0 }

    /// The number of steps spent.
    package var spent: Int { remaining < 0 ? steps : steps - remaining }

    /// Begins anew where it was when so many steps were spent: what follows does the same work again, and is charged for it.
    package mutating func restart(at spent: Int) { remaining = steps - spent }

    /// Takes `steps`, which must not be negative. Returns `false` if fewer are left.
    @inlinable package mutating func spend(_ steps: Int) -> Bool {
        guard remaining >= 0 else { return false }
        remaining &-= steps
        return remaining >= 0
    }
}
