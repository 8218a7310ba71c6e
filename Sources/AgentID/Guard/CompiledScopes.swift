internal import Scopes

/// The scopes that were compiled last, to be shared by agents that may do the same. Bounded in number; as tokens are, in size.
struct CompiledScopes {
    private static var most: Int { 16 }
    private(set) var latest: [CompiledScope] = []

    /// A scope, compiled: one that was, where it was read from the same bytes.
    mutating func compiled(_ scope: Scope) -> CompiledScope {
        if let place = latest.firstIndex(where: { $0.hasSameSource(as: scope) }) {
            let found = latest.remove(at: place)
            latest.append(found)
            return found
        }
        let made = CompiledScope(scope)
        if made.isShareable {
            if latest.count == Self.most { latest.removeFirst() }
            latest.append(made)
        }
        return made
    }
}
