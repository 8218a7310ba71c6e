internal import Synchronization

/// Verified chains by the leaf's signature, and by their references. Bounded in entries and in bytes of memory.
///
/// There are two generations. A chain that is used moves to the younger one. When the younger one is full, the elder is
/// dropped whole: the least recently used chains go first, and nothing is searched for them.
///
/// The key is the start of the leaf's signature. Only verified chains get in, and nobody can choose the point R of a
/// signature that verifies. Nor can anybody choose what a SHA-256 starts with, which is the key of a reference.
struct ChainCache {
    typealias Key = SIMD2<UInt64>

    private struct Generation {
        var chains: [Key: VerifiedChain] = [:]
        /// The keys of its chains, by the start of the hash in their references.
        var referred: [Key: Key] = [:]
        var bytes = 0

        mutating func remove(_ key: Key) -> VerifiedChain? {
            guard let gone = chains.removeValue(forKey: key) else { return nil }
            bytes -= gone.size + gone.planned.load(ordering: .relaxed)
            // Another signature over the same leaf may have taken its place.
            if let name = ChainCache.name(of: gone), referred[name] == key { referred[name] = nil }
            return gone
        }

        mutating func insert(_ chain: VerifiedChain, _ key: Key) {
            _ = remove(key)
            chains[key] = chain
            if let name = ChainCache.name(of: chain) { referred[name] = key }
            bytes += chain.size + chain.planned.load(ordering: .relaxed)
        }
    }

    private let entriesPerGeneration: Int
    private let bytesPerGeneration: Int
    private var current = Generation()
    private var previous = Generation()

    init(entries: Int, bytes: Int) {
        entriesPerGeneration = max(entries / 2, 1)
        bytesPerGeneration = max(bytes / 2, 1)
    }

    var count: Int { current.chains.count + previous.chains.count }
    var bytes: Int { current.bytes + previous.bytes }

    /// The first 16 characters of the leaf's signature, which ends an Ed25519 token; `nil` where that is too short for one.
    static func key(of chain: [UInt8]) -> Key? {
        let start = chain.count - 86
        return start > 0 ? key(chain.span, at: start) : nil
    }

    private static func key(_ text: Span<UInt8>, at start: Int) -> Key? {
        guard start >= 0, text.count - start >= 16 else { return nil }
        var key = Key(0, 0)
        for i in 0..<8 {
            key.x = key.x << 8 | UInt64(text[start + i])
            key.y = key.y << 8 | UInt64(text[start + 8 + i])
        }
        return key
    }

    private static func name(of chain: VerifiedChain) -> Key? { chain.leafHash.withUTF8Span { key($0, at: 0) } }

    /// The chain that these bytes are.
    mutating func find(_ key: Key, _ chain: [UInt8]) -> VerifiedChain? {
        find(key) { $0.isPresented(as: chain) }
    }

    /// The chain of a reference.
    mutating func find(reference: [UInt8]) -> VerifiedChain? {
        let hash = ChainReference.prefixLength
        guard let name = Self.key(reference.span, at: hash) else { return nil }
        guard let key = current.referred[name] ?? previous.referred[name] else { return nil }
        return find(key) { chain in
            chain.leafHash.withUTF8Span { $0.hasSameBytes(as: reference.span.extracting(droppingFirst: hash)) }
        }
    }

    private mutating func find(_ key: Key, where isMeant: (VerifiedChain) -> Bool) -> VerifiedChain? {
        func isGood(_ chain: VerifiedChain) -> Bool { !chain.isWornOut.load(ordering: .relaxed) && isMeant(chain) }
        if let found = current.chains[key] { return isGood(found) ? found : nil }
        guard let found = previous.chains[key], isGood(found) else { return nil }
        _ = previous.remove(key)
        insert(found, key)
        return found
    }

    /// Counts what a chain's plans take by now, in bytes. A chain that keeps too much for one is verified anew by the next
    /// call, and begins without plans: they are not freed while threads may be in them.
    mutating func count(_ planned: Int, of chain: VerifiedChain) {
        guard planned > chain.planned.load(ordering: .relaxed) else { return }
        let key = Self.key(of: chain.bytes)
        var isHere = false
        if let key {
            // First: what it was counted with is taken off.
            if current.chains[key] === chain { isHere = current.remove(key) != nil }
            if previous.chains[key] === chain { isHere = previous.remove(key) != nil }
        }
        chain.planned.store(planned, ordering: .relaxed)
        if chain.size + planned > bytesPerGeneration {
            chain.isWornOut.store(true, ordering: .relaxed)
        } else if let key, isHere {
            insert(chain, key)
        }
    }

    mutating func insert(_ chain: VerifiedChain, _ key: Key) {
        let size = chain.size + chain.planned.load(ordering: .relaxed)
        guard size <= bytesPerGeneration else { return }
        if current.chains.count >= entriesPerGeneration || current.bytes + size > bytesPerGeneration {
            previous = current
            current = Generation()
        }
        current.insert(chain, key)
    }
}
