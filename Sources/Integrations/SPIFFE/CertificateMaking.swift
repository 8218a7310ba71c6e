#if SPIFFE
    internal import AgentID
    internal import Crypto
    internal import FoundationEssentials
    internal import JOSE
    internal import SwiftASN1
    internal import X509

    extension CertificateSigner {
        /// A new authority that signs for its own trust domain alone, and no other authorities.
        ///
        /// - Parameters:
        ///   - now: In seconds since 1970.
        ///   - lifetime: In seconds.
        static func make(for domain: TrustDomain, at now: Int64, lifetime: Int64) throws(AgentIDError)
            -> CertificateSigner
        {
            guard (1...maxLifetime).contains(lifetime) else {
                throw AgentIDError(
                    .argument, name: "lifetime", message: "an authority's lifetime is 1 second to 10 years",
                    at: "lifetime")
            }
            return try readingX509("the authority's certificate cannot be made") {
                let key = Certificate.PrivateKey(Curve25519.Signing.PrivateKey())
                let subject = DistinguishedName([
                    RelativeDistinguishedName(
                        .init(type: .RDNAttributeType.organizationName, utf8String: String(domain.name.prefix(64))))
                ])
                var extensions = Certificate.Extensions()
                try extensions.append(.init(BasicConstraints.isCertificateAuthority(maxPathLength: 0), critical: true))
                try extensions.append(.init(KeyUsage(keyCertSign: true), critical: true))
                try extensions.append(.init(SubjectKeyIdentifier(hash: key.publicKey), critical: false))
                try extensions.append(
                    .init(SubjectAlternativeNames([.uniformResourceIdentifier(domain.issuer)]), critical: false))
                // A verifier may take such a name for an address, and those cannot be constrained.
                if !domain.name.utf8.allSatisfy({ $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0) }) {
                    let constraints = NameConstraints(
                        permittedSubtrees: [.uniformResourceIdentifier(domain.name)], excludedSubtrees: [])
                    try extensions.append(.init(constraints, critical: true))
                }
                return CertificateSigner(
                    certificate: try Certificate(
                        version: .v3, serialNumber: .init(), publicKey: key.publicKey,
                        notValidBefore: Date(timeIntervalSince1970: Double(now - LeafTerms.skew)),
                        notValidAfter: Date(timeIntervalSince1970: Double(now + lifetime)),
                        issuer: subject, subject: subject, extensions: extensions, issuerPrivateKey: key),
                    key: key)
            }
        }

        private static let maxLifetime: Int64 = 10 * 366 * 86_400

        /// An agent's leaf. It signs no others, and serves at both ends of a connection.
        func leaf(_ terms: LeafTerms, key: Certificate.PublicKey) throws -> Certificate {
            var extensions = Certificate.Extensions()
            try extensions.append(
                .init(SubjectAlternativeNames([.uniformResourceIdentifier(terms.agent.description)]), critical: false))
            try extensions.append(.init(BasicConstraints.notCertificateAuthority, critical: true))
            try extensions.append(.init(KeyUsage(digitalSignature: true), critical: true))
            try extensions.append(.init(ExtendedKeyUsage([.serverAuth, .clientAuth]), critical: false))
            try extensions.append(.init(SubjectKeyIdentifier(hash: key), critical: false))
            let own =
                try certificate.extensions.subjectKeyIdentifier ?? SubjectKeyIdentifier(hash: certificate.publicKey)
            try extensions.append(.init(AuthorityKeyIdentifier(keyIdentifier: own.keyIdentifier), critical: false))
            let subject = DistinguishedName([
                RelativeDistinguishedName(try .init(type: LeafTerms.serialNumber, printableString: terms.holder))
            ])
            return try Certificate(
                version: .v3, serialNumber: .init(), publicKey: key,
                notValidBefore: Date(timeIntervalSince1970: Double(terms.notBefore)),
                notValidAfter: Date(timeIntervalSince1970: Double(terms.notAfter)),
                issuer: certificate.subject, subject: subject, extensions: extensions, issuerPrivateKey: self.key)
        }
    }

    /// The terms of a leaf.
    struct LeafTerms {
        /// The time before now at which a certificate begins, in seconds: verifiers' clocks differ.
        static let skew: Int64 = 30
        /// The attribute of a subject that names the agent's signing key (X.520, 6.2.9).
        static let serialNumber: ASN1ObjectIdentifier = [2, 5, 4, 5]

        let agent: SPIFFEID
        let holder: String
        let notBefore: Int64
        let notAfter: Int64

        /// The RFC 7638 thumbprint of an agent's public key, in hexadecimal digits.
        static func holder(of key: PublicKey) throws(AgentIDError) -> String {
            guard let hash = try? Base64URL.decode(key.thumbprint) else {
                throw AgentIDError(.internal, name: "thumbprint", message: "a key's thumbprint is base64url")
            }
            return hash.map { hex($0) }.joined()
        }
    }
#endif
