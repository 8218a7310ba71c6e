package import JOSE

/// The passphrase that seals the signing keys of a directory: in guarded memory from its input on, wiped with the last
/// reference. An authority holds one until it is closed: keys that it makes, or that another process rotates to, need
/// it.
public struct Passphrase: Sendable {
    /// The longest passphrase, in bytes.
    public static let longest = 4096

    package let bytes: GuardedBytes

    /// Copies 1 to 4096 bytes; the caller wipes its own.
    public init(_ secret: Span<UInt8>) throws(AgentIDError) {
        try unsafe self.init(count: secret.count) { memory in
            for i in secret.indices { unsafe memory[i] = secret[i] }
        }
    }

    /// Copies 1 to 4096 bytes; the caller wipes its own.
    public init(_ secret: [UInt8]) throws(AgentIDError) { try self.init(secret.span) }

    /// Fills guarded memory of `count` bytes in place.
    package init(count: Int, _ fill: (UnsafeMutableBufferPointer<UInt8>) -> Void) throws(AgentIDError) {
        guard count > 0 else {
            throw AgentIDError(
                .passphrase, name: "passphrase_missing", message: "the passphrase is empty", at: "options.passphrase")
        }
        guard count <= Self.longest else {
            throw AgentIDError(
                .limit, name: "passphrase", message: "a passphrase has at most \(Self.longest) bytes",
                at: "options.passphrase")
        }
        guard let bytes = GuardedBytes(count: count) else {
            throw AgentIDError(.limit, name: "guarded_memory", message: "no guarded memory for the passphrase")
        }
        unsafe bytes.withUnsafeMutableBytes { unsafe fill($0) }
        self.bytes = bytes
    }

    /// Refuses a passphrase that would protect nothing.
    static let unused = AgentIDError(
        .passphrase, name: "passphrase_unused",
        message:
            "the passphrase protects nothing: the keys are not sealed, or not stored. Leave it out, or seal stored keys "
            + "with `agentidctl keys seal`", at: "options.passphrase")
}
