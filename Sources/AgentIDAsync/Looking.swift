internal import AgentID

/// Waits for what people and hooks do, without a thread: for minutes or hours, from any number of tasks at once.
enum Looking {
    /// The milliseconds between two looks: more and more.
    private static let (first, longest): (Int64, Int64) = (10, 250)

    /// The answer of `look` once it is there, or the last one when the time is over, or the task cancelled.
    ///
    /// - Parameters:
    ///   - milliseconds: The longest wait; 0 or less: none.
    ///   - look: Waits for nothing.
    ///   - isOver: Whether that is the answer.
    static func `for`<Answer: Sendable>(
        milliseconds: Int64, _ look: () throws(AgentIDError) -> Answer, until isOver: (Answer) -> Bool
    ) async throws(AgentIDError) -> Answer {
        let end = ContinuousClock.now + .milliseconds(max(0, milliseconds))
        var pause = first
        while true {
            let answer = try await WaitingThreads.run(look)
            let left = end - ContinuousClock.now
            guard !isOver(answer), left > .zero, !Task.isCancelled else { return answer }
            try? await Task.sleep(for: min(left, .milliseconds(pause)))
            pause = min(2 * pause, longest)
        }
    }
}
