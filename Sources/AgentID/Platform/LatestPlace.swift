internal import Synchronization

/// Keeps the latest of several objects of one class, to be found without a lock. One that is replaced is not let go of
/// here: the one after it holds it, as another thread may be in it.
@safe final class LatestPlace: Sendable {
    // SAFETY: an object that this place holds, or none; what was put here once lives as long as this place.
    nonisolated(unsafe) private let latest = unsafe Atomic<UnsafeRawPointer?>(nil)

    deinit {
        // SAFETY: nobody else knows of it any more.
        if let held = unsafe latest.load(ordering: .acquiring) {
            unsafe Unmanaged<AnyObject>.fromOpaque(held).release()
        }
    }

    /// The latest object; `nil` where there was none yet. Always of one class.
    func found<Object: AnyObject>(_ type: Object.Type) -> Object? {
        unsafe latest.load(ordering: .acquiring).map { unsafe Unmanaged<Object>.fromOpaque($0).takeUnretainedValue() }
    }

    /// The same, for those who hold this place as long as they use the object.
    func borrowed<Object: AnyObject & Sendable>(_ type: Object.Type) -> Borrowed<Object>? {
        unsafe latest.load(ordering: .acquiring).map { unsafe Borrowed(Unmanaged<Object>.fromOpaque($0)) }
    }

    /// Puts another object here, which holds the one that it is made from. What another thread put here meanwhile is
    /// what the next one is made from.
    func replaced<Object: AnyObject & Sendable>(_ make: (Object?) -> Object) -> Object {
        while true {
            let before = unsafe latest.load(ordering: .acquiring)
            let made = make(unsafe before.map { unsafe Unmanaged<Object>.fromOpaque($0).takeUnretainedValue() })
            let held = unsafe Unmanaged.passRetained(made)
            let (isKept, _) = unsafe latest.compareExchange(
                expected: before, desired: UnsafeRawPointer(held.toOpaque()), ordering: .acquiringAndReleasing)
            guard isKept else {
                unsafe held.release()
                continue
            }
            // The new one holds it now.
            if let before = unsafe before { unsafe Unmanaged<Object>.fromOpaque(before).release() }
            return made
        }
    }
}
