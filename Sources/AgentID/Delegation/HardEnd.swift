/// The time when an agent ends for good, whatever is renewed before.
enum HardEnd {
    /// Refuses a hard end that cannot be kept.
    static func check(_ until: Int64?, under profile: Profile? = nil, now: Int64) throws(AgentIDError) {
        func refuse(_ code: AgentIDError.Code, _ message: String) -> AgentIDError {
            AgentIDError(code, name: "until", message: message, at: "options.until")
        }
        guard let until else { return }
        guard until > now else { throw refuse(.argument, "the end is in the past: give seconds since 1970") }
        guard until <= Limits.latestDate else { throw refuse(.argument, "an end is before the year 10000") }
        if let reviewBy = profile?.reviewBy, until > reviewBy {
            throw refuse(
                .limit,
                "the profile is due for review before that, and no grant is renewed past its review: "
                    + "the end is at most \(reviewBy)")
        }
    }
}
