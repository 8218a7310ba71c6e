public import JOSE
internal import StrictJSON

/// Signs with an Ed25519 key that may be anywhere: in guarded memory, in an HSM, in a KMS.
public protocol Signer: Sendable {
    /// The key's public half.
    var publicKey: PublicKey { get }
    /// The signature over `message`, 64 bytes. It is verified before it is used.
    func sign(_ message: [UInt8]) throws -> [UInt8]
}

extension SigningKey: Signer {
    /// Signs; never throws.
    public func sign(_ message: [UInt8]) throws -> [UInt8] { sign(message.span) }
}

extension Signer {
    /// A token signed by this signer. Its signature is verified if the key is not ours.
    func token(type: String, keyID: String? = nil, payload: JSONTree) throws(AgentIDError) -> [UInt8] {
        try CompactJWS.make(type: type, keyID: keyID, payload: payload.canonical()) { input throws(AgentIDError) in
            if let key = self as? SigningKey { return key.sign(input) }
            var message: [UInt8] = []
            for i in input.indices { message.append(input[i]) }
            let signature: [UInt8]
            do { signature = try sign(message) } catch {
                throw AgentIDError(.signer, name: "signer_failed", message: "the signer failed: \(error)")
            }
            guard publicKey.verifies(signature.span, of: input) else {
                throw AgentIDError(
                    .signer, name: "signer_mismatch",
                    message: "the signer's signature does not verify under its public key")
            }
            return signature
        }
    }
}
