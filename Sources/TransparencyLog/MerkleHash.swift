internal import JOSE
internal import StrictJSON

/// A node of the tree: a SHA-256 hash (RFC 6962 section 2.1).
public struct MerkleHash: Sendable, Equatable {
    /// The hash's length in bytes.
    public static let count = 32

    private let storage: InlineArray<32, UInt8>

    private init(storage: InlineArray<32, UInt8>) { self.storage = storage }

    /// The hash with these 32 bytes; `nil` for any other count.
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count == Self.count else { return nil }
        var storage = InlineArray<32, UInt8>(repeating: 0)
        var copy = storage.mutableSpan
        unsafe copy.withUnsafeMutableBufferPointer { copy in
            unsafe bytes.withUnsafeBufferPointer { bytes in _ = unsafe copy.update(fromContentsOf: bytes) }
        }
        self.storage = storage
    }

    /// The hash with these 32 bytes; `nil` for any other count.
    public init?(_ bytes: [UInt8]) { self.init(bytes.span) }

    /// The bytes.
    public var bytes: [UInt8] { unsafe storage.span.withUnsafeBufferPointer { unsafe Array($0) } }

    /// The bytes in base64, as written in checkpoints and proofs.
    public var base64: String { Base64.encode(bytes) }

    /// Appends the bytes to `output`.
    public func append(to output: inout [UInt8]) {
        unsafe storage.span.withUnsafeBufferPointer { unsafe output.append(contentsOf: $0) }
    }

    /// The root of the empty tree.
    public static let empty = MerkleHash(storage: Sodium.sha256(of: nil, Span()))

    /// The hash of an entry.
    public static func leaf(_ entry: Span<UInt8>) -> MerkleHash {
        MerkleHash(storage: Sodium.sha256(of: 0x00, entry))
    }

    /// The hash of an entry.
    public static func leaf(_ entry: [UInt8]) -> MerkleHash { leaf(entry.span) }

    /// The hash of the node above `left` and `right`.
    public static func node(_ left: MerkleHash, _ right: MerkleHash) -> MerkleHash {
        MerkleHash(storage: Sodium.sha256(of: 0x01, left.storage.span, right.storage.span))
    }

    /// Whether both are the same bytes.
    public static func == (left: MerkleHash, right: MerkleHash) -> Bool {
        left.storage.span.hasSameBytes(as: right.storage.span)
    }
}
