internal import CProcess
internal import Glibc

/// A thread of the library's own. It has a name, blocks the host's signals, and is woken, stopped and joined by its
/// owner.
@safe package final class BackgroundThread: Sendable {
    private struct State {
        var isStopping = false
        var isWoken = false
        var isJoined = false
    }

    private let state = Monitor(State())
    private let mark = ForkMark()
    // SAFETY: written once by `start`, before the object is returned to anyone.
    nonisolated(unsafe) private var thread = pthread_t()

    private init() {}

    /// The state handed to the new thread.
    private final class Task: Sendable {
        let thread: BackgroundThread
        let name: String
        let body: @Sendable (BackgroundThread) -> Void
        init(_ thread: BackgroundThread, _ name: String, _ body: @escaping @Sendable (BackgroundThread) -> Void) {
            self.thread = thread
            self.name = name
            self.body = body
        }

        /// Sets the name that `top` and debuggers show. Swift does not import glibc's own call for it.
        func nameThread() {
            let file = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
            guard file >= 0 else { return }
            _ = unsafe name.withCString { unsafe write(file, $0, strlen($0)) }
            _ = close(file)
        }
    }

    /// Starts a thread that runs `body`, which asks ``wait(milliseconds:)`` whether to go on.
    ///
    /// `body` must not keep alive the object that stops the thread on release. The name has at most 15 bytes.
    package static func start(
        name: String, _ body: @escaping @Sendable (BackgroundThread) -> Void
    ) throws(AgentIDError) -> BackgroundThread {
        let background = BackgroundThread()
        let task = unsafe Unmanaged.passRetained(Task(background, name, body))
        // The host's signal handlers are to run on the host's threads: a thread inherits the mask of its maker.
        var (all, before) = (sigset_t(), sigset_t())
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
        let status = unsafe pthread_create(
            &background.thread, nil,
            { context in
                guard let context = unsafe context else { return nil }
                let task = unsafe Unmanaged<Task>.fromOpaque(context).takeRetainedValue()
                task.nameThread()
                task.body(task.thread)
                return nil
            }, task.toOpaque())
        unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
        guard status == 0 else {
            unsafe task.release()
            let reason = unsafe String(cString: strerror(status))
            throw AgentIDError(.internal, name: "thread", message: "cannot start the thread \(name): \(reason)")
        }
        return background
    }

    /// For the body: waits this long, or until woken. Returns `false` when the thread is to end.
    func wait(milliseconds: Int) -> Bool {
        let isStopping = state.wait(milliseconds: milliseconds) { state -> Bool? in
            guard state.isStopping || state.isWoken else { return nil }
            state.isWoken = false
            return state.isStopping
        }
        return !(isStopping ?? false)
    }

    /// Ends the body's wait at once.
    func wake() { state.change { $0.isWoken = true } }

    /// For the body: whether the thread is to end, without waiting.
    var isStopping: Bool { state.wait(milliseconds: 0) { $0.isStopping } ?? false }

    /// Tells the body to end and does not wait for it: for a body that calls foreign code. Idempotent.
    package func abandon() {
        guard !mark.isInChild else { return }
        let isFirst = state.change { state in
            defer { (state.isStopping, state.isJoined) = (true, true) }
            return !state.isStopping
        }
        if isFirst { unsafe pthread_detach(thread) }
    }

    /// Tells the body to end and waits until it has. Idempotent. Does nothing in a forked child, which has no such
    /// thread.
    func stop() {
        guard !mark.isInChild else { return }
        let isFirst = state.change { state in
            let isFirst = !state.isStopping
            state.isStopping = true
            return isFirst
        }
        guard isFirst else {
            _ = state.wait { $0.isJoined ? true : nil }
            return
        }
        if unsafe pthread_equal(thread, pthread_self()) != 0 {
            unsafe pthread_detach(thread)
        } else {
            unsafe pthread_join(thread, nil)
        }
        state.change { $0.isJoined = true }
    }
}
