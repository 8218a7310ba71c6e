internal import AgentID

/// The library's own threads for calls that wait for a disk, a lock, a hook or a provider, so that Swift's few
/// cooperative threads never do.
///
/// A thread is started when a call finds none idle, up to a limit, and ends after some idle seconds. Calls beyond the
/// limit wait their turn, without a thread. Not for a child after `fork()`.
package final class WaitingThreads: TaskExecutor {
    /// As many as Dispatch allows itself.
    static let shared = WaitingThreads(most: 64)
    /// For what takes authority away: it must not queue behind what hangs.
    static let ending = WaitingThreads(most: 16)
    /// For calls that wait for a provider, which may itself call the library.
    static let secrets = WaitingThreads(most: 64)

    private struct State {
        /// Jobs in the order they came, the first one last; and those that came since.
        var leaving: [UnownedJob] = []
        var arriving: [UnownedJob] = []
        var threads = 0
        var idle = 0

        mutating func next() -> UnownedJob? {
            if leaving.isEmpty { (leaving, arriving) = (arriving.reversed(), []) }
            return leaving.popLast()
        }
    }

    private let most: Int
    private let idleMilliseconds: Int
    private let state = Monitor(State())

    init(most: Int, idleMilliseconds: Int = 5000) { (self.most, self.idleMilliseconds) = (most, idleMilliseconds) }

    /// The number of threads.
    var count: Int { state.change { $0.threads } }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let needsThread = state.change { state in
            state.arriving.append(job)
            let isCovered = state.leaving.count + state.arriving.count <= state.idle || state.threads == most
            if !isCovered { state.threads += 1 }
            return !isCovered
        }
        guard needsThread else { return }
        do throws(AgentIDError) {
            try BackgroundThread.start(name: "agentid-wait") { [self] _ in run() }.abandon()
        } catch {
            // The machine has no thread left: the caller waits itself.
            run()
        }
    }

    private func run() {
        while let job = next() { unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    /// The next job; `nil` if none came for a while: the thread is then to end.
    private func next() -> UnownedJob? {
        var isIdle = false
        func take(_ state: inout State) -> UnownedJob? {
            guard let job = state.next() else { return nil }
            if isIdle { state.idle -= 1 }
            return job
        }
        let job = state.wait(milliseconds: idleMilliseconds) { state -> UnownedJob? in
            if let job = take(&state) { return job }
            if !isIdle { (isIdle, state.idle) = (true, state.idle + 1) }
            return nil
        }
        return job
            ?? state.change { state in
                if let job = take(&state) { return job }
                if isIdle { state.idle -= 1 }
                state.threads -= 1
                return nil
            }
    }

    /// Runs blocking code on one of the threads, even in a cancelled task. The caller's task suspends, and its
    /// task-local values are visible.
    @concurrent package static func run<Result: Sendable, Failure>(
        on threads: WaitingThreads = .shared, _ body: () throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        try await withTaskExecutorPreference(threads) { () async throws(Failure) -> Result in try body() }
    }
}
