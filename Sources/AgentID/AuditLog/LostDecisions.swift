internal import Synchronization

/// Counts decisions that are not in the log.
final class LostDecisions: Sendable {
    private let lost = Atomic<Int>(0)
    var count: Int { lost.load(ordering: .relaxed) }
    func add(_ count: Int) { lost.add(count, ordering: .relaxed) }
}
