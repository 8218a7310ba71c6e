/// The wait before a failed operation is tried again.
enum RetryDelay {
    /// The longest delay, in milliseconds. A time further ahead was told by a clock that was wrong, and has come.
    static let longest: Int64 = 300_000

    /// Half a second, doubled at each attempt up to five minutes, less up to a half at random, so that operations that
    /// failed together are not retried together.
    static func milliseconds(afterAttempts attempts: Int64) -> Int64 {
        let most = attempts < 11 ? min(500 << (max(attempts, 1) - 1), longest) : longest
        return Int64.random(in: most / 2...most)
    }
}
