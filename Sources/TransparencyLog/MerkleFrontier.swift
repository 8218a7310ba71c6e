/// A tree that only grows, held as the roots of its full subtrees: one hash for each bit set in its size.
public struct MerkleFrontier: Sendable, Equatable {
    /// The number of leaves.
    public private(set) var size: UInt64
    /// The roots of the full subtrees, from the largest, which holds the first leaves, to the smallest.
    public private(set) var peaks: [MerkleHash]

    /// The empty tree.
    public init() {
        size = 0
        peaks = []
    }

    /// The tree of this size with these full subtrees; `nil` if their number does not fit the size.
    public init?(size: UInt64, peaks: [MerkleHash]) {
        guard size <= TreeSize.largest, peaks.count == size.nonzeroBitCount else { return nil }
        self.size = size
        self.peaks = peaks
    }

    /// Appends a leaf.
    public mutating func append(_ leaf: MerkleHash) throws(TransparencyLogError) {
        guard size < TreeSize.largest else { throw TreeSize.exceeded }
        var hash = leaf
        for _ in 0..<(~size).trailingZeroBitCount {
            guard let left = peaks.popLast() else { break }
            hash = .node(left, hash)
        }
        peaks.append(hash)
        size += 1
    }

    /// The root of the tree.
    public var root: MerkleHash { Self.fold(peaks) ?? .empty }

    /// The root above neighbouring full subtrees, largest first; `nil` for none.
    static func fold(_ subtrees: [MerkleHash]) -> MerkleHash? {
        guard var hash = subtrees.last else { return nil }
        for left in subtrees.dropLast().reversed() { hash = .node(left, hash) }
        return hash
    }

    /// The root of the hashes of a tile, concatenated; `nil` unless there are 1 to 256.
    public static func root(ofTile bytes: [UInt8]) -> MerkleHash? { root(ofHashes: bytes.span) }

    /// The root of a tree, from the partial tiles at its right edge, highest level first; `nil` for none.
    public static func root(ofEdge tiles: [[UInt8]]) -> MerkleHash? {
        var hash: MerkleHash?
        for bytes in tiles.reversed() {
            var peaks: [MerkleHash] = []
            var start = 0
            let count = bytes.count / MerkleHash.count
            guard (1..<256).contains(count) else { return nil }
            for bit in (0..<8).reversed() where count >> bit & 1 == 1 {
                let end = start + MerkleHash.count << bit
                guard let peak = root(ofHashes: bytes.span.extracting(start..<end)) else { return nil }
                peaks.append(peak)
                start = end
            }
            hash = fold(peaks + (hash.map { [$0] } ?? []))
        }
        return hash
    }

    /// The root of the hashes of a whole tile or bundle, concatenated; `nil` unless there are 1 to 256.
    static func root(ofHashes bytes: Span<UInt8>) -> MerkleHash? {
        guard bytes.count.isMultiple(of: MerkleHash.count), (1...256).contains(bytes.count / MerkleHash.count) else {
            return nil
        }
        var hashes: [MerkleHash] = []
        hashes.reserveCapacity(256)
        for start in stride(from: 0, to: bytes.count, by: MerkleHash.count) {
            guard let hash = MerkleHash(bytes.extracting(start..<start + MerkleHash.count)) else { return nil }
            hashes.append(hash)
        }
        // Pairs level by level; an odd last hash rises unchanged, which is how RFC 6962 splits a tree.
        while hashes.count > 1 {
            var above: [MerkleHash] = []
            for i in stride(from: 0, to: hashes.count - 1, by: 2) { above.append(.node(hashes[i], hashes[i + 1])) }
            if let last = hashes.last, !hashes.count.isMultiple(of: 2) { above.append(last) }
            hashes = above
        }
        return hashes.first
    }
}

/// The largest size of a tree: it fits a signed integer, so that no arithmetic on indexes overflows.
enum TreeSize {
    static let largest = UInt64(Int64.max)
    static let exceeded = TransparencyLogError("tree_size", "a tree has at most 2^63 - 1 leaves")

    /// The largest power of two below `count`, which is at least 2: RFC 6962 splits a tree there.
    static func split(_ count: UInt64) -> UInt64 { 1 << UInt64(63 - (count - 1).leadingZeroBitCount) }
}
