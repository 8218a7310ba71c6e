internal import Synchronization

/// A number that many threads add to at once, each in a place of its own, and that few read.
@safe package final class StripedCounter: Sendable {
    // SAFETY: points to `ThreadStripe.count` numbers, each on cache lines of its own, that live as long as this object.
    nonisolated(unsafe) private let start: UnsafeMutableRawPointer

    package init() {
        unsafe start = .allocate(
            byteCount: ThreadStripe.count * ThreadStripe.stride, alignment: ThreadStripe.stride)
        for stripe in 0..<ThreadStripe.count {
            unsafe (start + stripe * ThreadStripe.stride).initializeMemory(
                as: Atomic<Int>.self, to: Atomic(0))
        }
    }

    deinit { unsafe start.deallocate() }

    /// Adds one, for the thread that calls.
    package func count() { unsafe place(ThreadStripe.current).pointee.add(1, ordering: .relaxed) }

    /// The sum of what all have added by now.
    package var value: Int {
        (0..<ThreadStripe.count).reduce(0) { unsafe $0 &+ place($1).pointee.load(ordering: .relaxed) }
    }

    private func place(_ stripe: Int) -> UnsafeMutablePointer<Atomic<Int>> {
        unsafe (start + stripe * ThreadStripe.stride).assumingMemoryBound(to: Atomic<Int>.self)
    }
}
