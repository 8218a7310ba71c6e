package import JOSE

/// A secret, in memory that is not swapped out and is wiped when its last reference is released.
public final class Secret: Sendable {
    /// The longest secret, in bytes.
    public static let longest = 16_384

    private let memory: GuardedBytes
    private let count: Int
    var isEmpty: Bool { count == 0 }

    /// Copies a secret; the caller wipes the original. Refuses secrets longer than ``longest``.
    public init(_ bytes: Span<UInt8>) throws(AgentIDError) {
        guard bytes.count <= Self.longest else {
            throw AgentIDError(.limit, name: "secret", message: "a secret has at most \(Self.longest) bytes")
        }
        memory = try Self.memory(bytes.count)
        count = bytes.count
        unsafe memory.withUnsafeMutableBytes { buffer in
            for i in bytes.indices { unsafe buffer[i] = bytes[i] }
        }
    }

    /// The first bytes of guarded memory.
    package init(_ memory: GuardedBytes, count: Int) {
        (self.memory, self.count) = (memory, min(max(count, 0), memory.count))
    }

    /// Guarded memory for a secret of `count` bytes.
    package static func memory(_ count: Int) throws(AgentIDError) -> GuardedBytes {
        guard let memory = GuardedBytes(count: max(count, 1)) else {
            throw AgentIDError(.limit, name: "guarded_memory", message: "no guarded memory for a secret")
        }
        return memory
    }

    /// Calls `body` with the secret.
    public func withSpan<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        memory.withSpan { body($0.extracting(first: count)) }
    }
}
