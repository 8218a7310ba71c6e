internal import StrictJSON
internal import TransparencyLog

/// A tree that new entries are added to: its bundles and its tiles, written in the order that makes them readable.
struct AuditGrowth {
    private let tiles: AuditTiles
    private var writer: TileWriter
    /// The entries of the last bundle, which is not full.
    private var bundle: [UInt8] = []
    private var filled: [(path: String, bytes: [UInt8])] = []

    var head: AuditSequence.Head { .init(size: writer.tree.size, root: writer.tree.root) }

    /// Goes on from `head`, if that is what the tiles and the last bundle hold.
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

    /// Writes what was added; durable when this returns.
    mutating func write() throws(TransparencyLogError) {
        for (path, bytes) in filled { try tiles.write(path, bytes) }
        if let tile = Tile.partial(size: writer.tree.size).first, tile.level == 0 {
            try tiles.write(tile.entriesPath, bundle)
        }
        try writer.write(to: tiles)
        try tiles.sync()
        filled = []
    }

    /// Removes partial tiles and bundles that neither of the last two checkpoints needs: one for every head would take
    /// a hundred times the room of the entries. What an earlier head had is in the later ones. Left behind, they harm
    /// nobody, so an error is not one of the log.
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
