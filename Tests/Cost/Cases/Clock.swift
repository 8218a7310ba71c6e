internal import Glibc

/// What the calling thread has spent on a processor, in nanoseconds: what other processes do does not count.
package func processorTime() -> Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// The least of some runs.
package func cost(runs: Int, of operation: () -> Void) -> Int {
    var least = Int.max
    for _ in 0..<runs {
        let start = processorTime()
        operation()
        least = min(least, processorTime() - start)
    }
    return least
}
