internal import JOSE
internal import StrictJSON

/// Texts as an entry holds them: whole if short enough, otherwise their beginnings. The member `cut` then gives the
/// length of each text and the SHA-256 of the whole.
struct AuditCut {
    private var members: JSONTree.Members = [:]

    /// Returns the text, or as much of it as fits, in whole characters.
    mutating func fit(_ text: String, _ most: Int, as name: String) -> String {
        guard text.utf8.count > most else { return text }
        members[name] = ["bytes": .int(text.utf8.count), "sha256": .string(text.withUTF8Span { Self.hash($0) })]
        return text.prefix(bytes: most)
    }

    mutating func fit(optional text: String?, _ most: Int, as name: String) -> String? {
        text.map { fit($0, most, as: name) }
    }

    /// Records that `count` items were left out, with their hash as a JSON array.
    mutating func leaveOut(_ count: Int, of name: String, hash: String) {
        members[name] = ["count": .int(count), "sha256": .string(hash)]
    }

    /// `"cut":{…},`, or nothing.
    var member: [UInt8] { members.isEmpty ? [] : Array("\"cut\":".utf8) + tree.canonical() + Array(",".utf8) }

    var isEmpty: Bool { members.isEmpty }
    var tree: JSONTree { .object(members) }

    static func hash(_ bytes: Span<UInt8>) -> String { Base64URL.encode(Sodium.sha256(bytes)) }
}
