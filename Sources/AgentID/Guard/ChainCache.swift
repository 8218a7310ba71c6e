/// Verified chains by the leaf's signature, bounded in entries and in the bytes of memory that they take.
///
/// Two generations: what is used moves to the younger one, and the elder is dropped whole when the younger is full, so
/// that the least recently used go first and nothing is ever searched. The key is the start of the leaf's signature:
/// only verified chains get in, and no one can choose the point R of a signature that verifies.
struct ChainCache {
    private let entriesPerGeneration: Int
    private let bytesPerGeneration: Int
    private var current: [SIMD2<UInt64>: VerifiedChain] = [:]
    private var previous: [SIMD2<UInt64>: VerifiedChain] = [:]
    private var currentBytes = 0
    private var previousBytes = 0

    init(entries: Int, bytes: Int) {
        entriesPerGeneration = max(entries / 2, 1)
        bytesPerGeneration = max(bytes / 2, 1)
    }

    var count: Int { current.count + previous.count }
    var bytes: Int { currentBytes + previousBytes }

    /// 16 characters from where the signature of an Ed25519 token must start; `nil` for what is too short to be one.
    static func key(of chain: [UInt8]) -> SIMD2<UInt64>? {
        let start = chain.count - 86
        guard start > 0 else { return nil }
        var key = SIMD2<UInt64>(0, 0)
        for i in 0..<8 {
            key.x = key.x << 8 | UInt64(chain[start + i])
            key.y = key.y << 8 | UInt64(chain[start + 8 + i])
        }
        return key
    }

    mutating func find(_ key: SIMD2<UInt64>, _ chain: [UInt8]) -> VerifiedChain? {
        if let found = current[key] {
            return found.isPresented(as: chain) ? found : nil
        }
        guard let found = previous[key], found.isPresented(as: chain) else { return nil }
        previous[key] = nil
        previousBytes -= found.size
        insert(found, key)
        return found
    }

    mutating func insert(_ chain: VerifiedChain, _ key: SIMD2<UInt64>) {
        guard chain.size <= bytesPerGeneration else { return }
        if current.count >= entriesPerGeneration || currentBytes + chain.size > bytesPerGeneration {
            (previous, previousBytes) = (current, currentBytes)
            (current, currentBytes) = ([:], 0)
        }
        if let replaced = current.updateValue(chain, forKey: key) { currentBytes -= replaced.size }
        currentBytes += chain.size
    }

    mutating func remove(_ key: SIMD2<UInt64>) {
        if let gone = current.removeValue(forKey: key) { currentBytes -= gone.size }
        if let gone = previous.removeValue(forKey: key) { previousBytes -= gone.size }
    }

    mutating func removeAll() {
        (current, previous, currentBytes, previousBytes) = ([:], [:], 0, 0)
    }
}
