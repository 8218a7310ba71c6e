internal import StrictJSON

/// The head of a log: its origin, size and root, as a signed note (C2SP tlog-checkpoint).
public struct Checkpoint: Sendable, Equatable {
    /// Where a log keeps its checkpoint.
    public static let path = "checkpoint"

    /// Which log it is.
    public var origin: String
    /// How many entries it has.
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

    /// Reads the text of a checkpoint; lines after the third may follow and say nothing to us.
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

    /// The checkpoint in a note that `key` signed, where its origin is the key's name.
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

    /// Whether both are one head of one log, whose origin is the same to the byte.
    public static func == (one: Checkpoint, other: Checkpoint) -> Bool {
        one.origin.isSame(as: other.origin) && one.size == other.size && one.root == other.root
    }

    /// Digits without a leading zero, at most 2^63 - 1.
    private static func decimal(_ digits: some Collection<UInt8>) -> UInt64? {
        guard let first = digits.first, digits.count <= 19, digits.count == 1 || first != UInt8(ascii: "0"),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        let value = digits.reduce(UInt64(0)) { $0 &* 10 &+ UInt64($1 - UInt8(ascii: "0")) }
        return value <= TreeSize.largest ? value : nil
    }
}
