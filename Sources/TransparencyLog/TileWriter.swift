/// Grows a log's tiles leaf by leaf. Its memory holds the right edge of the tree and the hashes not yet written.
public struct TileWriter: Sendable {
    /// The tree with all leaves appended, written or not.
    public private(set) var tree: MerkleFrontier
    /// The hashes of the last tile of each level, until it is full.
    private var edge: [[UInt8]]
    private var filled: [(tile: Tile, bytes: [UInt8])] = []
    /// The size of the tree whose tiles are written.
    private var written: UInt64 = 0

    /// A writer of a new tree.
    public init() {
        tree = MerkleFrontier()
        edge = [[UInt8]](repeating: [], count: 8)
    }

    /// A writer that continues a tree of `size` leaves. Compare its root with the signed one.
    public init(size: UInt64, reader: some TileReader) throws(TransparencyLogError) {
        var tiles = try TiledTree(size: size, reader: reader)
        tree = try tiles.frontier()
        written = size
        edge = [[UInt8]](repeating: [], count: 8)
        for tile in Tile.partial(size: size) {
            edge[tile.level] = try tiles.hashes(level: tile.level, index: tile.index)
        }
    }

    /// Appends a leaf. Nothing is written before ``write(to:)``.
    public mutating func append(_ leaf: MerkleHash) throws(TransparencyLogError) {
        try tree.append(leaf)
        var hash = leaf
        for level in edge.indices {
            hash.append(to: &edge[level])
            let hashes = edge[level]
            guard hashes.count == Tile.fullWidth * MerkleHash.count else { return }
            let index = (tree.size >> UInt64(8 * (level + 1))) - 1
            guard let tile = Tile(level: level, index: index),
                let above = MerkleFrontier.root(ofHashes: hashes.span)
            else { throw TreeSize.exceeded }
            filled.append((tile, hashes))
            edge[level] = []
            hash = above
        }
    }

    /// Writes the tiles that were filled and those at the right edge.
    ///
    /// A file that the tree had before is never written again, so a file that a checkpoint covers stays untouched. If
    /// it throws, all can be written again.
    public mutating func write(to storage: some TileStorage) throws(TransparencyLogError) {
        for (tile, bytes) in filled { try storage.write(tile.path, bytes) }
        for tile in Tile.partial(size: tree.size)
        where Tile.ofTree(size: written, level: tile.level, index: tile.index) != tile {
            try storage.write(tile.path, edge[tile.level])
        }
        filled = []
        written = tree.size
    }
}
