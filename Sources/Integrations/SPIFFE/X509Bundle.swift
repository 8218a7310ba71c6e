#if SPIFFE
    public import AgentID
    internal import FoundationEssentials
    internal import StrictJSON
    internal import X509

    /// The authorities of X.509-SVIDs in one trust domain. Immutable: each is checked when it is read.
    public struct X509Bundle: Sendable {
        /// The longest document, in bytes, and the most keys in it.
        static let (longest, mostKeys) = (1 << 20, 64)

        /// Whose they are.
        public let trustDomain: TrustDomain
        /// The certificates, as DER.
        public let authorities: [[UInt8]]
        /// The number that grows with each change; `nil` where the publisher says none.
        public let sequence: Int?
        /// How often to look for a newer one, in seconds; `nil` where the publisher does not say.
        public let refreshHint: Int?

        /// A bundle of certificates, as DER; refuses all but authorities of the trust domain.
        public init(
            _ trustDomain: TrustDomain, authorities: [[UInt8]], sequence: Int? = nil, refreshHint: Int? = nil
        ) throws(AgentIDError) {
            guard authorities.count <= Self.mostKeys else {
                throw AgentIDError(.limit, name: "bundle", message: "a bundle has \(Self.mostKeys) keys at most")
            }
            for der in authorities {
                try CertificateRules.check(CertificateRules.read(der), isAuthorityOf: trustDomain)
            }
            (self.trustDomain, self.authorities) = (trustDomain, authorities)
            (self.sequence, self.refreshHint) = (sequence, refreshHint)
        }

        /// Reads a SPIFFE bundle, a JWKS; keys for other uses are passed over.
        public init(parsing json: [UInt8], of trustDomain: TrustDomain) throws(AgentIDError) {
            let document: JSON
            do { document = try JSON(parsing: json, limits: JSON.Limits(bytes: Self.longest)) } catch {
                throw Self.malformed("a bundle is not JSON without duplicate names: \(error)")
            }
            guard let keys = document.root["keys"], keys.kind == .array else {
                throw Self.malformed("a bundle has a list of keys")
            }
            var authorities: [[UInt8]] = []
            for (i, key) in keys.elements.enumerated() {
                guard key.kind == .object, i < Self.mostKeys else {
                    throw Self.malformed("keys[\(i)]: a bundle has \(Self.mostKeys) keys at most, each an object")
                }
                guard key["use"]?.equals("x509-svid") == true else { continue }
                guard let chain = key["x5c"], chain.kind == .array, case let chain = Array(chain.elements),
                    chain.count == 1,
                    let text = chain.first?.string, text.utf8.count <= 2 * CertificateRules.longest
                else { throw Self.malformed("keys[\(i)].x5c: a key for X.509-SVIDs has exactly one certificate") }
                guard let der = Data(base64Encoded: text) else {
                    throw Self.malformed("keys[\(i)].x5c: a certificate is base64 with padding")
                }
                authorities.append(Array(der))
            }
            try self.init(
                trustDomain, authorities: authorities, sequence: Self.number("spiffe_sequence", in: document.root),
                refreshHint: Self.number("spiffe_refresh_hint", in: document.root))
        }

        private static func number(_ name: String, in document: JSON.Value) throws(AgentIDError) -> Int? {
            guard let member = document[name] else { return nil }
            guard let number = member.int, number >= 0 else { throw malformed("\(name) is a whole number from 0") }
            return number
        }

        private static func malformed(_ message: String) -> AgentIDError {
            AgentIDError(.malformed, name: "bundle", message: message)
        }

        /// The SPIFFE bundle, for other trust domains: serve it over HTTPS.
        public func json() throws(AgentIDError) -> String {
            var keys: [JSONTree] = []
            for der in authorities {
                var members = try PublicJWK.members(of: CertificateRules.read(der).publicKey)
                members["use"] = "x509-svid"
                members["x5c"] = .array([.string(Data(der).base64EncodedString())])
                keys.append(.object(members))
            }
            var document: JSONTree.Members = ["keys": .array(keys)]
            if let sequence { document["spiffe_sequence"] = .int(sequence) }
            if let refreshHint { document["spiffe_refresh_hint"] = .int(refreshHint) }
            return JSONTree.object(document).text
        }

        /// The authorities as OpenSSL reads them: a file for `-CAfile`.
        public func pem() -> String { PEM.text(of: authorities) }

        /// The authorities one after the other, as the Workload API has them.
        public func der() -> [UInt8] { Array(authorities.joined()) }
    }
#endif
