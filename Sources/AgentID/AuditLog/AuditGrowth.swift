internal import StrictJSON
internal import TransparencyLog

/// A growing tree: bundles and tiles, written in the order that keeps them readable.
struct AuditGrowth {
    private let tiles: AuditTiles
    private var writer: TileWriter
    /// The entries of the last bundle, which is not full.
    private var bundle: [UInt8] = []
    private var filled: [(path: String, bytes: [UInt8])] = []

    var head: AuditSequence.Head { .init(size: writer.tree.size, root: writer.tree.root) }

    /// Continues from `head`, if the tiles and the last bundle match it.
    init(_ head: AuditSequence.Head, tiles: AuditTiles) throws(TransparencyLogError) {
        self.tiles = tiles
        writer = try TileWriter(size: head.size, reader: tiles)
        guard writer.tree.root == head.root else {
            throw TransparencyLogError("tree", "the tiles do not make the root that was signed", at: "tile")
        }
        guard let tile = Tile.partial(size: head.size).first, tile.level == 0 else { return }
        bundle = try tiles.read(tile.entriesPath) ?? []
        let entries = EntryBundle.split(bundle.span)
        var tree = try TiledTree(size: head.size, reader: tiles)
        var isSound = entries.isWhole && entries.entries.count == tile.width
        for (i, range) in entries.entries.enumerated() where isSound {
            isSound = try MerkleHash.leaf(bundle.span.extracting(range)) == tree.leaf(at: tile.index << 8 | UInt64(i))
        }
        guard isSound else {
            throw TransparencyLogError("bundle", "the entries are not those in the tree", at: tile.entriesPath)
        }
    }

    mutating func append(_ entry: [UInt8]) throws(TransparencyLogError) {
        try EntryBundle.append(entry.span, to: &bundle)
        try writer.append(.leaf(entry.span))
        let size = writer.tree.size
        guard size.isMultiple(of: 256), let tile = Tile(level: 0, index: size >> 8 - 1) else { return }
        filled.append((tile.entriesPath, bundle))
        bundle = []
    }

    /// Writes the added entries; they are durable when this returns.
    mutating func write() throws(TransparencyLogError) {
        for (path, bytes) in filled { try tiles.write(path, bytes) }
        if let tile = Tile.partial(size: writer.tree.size).first, tile.level == 0 {
            try tiles.write(tile.entriesPath, bundle)
        }
        try writer.write(to: tiles)
        try tiles.sync()
        filled = []
    }

    /// Removes partial tiles and bundles that neither of the last two checkpoints needs: keeping those of every head
    /// would take a hundred times the room of the entries. Later tiles hold everything that an earlier head had. A
    /// leftover file harms nobody, so failing to remove one is not an error of the log.
    static func removePartial(
        before: UInt64, after: UInt64, in directory: String, files: any AuditFiles
    ) {
        for tile in Tile.partial(size: before) {
            let grown = Tile.ofTree(size: after, level: tile.level, index: tile.index) ?? tile
            for full in [tile.full.path] + (tile.level == 0 ? [tile.full.entriesPath] : []) {
                let folder = "\(directory)/\(full).p"
                do throws(AgentIDError) {
                    for name in try files.list(folder)
                    where !grown.isPartial
                        || !name.isSame(as: String(tile.width)) && !name.isSame(as: String(grown.width))
                    {
                        try files.remove("\(folder)/\(name)")
                    }
                    if !grown.isPartial { try files.remove(folder) }
                } catch { continue }
            }
        }
    }
}
