internal import Glibc
internal import Synchronization

/// Which of a few places is this thread's: what threads write at every call is kept in one place for each, so that no
/// cache line goes from core to core. Threads that are many share places; nothing but speed depends on who has which.
package enum ThreadStripe {
    /// The number of places.
    package static let count = 64
    /// Cores fetch lines of 64 bytes, some two at a time.
    package static let stride = 128

    private static let key: pthread_key_t? = {
        var key = pthread_key_t()
        return unsafe pthread_key_create(&key, nil) == 0 ? key : nil
    }()
    private static let given = Atomic<UInt>(0)

    /// From 0 to below ``count``, the same as long as a thread runs.
    package static var current: Int {
        guard let key else { return 0 }
        let known = unsafe UInt(bitPattern: pthread_getspecific(key))
        return known == 0 ? choose(key) : Int(known - 1)
    }

    private static func choose(_ key: pthread_key_t) -> Int {
        let stripe = given.add(1, ordering: .relaxed).oldValue % UInt(count)
        // Where there is no memory for it, the thread changes places.
        _ = unsafe pthread_setspecific(key, UnsafeRawPointer(bitPattern: stripe + 1))
        return Int(stripe)
    }
}
