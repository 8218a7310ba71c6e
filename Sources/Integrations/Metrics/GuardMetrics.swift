#if SwiftMetrics
    public import AgentID
    public import Metrics

    /// The decisions of a guard, as metrics: `agentid_decisions` (a counter by `outcome` and `reason`) and
    /// `agentid_decision_duration` (a timer). Safe to use from any thread.
    ///
    /// A reason comes from a fixed list, so there are few series. Names of agents, tools and principals do not become labels:
    /// there is no end to them, and the audit log has them.
    public struct GuardMetrics: Sendable {
        private let dimensions: [(String, String)]
        private let duration: Metrics.Timer
        private let factory: any MetricsFactory

        /// - Parameters:
        ///   - guardName: The value of the dimension `guard`, e.g. the guard's audience.
        ///   - factory: Makes the metrics.
        public init(guardName: String, factory: any MetricsFactory = MetricsSystem.factory) {
            dimensions = [("guard", guardName)]
            self.factory = factory
            duration = Metrics.Timer(label: "agentid_decision_duration", dimensions: dimensions, factory: factory)
        }

        /// Runs one decision, counts it and times it.
        ///
        ///     let decision = metrics.measure { guardian.check(chain: chain, proof: proof, tool: tool, arguments: arguments) }
        public func measure<E: Error>(_ decide: () throws(E) -> Decision) throws(E) -> Decision {
            let begun = ContinuousClock.now
            let decision = try decide()
            let took = (ContinuousClock.now - begun).components
            duration.recordNanoseconds(took.seconds * 1_000_000_000 + took.attoseconds / 1_000_000_000)
            count(decision)
            return decision
        }

        /// Counts a decision that was made elsewhere.
        public func count(_ decision: Decision) {
            let outcome = decision.isPermitted ? "permitted" : "denied"
            let reason = decision.denial?.reason.rawValue ?? "none"
            Counter(
                label: "agentid_decisions", dimensions: dimensions + [("outcome", outcome), ("reason", reason)],
                factory: factory
            )
            .increment()
        }
    }
#endif
