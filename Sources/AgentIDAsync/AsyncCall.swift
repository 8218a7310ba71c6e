internal import AgentID

/// A call into async code from one of the library's threads, which waits for it. Cancelling the task that asked does
/// not cancel this call: a secret that must be released is released.
struct AsyncCall<Result: Sendable>: Sendable {
    private let outcome = Monitor<Swift.Result<Result, any Error>?>(nil)
    private let task: Task<Void, Never>

    /// Never call this on a cooperative thread: `body` might wait for that very thread.
    init(_ body: @escaping @Sendable () async throws -> Result) {
        let outcome = outcome
        task = Task {
            let answer: Swift.Result<Result, any Error>
            do { answer = .success(try await body()) } catch { answer = .failure(error) }
            outcome.change { $0 = answer }
        }
    }

    /// The result of the call. After `milliseconds`, its task is cancelled and no longer waited for.
    func result(milliseconds: Int? = nil) throws -> Result {
        guard let answer = outcome.wait(milliseconds: milliseconds, { $0 }) else {
            task.cancel()
            throw AgentIDError(.state, name: "deadline", message: "the call took longer than it may")
        }
        return try answer.get()
    }
}
