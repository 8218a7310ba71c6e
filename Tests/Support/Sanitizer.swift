import Glibc

/// The checks that the tests run under.
public enum Sanitizer {
    /// ThreadSanitizer, which makes 16-byte swaps with a lock of one process: what processes share is not tested under it.
    public static let isThread = unsafe dlsym(nil, "__tsan_init") != nil
}
