#if SPIFFE
    internal import AgentID
    internal import Crypto
    internal import CryptoExtras
    internal import StrictJSON
    internal import SwiftASN1
    internal import X509

    /// Calls swift-certificates, whose errors are of its own kinds.
    func readingX509<Result>(
        _ message: String, name: String = "certificate", _ body: () throws -> Result
    ) throws(AgentIDError) -> Result {
        do { return try body() } catch let error as AgentIDError { throw error } catch {
            throw AgentIDError(.malformed, name: name, message: "\(message): \(error)")
        }
    }

    extension Certificate {
        func der() throws(AgentIDError) -> [UInt8] {
            try readingX509("the certificate cannot be written") { try serializeAsPEM().derBytes }
        }
    }

    /// The X509-SVID standard's rules for the certificates of authorities.
    enum CertificateRules {
        static let longest = 16 * 1024

        /// A certificate whose every critical extension is understood, and whose key is of a kind and size that holds.
        static func read(_ der: [UInt8]) throws(AgentIDError) -> Certificate {
            guard der.count <= longest else {
                throw AgentIDError(
                    .limit, name: "certificate",
                    message: "a certificate has \(longest) bytes at most, this one \(der.count)")
            }
            let certificate = try readingX509("the certificate cannot be read") { try Certificate(derEncoded: der) }
            for item in certificate.extensions where item.critical && !understood.contains(item.oid) {
                throw AgentIDError(
                    .malformed, name: "certificate",
                    message: "the extension \(item.oid) is critical, and not understood")
            }
            let key = certificate.publicKey
            let isStrong =
                Curve25519.Signing.PublicKey(key) != nil || P256.Signing.PublicKey(key) != nil
                || P384.Signing.PublicKey(key) != nil || P521.Signing.PublicKey(key) != nil
                || (_RSA.Signing.PublicKey(key).map { (2048...8192).contains($0.keySizeInBits) } ?? false)
            guard isStrong else {
                throw AgentIDError(
                    .malformed, name: "weak_key",
                    message: "keys are Ed25519, ECDSA on P-256, P-384 or P-521, or RSA of 2,048 to 8,192 bits")
            }
            return certificate
        }

        /// Refuses a certificate that may not sign others in a trust domain.
        static func check(_ certificate: Certificate, isAuthorityOf domain: TrustDomain) throws(AgentIDError) {
            let extensions = certificate.extensions
            let (basic, usage, names) = try readingX509("an extension cannot be read") {
                (try extensions.basicConstraints, try extensions.keyUsage, try extensions.subjectAlternativeNames)
            }
            guard case .isCertificateAuthority? = basic, usage?.keyCertSign == true else {
                throw AgentIDError(
                    .malformed, name: "not_an_authority",
                    message: "a certificate that signs others is an authority whose key signs certificates")
            }
            // X509-SVID, 4.1: an authority's own ID, where it has one, is its trust domain's.
            for case .uniformResourceIdentifier(let uri) in names ?? SubjectAlternativeNames()
            where !uri.isSame(as: domain.issuer) {
                throw AgentIDError(
                    .malformed, name: "foreign_domain",
                    message: "an authority's own ID is that of its trust domain, \(domain)")
            }
        }

        private static let understood: Set<ASN1ObjectIdentifier> = [
            .X509ExtensionID.basicConstraints, .X509ExtensionID.keyUsage, .X509ExtensionID.extendedKeyUsage,
            .X509ExtensionID.subjectAlternativeName, .X509ExtensionID.nameConstraints,
            .X509ExtensionID.subjectKeyIdentifier, .X509ExtensionID.authorityKeyIdentifier,
        ]
    }
#endif
