#if SPIFFE
    public import AgentID
    internal import AgentIDAsync
    internal import Crypto
    internal import JOSE
    internal import StrictJSON
    internal import X509

    /// Issues X.509-SVIDs to the agents of an authority in this process. Safe to use from any thread.
    ///
    /// A holder of its key speaks for every agent of the trust domain towards all that trust its bundle; it is never the key that
    /// signs grants. It asks the authority before it signs. An agent whose grants are for guards by name gets an SVID where its
    /// trust domain's URI is among these names. Its calls wait for the disk on the library's own threads.
    public final class SVIDIssuer: Sendable {
        /// The trust domain, which is the authority's.
        public let trustDomain: TrustDomain
        private let guardian: Guard
        private let store: IssuerStore
        private let clock: any WallClock

        private init(_ domain: TrustDomain, _ guardian: Guard, _ store: IssuerStore, _ clock: any WallClock) {
            (trustDomain, self.guardian, self.store, self.clock) = (domain, guardian, store, clock)
        }

        /// Opens the issuer kept in a directory of its own, or makes it; the same directory as Python's
        /// `libagentid.spiffe.Issuer` has, at the same time too.
        ///
        /// - Parameters:
        ///   - directory: Its key is in the file `x509.json` there, which only its owner reads (0600).
        ///   - passphrase: Seals that key (PKCS #8, PBES2).
        ///   - lifetime: Of its certificate where that is made now, in seconds; rotate it before.
        ///   - clock: Tells when certificates begin and end.
        /// - Throws: `other_trust_domain` for another authority's directory, `issuer_file` for a damaged one; errors of files and
        ///   of passphrases.
        public static func open(
            _ authority: Authority, directory: String, passphrase: Passphrase? = nil, lifetime: Int64 = 90 * 86_400,
            clock: any WallClock = SystemClock()
        ) async throws(AgentIDError) -> SVIDIssuer {
            try await WaitingThreads.run { () throws(AgentIDError) in
                let domain = authority.trustDomain
                var options = Guard.Options()
                options.audience = domain.issuer
                let guardian = try authority.guarding(options)
                let store = try IssuerStore(directory, of: domain, passphrase)
                try store.open { () throws(AgentIDError) in
                    let first = try CertificateSigner.make(for: domain, at: seconds(of: clock), lifetime: lifetime)
                    return IssuerState(signers: [first], active: 0, sequence: 1)
                }
                return SVIDIssuer(domain, guardian, store, clock)
            }
        }

        /// The public certificates, for those who verify: what signs now, what will, and what did as long as it is valid.
        public func bundle() async throws(AgentIDError) -> X509Bundle {
            try await WaitingThreads.run { () throws(AgentIDError) in
                let (state, now) = (try store.state(), try Self.seconds(of: clock))
                var authorities: [[UInt8]] = []
                for signer in state.signers where signer.expires > now {
                    try authorities.append(signer.certificate.der())
                }
                return try X509Bundle(trustDomain, authorities: authorities, sequence: state.sequence, refreshHint: 60)
            }
        }

        /// An X.509-SVID for an agent that acts now, with a new Ed25519 key; no longer than its grant, its credential and the
        /// issuer's own certificate.
        ///
        /// - Parameter lifetime: A shorter one, in seconds.
        /// - Throws: `denied` for an agent that is suspended, parked or revoked, `failed` for one that has ended or was closed;
        ///   `expired` where nothing is left of its time.
        public func issue(_ agent: Agent, lifetime: Int64? = nil) async throws(NoSVID) -> X509SVID {
            let state = try await failing { () async throws(AgentIDError) in
                try await WaitingThreads.run { () throws(AgentIDError) in try store.state() }
            }
            // After all that waits: what was revoked until now is seen.
            let (id, end) = try check(agent)
            return try failing { () throws(AgentIDError) in try issue(to: id, until: end, state, agent, lifetime) }
        }

        private func issue(
            to id: SPIFFEID, until end: Int64, _ state: IssuerState, _ agent: Agent, _ lifetime: Int64?
        ) throws(AgentIDError) -> X509SVID {
            guard lifetime ?? 1 > 0 else {
                throw AgentIDError(
                    .argument, name: "lifetime", message: "a lifetime is a second at least", at: "lifetime")
            }
            let now = try Self.seconds(of: clock)
            var end = min(end, state.signer.expires)
            if let lifetime { end = min(end, now.addingReportingOverflow(lifetime).overflow ? end : now + lifetime) }
            guard end > now else {
                throw AgentIDError(
                    .state, name: "expired",
                    message: "the credential, or the issuer's own certificate, ends now: nothing can be issued under it"
                )
            }
            let key = Curve25519.Signing.PrivateKey()
            let terms = LeafTerms(
                agent: id, holder: try LeafTerms.holder(of: agent.publicKey()), notBefore: now - LeafTerms.skew,
                notAfter: end)
            let der = try readingX509("the certificate cannot be made") {
                try state.signer.leaf(terms, key: Certificate.PublicKey(key.publicKey)).der()
            }
            return X509SVID(
                id, [der], key: key, holder: terms.holder, notBefore: terms.notBefore, notAfter: terms.notAfter)
        }

        /// The ID of an agent that the authority lets act now, and the end of its grant and credential, in seconds since 1970. In
        /// memory.
        @discardableResult func check(_ agent: Agent) throws(NoSVID) -> (SPIFFEID, until: Int64) {
            let (chain, credential, id) = try failing { () throws(AgentIDError) in
                (try agent.chain(), try agent.credential(), try SPIFFEID(agent.id()))
            }
            let admitted: Admission
            do throws(Denial) {
                admitted = try guardian.admit(chain: Array(chain.utf8), credentials: Array((credential ?? "").utf8))
            } catch { throw .denied(error) }
            guard admitted.agent.isSame(as: id.description), id.trustDomain == trustDomain else {
                throw .failed(
                    AgentIDError(
                        .state, name: "foreign_domain",
                        message: "only agents of \(trustDomain) get SVIDs here, under the ID that their chain has"))
            }
            guard let credential else { return (id, admitted.expires) }
            let expires = try? CompactJWS(Array(credential.utf8)).payload().root["exp"]?.int
            return (id, min(admitted.expires, Int64(expires ?? 0)))
        }

        /// Adds the next authority to the bundle. It signs from ``activateAuthority()`` on: wait until all verifiers have the
        /// bundle.
        ///
        /// - Parameter lifetime: Of its certificate, in seconds.
        public func publishAuthority(lifetime: Int64 = 90 * 86_400) async throws(AgentIDError) {
            try await WaitingThreads.run { () throws(AgentIDError) in
                let now = try Self.seconds(of: clock)
                try store.change { state throws(AgentIDError) in
                    try state.publishing(.make(for: trustDomain, at: now, lifetime: lifetime), at: now)
                }
            }
        }

        /// Signs with the published authority from now on. The former one stays in the bundle until it expires.
        public func activateAuthority() async throws(AgentIDError) {
            try await WaitingThreads.run { () throws(AgentIDError) in
                try store.change { state throws(AgentIDError) in try state.activated() }
            }
        }

        static func seconds(of clock: any WallClock) throws(AgentIDError) -> Int64 {
            let now = clock.milliseconds
            // The years 1970 to 9999.
            guard (0..<253_402_300_800_000).contains(now) else {
                throw AgentIDError(.state, name: "clock_invalid", message: "the clock does not tell the time")
            }
            return now / 1000
        }
    }

    private func failing<Result>(_ body: () throws(AgentIDError) -> Result) throws(NoSVID) -> Result {
        do throws(AgentIDError) { return try body() } catch { throw .failed(error) }
    }

    private func failing<Result>(_ body: () async throws(AgentIDError) -> Result) async throws(NoSVID) -> Result {
        do throws(AgentIDError) { return try await body() } catch { throw .failed(error) }
    }
#endif
