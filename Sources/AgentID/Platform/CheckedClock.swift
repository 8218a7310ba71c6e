/// The clock as the library reads it: every time enters here and is checked, so that arithmetic on it is safe.
struct CheckedClock: WallClock {
    /// The end of the year 9999, in milliseconds since 1970: adding any documented duration does not overflow.
    static let latest: Int64 = 253_402_300_799_999

    private let given: any WallClock
    /// Bounds the calls to a caller's clock.
    private let calls: BoundedCall?

    init(_ given: any WallClock) {
        let known = given as? CheckedClock
        self.given = known?.given ?? given
        calls = known == nil ? given is SystemClock ? nil : BoundedCall() : known?.calls
    }

    /// Whether it is the machine's own.
    var isMachine: Bool { calls == nil }

    /// The time, in milliseconds since 1970. Throws if the clock fails or returns a value that is not a time.
    func now() throws(AgentIDError) -> Int64 {
        let said = given.milliseconds
        guard said > 0, said <= Self.latest else { throw Self.refusal(of: said) }
        return said
    }

    /// The time for work that must go on even if the clock fails or hangs, such as an end or a revocation: then the
    /// machine's time.
    var milliseconds: Int64 {
        let said: Int64
        if let calls {
            let given = given
            said = calls.run(within: Self.patience) { given.milliseconds } ?? .min
        } else {
            said = given.milliseconds
        }
        if said > 0, said <= Self.latest { return said }
        return min(max(SystemClock().milliseconds, 1), Self.latest)
    }

    /// The longest wait for a caller's clock, in milliseconds.
    private static let patience = 1000

    private static func refusal(of said: Int64) -> AgentIDError {
        said == .min
            ? AgentIDError(
                .state, name: "clock_failed", message: "the clock cannot tell the time: its callback failed",
                at: "clock")
            : AgentIDError(
                .state, name: "clock_invalid",
                message: "the clock says \(said) ms since 1970, which is not within the years 1970 to 9999", at: "clock"
            )
    }
}
