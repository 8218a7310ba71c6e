public import JOSE
internal import StrictJSON

/// The name and Ed25519 key of a signer of notes, written `name+hash+key` (C2SP signed-note).
public struct NoteKey: Hashable, Sendable, CustomStringConvertible {
    /// The name of the key; for a log, its origin.
    public let name: String
    /// The Ed25519 key.
    public let publicKey: PublicKey
    /// The first bytes of a hash over name and key; they precede each signature.
    public let identifier: UInt32

    private static let ed25519: UInt8 = 0x01

    /// A key with this name.
    public init(name: String, publicKey: PublicKey) throws(TransparencyLogError) {
        guard Self.isName(name) else {
            throw TransparencyLogError("note_key_name", "a key's name is not empty and has no space, control or plus")
        }
        self.name = name
        self.publicKey = publicKey
        let hashed = Array(name.utf8) + [0x0A, Self.ed25519] + publicKey.bytes
        identifier = Sodium.sha256(hashed.span).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Reads `name+hash+key`.
    public init(_ text: String) throws(TransparencyLogError) {
        let malformed = TransparencyLogError("note_key", "a note's key is written name+hash+key, for Ed25519")
        let parts = text.utf8.split(separator: UInt8(ascii: "+"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let encoded = Base64.decode(parts[2]), encoded.first == Self.ed25519,
            let publicKey = try? PublicKey(bytes: Array(encoded.dropFirst())), let name = String(parts[0])
        else { throw malformed }
        try self.init(name: name, publicKey: publicKey)
        guard parts[1].elementsEqual(hexadecimal.utf8) else {
            throw TransparencyLogError("note_key_hash", "the hash in the key's text is not that of its name and key")
        }
    }

    /// The key as `name+hash+key`.
    public var description: String {
        "\(name)+\(hexadecimal)+\(Base64.encode([Self.ed25519] + publicKey.bytes))"
    }

    private var hexadecimal: String {
        let digits = String(identifier, radix: 16)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }

    /// Whether both have the same key and the same name, byte for byte.
    public static func == (one: NoteKey, other: NoteKey) -> Bool {
        one.name.isSame(as: other.name) && one.publicKey == other.publicKey && one.identifier == other.identifier
    }

    /// Hashes name and key.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(name.exact)
        hasher.combine(publicKey)
    }

    static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "+" && !$0.properties.isWhitespace }
    }
}
