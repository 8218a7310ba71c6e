#if SPIFFE
    internal import AgentID
    internal import Crypto
    internal import CryptoExtras
    internal import FoundationEssentials
    internal import SwiftASN1
    internal import X509

    /// A private key as it is kept: PKCS #8, sealed where there is a passphrase (RFC 8018: PBES2 of PBKDF2 with HMAC-SHA-256
    /// and AES-256-CBC, which is what OpenSSL and Python's cryptography write).
    enum SealedKey {
        private static let sealedType = "ENCRYPTED PRIVATE KEY"
        private static let rounds = 600_000
        /// The most that are computed for what is read.
        private static let mostRounds = 10_000_000

        /// The key in a document.
        static func open(_ document: PEMDocument, _ passphrase: Passphrase?) throws(AgentIDError)
            -> Certificate.PrivateKey
        {
            guard document.discriminator == sealedType else {
                guard passphrase == nil else {
                    throw AgentIDError(
                        .passphrase, name: "passphrase_unused",
                        message: "the passphrase protects nothing: the issuer's key is not sealed. Leave it out")
                }
                return try readingX509("the issuer's key cannot be read", name: "issuer_file") {
                    try Certificate.PrivateKey(pemDocument: document)
                }
            }
            guard let passphrase else {
                throw AgentIDError(
                    .passphrase, name: "passphrase_missing", message: "the issuer's key is sealed: give its passphrase")
            }
            let sealed = try readingX509("the issuer's sealed key cannot be read", name: "issuer_file") {
                try EncryptedPrivateKeyInfo(derEncoded: document.derBytes)
            }
            do {
                let key = try key(from: passphrase, salt: sealed.salt, rounds: sealed.rounds)
                let opened = try AES._CBC.decrypt(sealed.bytes, using: key, iv: AES._CBC.IV(ivBytes: sealed.iv))
                return try Certificate.PrivateKey(derBytes: Array(opened))
            } catch {
                throw AgentIDError(
                    .passphrase, name: "passphrase_wrong", message: "the passphrase does not open the issuer's key")
            }
        }

        /// A key as it is written.
        static func document(
            of key: Certificate.PrivateKey, _ passphrase: Passphrase?
        ) throws(AgentIDError) -> PEMDocument {
            try readingX509("the issuer's key cannot be written") {
                let open = try key.serializeAsPEM()
                guard let passphrase else { return open }
                let salt = Array(AES._CBC.IV())  // 16 random bytes
                let iv = AES._CBC.IV()
                let bytes = try AES._CBC.encrypt(
                    open.derBytes, using: try Self.key(from: passphrase, salt: salt, rounds: rounds), iv: iv)
                let sealed = EncryptedPrivateKeyInfo(
                    salt: salt, rounds: rounds, iv: Array(iv), bytes: Array(bytes))
                var serializer = DER.Serializer()
                try serializer.serialize(sealed)
                return PEMDocument(type: sealedType, derBytes: serializer.serializedBytes)
            }
        }

        private static func key(from passphrase: Passphrase, salt: [UInt8], rounds: Int) throws -> SymmetricKey {
            guard (1...mostRounds).contains(rounds) else {
                throw AgentIDError(
                    .limit, name: "issuer_file", message: "a sealed key wants \(mostRounds) rounds at most")
            }
            return try unsafe passphrase.bytes.withUnsafeBytes { secret in
                Result {
                    try unsafe KDF.Insecure.PBKDF2.deriveKey(
                        from: UnsafeRawBufferPointer(secret), salt: salt, using: .sha256, outputByteCount: 32,
                        unsafeUncheckedRounds: rounds)
                }
            }.get()
        }
    }
#endif
