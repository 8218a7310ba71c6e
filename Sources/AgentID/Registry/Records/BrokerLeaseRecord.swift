package import StrictJSON

/// A secret that a broker holds for an agent. Times in milliseconds since 1970.
package struct BrokerLeaseRecord: Sendable, Equatable {
    /// `acquiring` before the provider is asked, so that a crash leaves a record.
    package enum State: String, Sendable { case acquiring, held, releasing }

    @Exact package var id: String
    @Exact package var agent: String
    @Exact package var provider: String
    @Exact package var resource: String
    /// The command that releases it if no such provider is registered: a program and its arguments, or nothing.
    @Exact package var releaseCommand: [String]
    package var acquired: Int64
    package var expires: Int64
    /// Its end by the machine's steady clock; without a boot's name, no clock knows it.
    package var runsUntil = SteadyTime(boot: "", milliseconds: 0)
    package var state: State
    package var attempts: Int64 = 0
    /// The time of the next attempt to release it.
    package var nextAt: Int64 = 0
    /// The error of the last release.
    @Exact package var error: String?

    package init(
        id: String, agent: String, provider: String, resource: String, releaseCommand: [String] = [], acquired: Int64,
        expires: Int64, state: State
    ) {
        (self.id, self.agent, self.provider, self.resource) = (id, agent, provider, resource)
        self.releaseCommand = releaseCommand
        (self.acquired, self.expires, self.state) = (acquired, expires, state)
    }

    /// Whether the next attempt to release it is due. A time further ahead than any that is ever set was told by a clock
    /// that was wrong: it is due then.
    package func isDue(at now: Int64) -> Bool { nextAt <= now || nextAt &- RetryDelay.longest > now }

    /// Whether it is to be released. In the boot that it was made in the steady clock decides: a clock that is wrong for a
    /// moment returns no secret that is in use, and keeps none.
    package func isOver(at now: Int64, _ steady: SteadyTime) -> Bool {
        guard state != .releasing else { return true }
        let isKnown = !steady.boot.isEmpty && runsUntil.boot.isSame(as: steady.boot)
        return isKnown ? runsUntil.milliseconds <= steady.milliseconds : expires <= now
    }
}
