internal import JOSE

/// A chain named by its leaf: `sha-256=` and the SHA-256 of the leaf's signing input, base64url, as proofs name it
/// (`aat_hash`).
///
/// The leaf names its parent by `par_hash`, and so on to the root: the reference stands for every grant of the chain,
/// in 51 bytes. Nobody needs to sign it: a guard uses it only to find a chain that it has verified itself.
public enum ChainReference {
    /// The last character occurs in no JWS.
    private static let prefix = "sha-256="
    /// The offset of the hash.
    static let prefixLength = 8
    /// SHA-256 in base64url.
    private static let hashLength = 43

    /// The reference of a chain. The chain is read, not verified.
    ///
    /// - Parameter chain: Grants from the root to the leaf, joined by `~`.
    /// - Throws: `chain_too_long`, and for a fault in the leaf `jws`, `header` or `signature`.
    public static func of(_ chain: String) throws(AgentIDError) -> String { try of(Array(chain.utf8)) }

    /// The reference of a chain; as ``of(_:)-(String)``.
    public static func of(_ chain: [UInt8]) throws(AgentIDError) -> String {
        guard chain.count <= Limits.chainSize else {
            throw AgentIDError(.limit, name: "chain_too_long", message: "a chain has at most 256 KiB", at: "chain")
        }
        let start = chain.lastIndex(of: UInt8(ascii: "~")).map { $0 + 1 } ?? 0
        do throws(JOSEError) { return text(ofLeaf: try CompactJWS(Array(chain[start...])).signingInputHash) } catch {
            throw AgentIDError(error, at: "chain[\(chain.count { $0 == UInt8(ascii: "~") })]")
        }
    }

    static func text(ofLeaf hash: String) -> String { prefix + hash }

    /// Whether a text given as a chain is meant as a reference.
    static func isMeant(by chain: [UInt8]) -> Bool { chain.starts(with: prefix.utf8) }

    /// Refuses a text that cannot be the reference of a chain.
    static func check(_ reference: [UInt8]) throws(Denial) {
        let hash = reference.span.extracting(droppingFirst: prefixLength)
        do throws(JOSEError) {
            guard hash.count == hashLength else {
                throw JOSEError("base64url", "the hash has \(hash.count) characters")
            }
            _ = try Base64URL.decode(hash)
        } catch {
            let position = error.position.map { " at byte \(prefixLength + $0)" } ?? ""
            throw Denial(
                "token_malformed",
                "a chain's reference is \(prefix) and the \(hashLength) characters of base64url that aat_hash has: "
                    + error.message + position, at: "chain")
        }
    }
}
