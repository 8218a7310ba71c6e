#if SPIFFE
    public import AgentID
    internal import Crypto
    internal import SwiftASN1
    internal import X509

    /// An X.509-SVID of an agent, with its key: what a TLS endpoint shows and signs with. Immutable.
    public struct X509SVID: Sendable, CustomStringConvertible {
        /// The agent's ID, the only URI of the leaf.
        public let spiffeID: SPIFFEID
        /// The leaf, then its intermediates, as DER.
        public let certificates: [[UInt8]]
        /// From when it is valid, in seconds since 1970.
        public let notBefore: Int64
        /// Until when it is valid, in seconds since 1970.
        public let notAfter: Int64
        /// The hash of the agent's public key when this was issued, as the leaf's subject has it: the thumbprint of RFC 7638
        /// in hexadecimal digits.
        public let holder: String
        private let key: Curve25519.Signing.PrivateKey

        init(
            _ spiffeID: SPIFFEID, _ certificates: [[UInt8]], key: Curve25519.Signing.PrivateKey, holder: String,
            notBefore: Int64, notAfter: Int64
        ) {
            (self.spiffeID, self.certificates, self.key, self.holder) = (spiffeID, certificates, key, holder)
            (self.notBefore, self.notAfter) = (notBefore, notAfter)
        }

        /// The agent's ID, and until when it is valid: never the key.
        public var description: String { "X.509-SVID of \(spiffeID) until \(notAfter)" }

        /// Half of its life: from then on a new one is wanted, in seconds since 1970.
        public var rotatesAt: Int64 { (notBefore + LeafTerms.skew + notAfter) / 2 }

        /// The private key, as PKCS #8 in DER, not sealed.
        public func keyDER() throws(AgentIDError) -> [UInt8] {
            try readingX509("the key cannot be written") { try Certificate.PrivateKey(key).serializeAsPEM().derBytes }
        }

        /// The certificates, leaf first, as OpenSSL reads them.
        public func pem() -> String { PEM.text(of: certificates) }
    }

    enum PEM {
        /// Certificates as DER, one after the other.
        static func text(of certificates: [[UInt8]]) -> String {
            certificates.map { PEMDocument(type: "CERTIFICATE", derBytes: $0).pemString + "\n" }.joined()
        }
    }
#endif
