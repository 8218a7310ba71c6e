#if SPIFFE
    internal import AgentID
    internal import FoundationEssentials
    internal import X509

    /// An authority of X.509-SVIDs: its certificate, and its key.
    struct CertificateSigner: Sendable {
        let certificate: Certificate
        let key: Certificate.PrivateKey
        /// When its certificate ends, in seconds since 1970.
        var expires: Int64 { Int64(certificate.notValidAfter.timeIntervalSince1970) }
    }

    /// The state of an issuer: its signers, oldest first, which of them signs, and the bundle's sequence.
    struct IssuerState: Sendable {
        /// The most authorities that are valid at once.
        static let most = 8

        var signers: [CertificateSigner]
        var active: Int
        var sequence: Int

        /// The one that signs now.
        var signer: CertificateSigner { signers[active] }

        /// With the next authority in the bundle, which does not sign yet. Authorities that have expired leave.
        func publishing(_ next: CertificateSigner, at now: Int64) throws(AgentIDError) -> IssuerState {
            guard active == signers.count - 1 else {
                throw AgentIDError(
                    .state, name: "authority_published",
                    message: "the next authority is in the bundle already: activate it")
            }
            var kept = signers.filter { $0.expires > now }
            if kept.isEmpty { kept = signers.suffix(1) }
            guard kept.count < Self.most else {
                throw AgentIDError(
                    .limit, name: "bundle",
                    message: "\(Self.most) authorities are valid already: wait until one has expired")
            }
            return IssuerState(signers: kept + [next], active: kept.count - 1, sequence: sequence + 1)
        }

        /// With the published authority signing.
        func activated() throws(AgentIDError) -> IssuerState {
            guard active < signers.count - 1 else {
                throw AgentIDError(
                    .state, name: "authority_unpublished",
                    message: "no next authority is in the bundle: publish one first")
            }
            return IssuerState(signers: signers, active: signers.count - 1, sequence: sequence + 1)
        }
    }
#endif
