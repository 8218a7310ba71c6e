internal import AgentID

/// A call into async code from one of the library's threads, which waits for it. Whoever cancels the task that asked does
/// not cancel this: what is to be released is released.
struct AsyncCall<Result: Sendable>: Sendable {
    private let outcome = Monitor<Swift.Result<Result, any Error>?>(nil)
    private let task: Task<Void, Never>

    /// Never from a cooperative thread: `body` might wait for just that thread.
    init(_ body: @escaping @Sendable () async throws -> Result) {
        let outcome = outcome
        task = Task {
            let answer: Swift.Result<Result, any Error>
            do { answer = .success(try await body()) } catch { answer = .failure(error) }
            outcome.change { $0 = answer }
        }
    }

    /// What came of it; where `milliseconds` pass before, its task is cancelled and waited for no longer.
    func result(milliseconds: Int? = nil) throws -> Result {
        guard let answer = outcome.wait(milliseconds: milliseconds, { $0 }) else {
            task.cancel()
            throw AgentIDError(.state, name: "deadline", message: "the call took longer than it may")
        }
        return try answer.get()
    }
}
