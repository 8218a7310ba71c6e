internal import JOSE
internal import StrictJSON

/// A revocation in 16 bytes: the keyed hash of the name.
///
/// The secrets are this process's own, so that nobody can find names that crowd one place of a table, or two that are
/// taken for each other.
struct RevocationKey: Hashable, Sendable {
    /// Spread evenly over all numbers; places the key in a table.
    let head: UInt64
    let tail: UInt64

    /// One secret for each kind: the same name under two kinds is two keys.
    private static let secrets = Revocation.Kind.allCases.map { _ in Sodium.sipHashKey() }

    init(_ revocation: Revocation) {
        let secret = Self.secrets[Int(revocation.kind.rawValue)]
        let hash = revocation.value.withUTF8Span { Sodium.sipHash($0, key: secret) }
        self.init(head: hash.x, tail: hash.y)
    }

    /// All zeros means an empty slot, and is not a key.
    init(head: UInt64, tail: UInt64) {
        (self.head, self.tail) = (head, head == 0 && tail == 0 ? 1 : tail)
    }

    private init() { (head, tail) = (0, 0) }

    /// The content of an empty slot.
    static let none = RevocationKey()
}
