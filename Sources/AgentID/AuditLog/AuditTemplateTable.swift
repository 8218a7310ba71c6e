/// The positions of a segment's templates, as far as its owner remembers them.
struct AuditTemplateTable {
    /// A chain at a guard, of this process.
    struct Key: Equatable {
        let chain: UInt64
        let mark: UInt64

        init(_ context: AuditContext, _ mark: AuditMark) { (chain, self.mark) = (context.number, mark.number) }
    }

    private var slots = [(key: Key, position: Int)?](repeating: nil, count: 1024)

    /// The distance that a template serves, in bytes: if it is damaged, only the facts within it are lost.
    private static let reach = 256 << 10

    /// The position of a key's template, if it is near enough to `position`.
    func position(of key: Key, before position: Int) -> Int? {
        guard let slot = slots[index(key)], slot.key == key, position - slot.position <= Self.reach else { return nil }
        return slot.position
    }

    mutating func remember(_ key: Key, at position: Int) { slots[index(key)] = (key, position) }

    mutating func removeAll() { self = AuditTemplateTable() }

    private func index(_ key: Key) -> Int { Int(truncatingIfNeeded: key.chain) & (slots.count - 1) }
}
