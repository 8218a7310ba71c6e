import Glibc

/// SIGINT and SIGTERM, handled at a convenient time: work under way is finished first.
struct EndSignals {
    private let signals: sigset_t

    /// Blocks the signals from here on, in this thread and those it starts. The commands of hooks get them as usual.
    init() {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGINT)
        unsafe sigaddset(&signals, SIGTERM)
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        self.signals = signals
    }

    /// Whether a signal has come.
    var isPending: Bool {
        var pending = sigset_t()
        unsafe sigpending(&pending)
        return unsafe sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1
    }

    /// Waits this long for a signal. Returns whether one came.
    func wait(seconds: Int) -> Bool { wait(milliseconds: seconds * 1000) }

    /// Waits this long for a signal. Returns whether one came.
    func wait(milliseconds: Int) -> Bool {
        var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        var signals = signals
        while true {
            let signal = unsafe sigtimedwait(&signals, nil, &time)
            if signal > 0 { return true }
            if errno != EINTR { return false }
        }
    }
}
