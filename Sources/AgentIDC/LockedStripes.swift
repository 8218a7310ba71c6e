internal import Glibc
internal import JOSE

/// As many values as there are ``ThreadStripe``s, each guarded by a `pthread_mutex_t` and on cache lines of its own.
@safe final class LockedStripes<Value>: Sendable {
    @unsafe private struct Cell {
        var mutex = unsafe pthread_mutex_t()
        var value: Value
    }

    // SAFETY: points to `ThreadStripe.count` cells, `stride` bytes apart, that live as long as this object; `value` is
    // reached only between lock and unlock of the `mutex` beside it.
    nonisolated(unsafe) private let start: UnsafeMutableRawPointer

    private static var stride: Int {
        unsafe (MemoryLayout<Cell>.size + ThreadStripe.stride - 1) / ThreadStripe.stride * ThreadStripe.stride
    }

    init(_ make: () -> Value) {
        unsafe start = .allocate(byteCount: ThreadStripe.count * Self.stride, alignment: ThreadStripe.stride)
        for stripe in 0..<ThreadStripe.count {
            let place = unsafe (start + stripe * Self.stride).initializeMemory(
                as: Cell.self, to: Cell(value: make()))
            unsafe pthread_mutex_init(mutex(place), nil)
        }
    }

    deinit {
        for stripe in 0..<ThreadStripe.count {
            unsafe pthread_mutex_destroy(mutex(cell(stripe)))
            unsafe cell(stripe).deinitialize(count: 1)
        }
        unsafe start.deallocate()
    }

    /// Runs `body` with the lock of one value held. Not reentrant: `body` must not call this again.
    ///
    /// - Parameter stripe: From 0; what is beyond ``ThreadStripe/count`` starts over.
    func withLock<Result, E: Error>(
        _ stripe: Int, _ body: (inout Value) throws(E) -> Result
    ) throws(E) -> Result {
        let cell = unsafe cell(stripe & (ThreadStripe.count - 1))
        unsafe pthread_mutex_lock(mutex(cell))
        defer { unsafe pthread_mutex_unlock(mutex(cell)) }
        return unsafe try body(&cell.pointee.value)
    }

    private func cell(_ stripe: Int) -> UnsafeMutablePointer<Cell> {
        unsafe (start + stripe * Self.stride).assumingMemoryBound(to: Cell.self)
    }

    /// The mutex is a cell's first member.
    private func mutex(_ cell: UnsafeMutablePointer<Cell>) -> UnsafeMutablePointer<pthread_mutex_t> {
        unsafe UnsafeMutableRawPointer(cell).assumingMemoryBound(to: pthread_mutex_t.self)
    }
}
