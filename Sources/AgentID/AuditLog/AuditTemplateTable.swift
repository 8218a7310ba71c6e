/// Where the templates of a segment stand, as far as its owner remembers.
struct AuditTemplateTable {
    /// A chain at a guard, of this process.
    struct Key: Equatable {
        let chain: UInt64
        let mark: UInt64

        init(_ context: AuditContext, _ mark: AuditMark) { (chain, self.mark) = (context.number, mark.number) }
    }

    private var slots = [(key: Key, position: Int)?](repeating: nil, count: 1024)

    /// A template serves the facts of this many bytes after it: a damaged one then takes no more of them along.
    private static let reach = 256 << 10

    /// Where the template of a key stands, if it is near enough to `position`.
    func position(of key: Key, before position: Int) -> Int? {
        guard let slot = slots[index(key)], slot.key == key, position - slot.position <= Self.reach else { return nil }
        return slot.position
    }

    mutating func remember(_ key: Key, at position: Int) { slots[index(key)] = (key, position) }

    mutating func removeAll() { self = AuditTemplateTable() }

    private func index(_ key: Key) -> Int { Int(truncatingIfNeeded: key.chain) & (slots.count - 1) }
}
