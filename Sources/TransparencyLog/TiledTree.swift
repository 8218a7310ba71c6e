/// A tree of a given size read from its tiles: nodes, root, proofs.
///
/// It does not trust the tiles: a root or a proof must be compared with one that is trusted. It caches a few tiles, so
/// that a proof reads each tile once.
public struct TiledTree<Reader: TileReader> {
    /// The number of leaves.
    public let size: UInt64
    private let reader: Reader
    private var tiles: [Tile: [UInt8]] = [:]

    /// The tree of `size` leaves over the tiles of `reader`.
    public init(size: UInt64, reader: Reader) throws(TransparencyLogError) {
        guard size <= TreeSize.largest else { throw TreeSize.exceeded }
        self.size = size
        self.reader = reader
    }

    /// The hashes of a tile of this tree, concatenated.
    public mutating func hashes(level: Int, index: UInt64) throws(TransparencyLogError) -> [UInt8] {
        guard let tile = Tile.ofTree(size: size, level: level, index: index) else {
            throw TransparencyLogError("tile", "a tree of \(size) has no tile \(index) at level \(level)")
        }
        if let known = tiles[tile] { return known }
        var bytes = try reader.read(tile.path)
        // A partial tile may be removed once the full one exists.
        if bytes == nil, tile.isPartial {
            bytes = try reader.read(tile.full.path).map { Array($0.prefix(tile.width * 32)) }
        }
        guard let bytes else { throw TransparencyLogError("tile_missing", "the tile is missing", at: tile.path) }
        guard bytes.count == tile.width * MerkleHash.count else {
            throw TransparencyLogError(
                "tile_length", "the tile has \(bytes.count) bytes in place of \(tile.width * 32)", at: tile.path)
        }
        if tiles.count >= 32 { tiles = [:] }
        tiles[tile] = bytes
        return bytes
    }

    /// The root of the 2^level leaves that start at `index` times 2^level.
    mutating func node(level: Int, index: UInt64) throws(TransparencyLogError) -> MerkleHash {
        let height = level & 7
        let first = index << UInt64(height)
        let bytes = try hashes(level: level >> 3, index: first >> 8)
        let start = Int(first & 255) * MerkleHash.count
        let end = start + MerkleHash.count << height
        guard end <= bytes.count, let hash = MerkleFrontier.root(ofHashes: bytes.span.extracting(start..<end)) else {
            throw TransparencyLogError("tile", "node \(index) of level \(level) is not in a tree of \(size)")
        }
        return hash
    }

    /// The full subtrees that make up the leaves `start..<end`, largest first.
    private mutating func subtrees(_ start: UInt64, _ end: UInt64) throws(TransparencyLogError) -> [MerkleHash] {
        var hashes: [MerkleHash] = []
        var position = start
        while position < end {
            let level = min(position.trailingZeroBitCount, 63 - (end - position).leadingZeroBitCount)
            hashes.append(try node(level: level, index: position >> UInt64(level)))
            position += 1 << UInt64(level)
        }
        return hashes
    }

    /// MTH(D[start:end]) of RFC 6962, for the ranges into which it splits a tree.
    private mutating func root(_ start: UInt64, _ end: UInt64) throws(TransparencyLogError) -> MerkleHash {
        MerkleFrontier.fold(try subtrees(start, end)) ?? .empty
    }

    /// The frontier of this tree, which can grow.
    public mutating func frontier() throws(TransparencyLogError) -> MerkleFrontier {
        MerkleFrontier(size: size, peaks: try subtrees(0, size)) ?? MerkleFrontier()
    }

    /// The root of the first `size` leaves; of all if `size` is `nil`.
    public mutating func root(ofFirst size: UInt64? = nil) throws(TransparencyLogError) -> MerkleHash {
        guard size ?? 0 <= self.size else { throw Self.tooShort(self.size, size ?? 0) }
        return try root(0, size ?? self.size)
    }

    /// The hash of the leaf at `index`.
    public mutating func leaf(at index: UInt64) throws(TransparencyLogError) -> MerkleHash {
        guard index < size else { throw Self.tooShort(size, index) }
        return try node(level: 0, index: index)
    }

    /// The proof that the leaf at `index` is in the tree, or in the tree of its first `count` leaves: PATH(m, D[n]) of
    /// RFC 6962 section 2.1.1.
    public mutating func inclusionProof(
        of index: UInt64, inFirst count: UInt64? = nil
    ) throws(TransparencyLogError) -> InclusionProof {
        let count = count ?? size
        guard count <= size else { throw Self.tooShort(size, count) }
        guard index < count else { throw Self.tooShort(count, index) }
        var path: [MerkleHash] = []
        var (start, end) = (UInt64(0), count)
        while end - start > 1 {
            let middle = start + TreeSize.split(end - start)
            if index < middle {
                path.append(try root(middle, end))
                end = middle
            } else {
                path.append(try root(start, middle))
                start = middle
            }
        }
        return InclusionProof(index: index, size: count, path: path.reversed())
    }

    /// The proof that this tree, or the tree of its first `newSize` leaves, starts with the tree of the first `oldSize`
    /// leaves: PROOF(m, D[n]), section 2.1.2.
    public mutating func consistencyProof(
        from oldSize: UInt64, to newSize: UInt64? = nil
    ) throws(TransparencyLogError) -> ConsistencyProof {
        let newSize = newSize ?? size
        guard newSize <= size else { throw Self.tooShort(size, newSize) }
        guard oldSize <= newSize else { throw Self.tooShort(newSize, oldSize) }
        guard oldSize > 0 else {
            throw TransparencyLogError("consistency_empty", "consistency with an empty tree says nothing")
        }
        var path: [MerkleHash] = []
        var (start, end) = (UInt64(0), newSize)
        while oldSize != end {
            let middle = start + TreeSize.split(end - start)
            if oldSize <= middle {
                path.append(try root(middle, end))
                end = middle
            } else {
                path.append(try root(start, middle))
                start = middle
            }
        }
        if start > 0 { path.append(try root(start, end)) }
        return ConsistencyProof(oldSize: oldSize, newSize: newSize, path: path.reversed())
    }

    private static func tooShort(_ size: UInt64, _ wanted: UInt64) -> TransparencyLogError {
        TransparencyLogError("tree_size", "the tree has \(size) leaves: \(wanted) is beyond it")
    }
}
