internal import Synchronization

/// Keeps one object that is made on first use.
///
/// Not an `AtomicLazyReference`, which costs 600 instructions at each look in Swift 6.3.
final class Memo: Sendable {
    // SAFETY: written once, by whoever moves `step` from 0 to 1; read by those who see it at 2.
    nonisolated(unsafe) private var kept: AnyObject?
    private let step = Atomic<Int>(0)

    /// Returns the object, always of one class. Several threads may make it at once; one result is kept.
    func callAsFunction<Object: AnyObject & Sendable>(_ make: () -> Object) -> Object {
        if step.load(ordering: .acquiring) == 2, let kept = unsafe kept {
            // SAFETY: always of one class.
            return unsafe unsafeDowncast(kept, to: Object.self)
        }
        let made = make()
        if step.compareExchange(expected: 0, desired: 1, ordering: .relaxed).exchanged {
            unsafe kept = made
            step.store(2, ordering: .releasing)
        }
        return made
    }
}
