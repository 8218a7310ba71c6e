internal import CProcess
internal import Glibc

/// A value that one thread at a time may access and whose changes threads can wait for: a mutex and a condition.
@safe package final class Monitor<Value>: Sendable {
    // SAFETY: `value` is reached only while `mutex` is held; both pointers live as long as this object.
    nonisolated(unsafe) private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    nonisolated(unsafe) private let condition: UnsafeMutablePointer<pthread_cond_t>
    nonisolated(unsafe) private var value: Value

    package init(_ value: Value) {
        unsafe self.value = value
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
        unsafe condition = .allocate(capacity: 1)
        unsafe condition.initialize(to: pthread_cond_t())
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe condition.deallocate()
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Changes the value and wakes all waiting threads. Not reentrant.
    package func change<Result>(_ body: (inout Value) -> Result) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        unsafe pthread_cond_broadcast(condition)
        return unsafe body(&value)
    }

    /// Waits until `body` returns a value. `body` is called now and after each change. Returns `nil` after
    /// `milliseconds`.
    package func wait<Result>(milliseconds: Int? = nil, _ body: (inout Value) -> Result?) -> Result? {
        var end = timespec()
        if let milliseconds {
            unsafe clock_gettime(CLOCK_MONOTONIC, &end)
            let nanoseconds = end.tv_nsec + (max(milliseconds, 0) % 1000) * 1_000_000
            end.tv_sec += max(milliseconds, 0) / 1000 + nanoseconds / 1_000_000_000
            end.tv_nsec = nanoseconds % 1_000_000_000
        }
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let result = unsafe body(&value) { return result }
            if milliseconds == nil {
                unsafe pthread_cond_wait(condition, mutex)
                // The monotonic clock: a wait must not end early or late because somebody set the time. It is named here:
                // preloaded libraries that set the time of one program (libfaketime) forget a condition's attribute.
            } else if unsafe pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &end) != 0 {
                return unsafe body(&value)
            }
        }
    }
}
