#if SPIFFE
    internal import AgentID
    internal import Crypto
    internal import CryptoExtras
    internal import JOSE
    internal import StrictJSON
    internal import X509

    /// A certificate's public key as a JWK (RFC 7517, RFC 8037).
    enum PublicJWK {
        static func members(of key: Certificate.PublicKey) throws(AgentIDError) -> JSONTree.Members {
            if let key = Curve25519.Signing.PublicKey(key) {
                return ["kty": "OKP", "crv": "Ed25519", "x": text(key.rawRepresentation)]
            }
            if let key = P256.Signing.PublicKey(key) { return elliptic("P-256", key.rawRepresentation) }
            if let key = P384.Signing.PublicKey(key) { return elliptic("P-384", key.rawRepresentation) }
            if let key = P521.Signing.PublicKey(key) { return elliptic("P-521", key.rawRepresentation) }
            guard let key = _RSA.Signing.PublicKey(key), let numbers = try? key.getKeyPrimitives() else {
                throw AgentIDError(
                    .malformed, name: "weak_key", message: "the key of an authority is of no kind used here")
            }
            return ["kty": "RSA", "n": text(numbers.modulus), "e": text(numbers.publicExponent)]
        }

        /// Both coordinates, one after the other.
        private static func elliptic(_ curve: String, _ point: some Collection<UInt8>) -> JSONTree.Members {
            let half = point.count / 2
            return ["kty": "EC", "crv": .string(curve), "x": text(point.prefix(half)), "y": text(point.suffix(half))]
        }

        private static func text(_ bytes: some Collection<UInt8>) -> JSONTree {
            .string(Base64URL.encode(Array(bytes)))
        }
    }
#endif
