#if SPIFFE
    public import AgentID
    internal import JOSE
    internal import StrictJSON

    /// The X.509-SVIDs of one agent, one after the other. Safe to use from any thread; starts none.
    public final class SVIDSource: Sendable {
        /// The issuer that it asks.
        public let issuer: SVIDIssuer
        private let agent: Agent
        private let lifetime: Int64?
        private let clock: any WallClock
        private let present = Locked<X509SVID?>(nil)

        /// - Parameters:
        ///   - lifetime: Of each SVID, in seconds; by itself as long as the agent's credential, which is renewed while the agent
        ///     is held.
        ///   - clock: Tells when an SVID is to be replaced.
        public init(
            _ issuer: SVIDIssuer, _ agent: Agent, lifetime: Int64? = nil, clock: any WallClock = SystemClock()
        ) {
            (self.issuer, self.agent, self.lifetime, self.clock) = (issuer, agent, lifetime, clock)
        }

        /// The present SVID: a new one after half of its life, and after the agent's key was rotated.
        ///
        /// - Throws: `denied` or `failed` where the agent is suspended, parked, revoked or has ended, at this very moment.
        public func svid() async throws(NoSVID) -> X509SVID {
            if let found = present.withLock({ $0 }), try isFresh(found) {
                try issuer.check(agent)
                return found
            }
            // Two tasks may both issue one: either is valid.
            let made = try await issuer.issue(agent, lifetime: lifetime)
            present.withLock { $0 = made }
            return made
        }

        private func isFresh(_ svid: X509SVID) throws(NoSVID) -> Bool {
            do throws(AgentIDError) {
                let now = try SVIDIssuer.seconds(of: clock)
                // One of a clock that was ahead for a moment is not good yet.
                guard svid.notBefore <= now, now < svid.rotatesAt else { return false }
                return try LeafTerms.holder(of: agent.publicKey()).isSame(as: svid.holder)
            } catch { throw .failed(error) }
        }
    }
#endif
