internal import StrictJSON

/// The head of a log: its origin, size and root, as a signed note (C2SP tlog-checkpoint).
public struct Checkpoint: Sendable, Equatable {
    /// The path of a log's checkpoint.
    public static let path = "checkpoint"

    /// The log's origin, which identifies it.
    public var origin: String
    /// The number of entries.
    public var size: UInt64
    /// The root of its tree.
    public var root: MerkleHash

    /// The head of a log.
    public init(origin: String, size: UInt64, root: MerkleHash) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// The text that is signed.
    public var text: String { "\(origin)\n\(size)\n\(Base64.encode(root.bytes))\n" }

    /// Reads the text of a checkpoint. Lines after the third are allowed and ignored.
    public init(text: String) throws(TransparencyLogError) {
        let malformed = TransparencyLogError("checkpoint", "a checkpoint is an origin, a size and a root, each a line")
        let bytes = Array(text.utf8)
        guard bytes.last == 0x0A else { throw malformed }
        let lines = bytes.dropLast().split(separator: 0x0A, omittingEmptySubsequences: false)
        guard lines.count >= 3, lines.allSatisfy({ !$0.isEmpty }), let size = Self.decimal(lines[1]),
            let root = Base64.decode(lines[2]).flatMap({ MerkleHash($0) })
        else { throw malformed }
        origin = String(decoding: lines[0], as: UTF8.self)
        self.size = size
        self.root = root
    }

    /// Reads the checkpoint in a note that `key` signed; its origin must be the key's name.
    public init(note: [UInt8], by key: NoteKey) throws(TransparencyLogError) {
        try self.init(text: SignedNote.open(note, by: key))
        guard Array(origin.utf8) == Array(key.name.utf8) else {
            throw TransparencyLogError("checkpoint_origin", "the checkpoint is another log's: \(origin)")
        }
    }

    /// The checkpoint as a note; `sign` returns the 64 bytes of an Ed25519 signature.
    public func signed<E: Error>(by key: NoteKey, _ sign: ([UInt8]) throws(E) -> [UInt8]) throws -> [UInt8] {
        try SignedNote.sign(text, as: key, sign)
    }

    /// Whether both are the same head of the same log; origins are compared by bytes.
    public static func == (one: Checkpoint, other: Checkpoint) -> Bool {
        one.origin.isSame(as: other.origin) && one.size == other.size && one.root == other.root
    }

    /// Reads digits without a leading zero, at most 2^63 - 1.
    private static func decimal(_ digits: some Collection<UInt8>) -> UInt64? {
        guard let first = digits.first, digits.count <= 19, digits.count == 1 || first != UInt8(ascii: "0"),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        let value = digits.reduce(UInt64(0)) { $0 &* 10 &+ UInt64($1 - UInt8(ascii: "0")) }
        return value <= TreeSize.largest ? value : nil
    }
}
