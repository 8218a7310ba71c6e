public import Glibc

/// A value that one thread at a time may access, guarded by a `pthread_mutex_t`.
///
/// Inlined into the modules that use it: every decision takes a lock several times.
@safe public final class Locked<Value>: Sendable {
    // SAFETY: what both point to lives as long as this object; `value` is reached only between lock and unlock of
    // `mutex`, which is why the language's own checks for overlapping accesses are spared.
    @usableFromInline nonisolated(unsafe) let mutex: UnsafeMutablePointer<pthread_mutex_t>
    @usableFromInline nonisolated(unsafe) let value: UnsafeMutablePointer<Value>

    /// Guards a value.
    public init(_ value: Value) {
        unsafe self.value = .allocate(capacity: 1)
        unsafe self.value.initialize(to: value)
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
        unsafe value.deinitialize(count: 1)
        unsafe value.deallocate()
    }

    /// Runs `body` with the lock held. Not reentrant: `body` must not call this again.
    @inlinable public func withLock<Result, E: Error>(
        _ body: (inout Value) throws(E) -> Result
    ) throws(E) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return unsafe try body(&value.pointee)
    }

    /// Runs `body` with the lock held; returns `nil` if other threads hold the lock for this many milliseconds.
    package func withLock<Result, E: Error>(
        within milliseconds: Int, _ body: (inout Value) throws(E) -> Result
    ) throws(E) -> Result? {
        // Polls: a wait until a wall-clock time would last as long as whoever sets the clock wants.
        var (waited, pause) = (0, 50)
        while unsafe pthread_mutex_trylock(mutex) != 0 {
            guard waited / 1000 < milliseconds else { return nil }
            usleep(UInt32(pause))
            waited += pause
            pause = min(pause * 2, 1000)
        }
        defer { unsafe pthread_mutex_unlock(mutex) }
        return unsafe try body(&value.pointee)
    }

    /// Takes the lock until ``unlock()``, by the same thread: for whoever needs several at once.
    package func lock() { unsafe pthread_mutex_lock(mutex) }
    /// Gives back the lock that ``lock()`` took.
    package func unlock() { unsafe pthread_mutex_unlock(mutex) }

    /// Runs `body` without the lock: for the one thread of a forked child, whose parent may have held it.
    package func withoutLock(_ body: (inout Value) -> Void) { unsafe body(&value.pointee) }
}
