internal import TransparencyLog

/// Reads a whole log and finds its faults.
///
/// A tile is *vouched for* when its hashes make the hash that the tile above has for it, and so on up to the signed
/// root. If an entry disagrees with a tile that is vouched for, the entry is wrong. If the tile is not vouched for, but
/// would be with the hashes of what is below it, the tile is wrong.
struct AuditVerifier {
    private let reader: AuditReader
    private let size: UInt64
    private let tiles: AuditTiles
    private var tree: TiledTree<AuditTiles>
    /// Right-edge tiles as they must have been, if those on the disk do not make the root.
    private var mended: [Tile: [UInt8]] = [:]
    private var isRootMade = false
    private var result: AuditVerification

    init(_ reader: AuditReader) throws(TransparencyLogError) {
        self.reader = reader
        size = reader.count
        tiles = reader.tiles
        tree = try reader.tree()
        result = AuditVerification(checkpoint: reader.checkpoint)
    }

    mutating func run(
        against trusted: Checkpoint?, progress: (UInt64) -> Void
    ) throws(TransparencyLogError) -> AuditVerification {
        try findRoot()
        var level = 7
        while level > 0 {
            for index in 0..<tileCount(level) { try check(level: level, index: index) }
            level -= 1
        }
        for index in 0..<tileCount(0) {
            try checkBundle(index)
            progress(min((index + 1) << 8, size))
        }
        if !isRootMade, result.isSound {
            note(.checkpoint, "tiles and entries agree with each other, but not with the signed root")
        }
        compare(with: trusted)
        // Nothing follows in an archive.
        if reader.kept.to == nil { AuditTail(reader).check(&result) }
        return result
    }

    private mutating func note(_ place: AuditFinding.Place, _ message: String) {
        guard result.findings.count < AuditVerification.mostFindings else { return }
        result.findings.append(AuditFinding(place: place, message: message))
    }

    private func tileCount(_ level: Int) -> UInt64 {
        let count = size >> UInt64(8 * level)
        return count >> 8 + (count & 255 == 0 ? 0 : 1)
    }

    // MARK: Who vouches for whom

    /// A tile's hashes; `nil` if the file is missing or has another length.
    private mutating func stored(_ tile: Tile) throws(TransparencyLogError) -> [UInt8]? {
        do throws(TransparencyLogError) { return try tree.hashes(level: tile.level, index: tile.index) } catch {
            if error.isFile { throw error }
            return nil
        }
    }

    /// A tile's hashes as computed from what is below it; `nil` if that is missing.
    private mutating func below(_ tile: Tile) throws(TransparencyLogError) -> [UInt8]? {
        var hashes: [UInt8] = []
        if tile.level == 0 {
            let bundle = try tiles.read(tile.entriesPath) ?? []
            for range in EntryBundle.split(bundle.span).entries {
                MerkleHash.leaf(bundle.span.extracting(range)).append(to: &hashes)
            }
            return hashes.count == tile.width * MerkleHash.count ? hashes : nil
        }
        for i in 0..<tile.width {
            guard let child = Tile(level: tile.level - 1, index: tile.index << 8 | UInt64(i)),
                let root = try stored(child).flatMap({ MerkleFrontier.root(ofTile: $0) })
            else { return nil }
            root.append(to: &hashes)
        }
        return hashes
    }

    /// Whether the right edge makes the signed root: as it is, or with one tile or all computed from what is below.
    private mutating func findRoot() throws(TransparencyLogError) {
        let edge = Tile.partial(size: size)
        var (asStored, asBelow): ([Tile: [UInt8]], [Tile: [UInt8]]) = ([:], [:])
        for tile in edge { asStored[tile] = try stored(tile) }
        func makesRoot(_ hashes: [Tile: [UInt8]]) -> Bool {
            guard hashes.count == edge.count else { return false }
            return MerkleFrontier.root(ofEdge: edge.reversed().map { hashes[$0] ?? [] }) == reader.checkpoint.root
        }
        isRootMade = size == 0 ? reader.checkpoint.root == .empty : makesRoot(asStored)
        guard !isRootMade else { return }
        for tile in edge { asBelow[tile] = try below(tile) }
        for tile in edge where !isRootMade {
            if let hashes = asBelow[tile], makesRoot(asStored.merging([tile: hashes]) { $1 }) {
                (isRootMade, mended) = (true, [tile: hashes])
            }
        }
        if !isRootMade, makesRoot(asBelow) { (isRootMade, mended) = (true, asBelow) }
    }

    /// A tile's hashes as far as they can be known.
    private mutating func hashes(_ tile: Tile) throws(TransparencyLogError) -> [UInt8]? {
        if let known = mended[tile] { return known }
        return try stored(tile)
    }

    /// Whether the tiles above confirm that these are the tile's hashes.
    private mutating func isVouchedFor(_ tile: Tile, _ hashes: [UInt8]?) throws(TransparencyLogError) -> Bool {
        var (tile, hashes) = (tile, hashes)
        while let known = hashes, !tile.isPartial {
            guard let above = Tile.ofTree(size: size, level: tile.level + 1, index: tile.index >> 8) else {
                return false
            }
            let slot = Int(tile.index & 255) * MerkleHash.count
            hashes = try self.hashes(above)
            guard let root = MerkleFrontier.root(ofTile: known), let hashes, slot + MerkleHash.count <= hashes.count,
                root.bytes == Array(hashes[slot..<slot + MerkleHash.count])
            else { return false }
            tile = above
        }
        return hashes != nil && isRootMade
    }

    // MARK: Tiles above the entries

    private mutating func check(level: Int, index: UInt64) throws(TransparencyLogError) {
        guard let tile = Tile.ofTree(size: size, level: level, index: index) else { return }
        let stored = try stored(tile)
        if stored == nil { note(.tile(tile.path), "the tile is missing or cut") }
        let isMended = mended[tile] != nil
        if !isMended, try isVouchedFor(tile, stored) { return }
        guard let right = try below(tile), right != stored else { return }
        guard let stored else {
            if try isVouchedFor(tile, right) { mended[tile] = right }
            return
        }
        let isRight = isMended ? true : try isVouchedFor(tile, right)
        // What is below the tile is judged by the tile's correct hashes.
        if isRight { mended[tile] = right }
        note(
            .tile(tile.path),
            disagreement(right, stored, isRight ? "what is below it and above it" : "what is below it"))
    }

    private func disagreement(_ right: [UInt8], _ stored: [UInt8], _ with: String) -> String {
        let wrong = (0..<stored.count / MerkleHash.count).filter {
            let range = $0 * MerkleHash.count..<($0 + 1) * MerkleHash.count
            return stored[range] != right[range]
        }
        return
            "hash \(wrong.prefix(8).map(String.init).joined(separator: ", ")) of the tile does not agree with \(with)"
    }

    // MARK: Entries

    private mutating func checkBundle(_ index: UInt64) throws(TransparencyLogError) {
        guard let tile = Tile.ofTree(size: size, level: 0, index: index) else { return }
        let first = index << 8
        let all = first..<first + UInt64(tile.width)
        let bundle = try tiles.read(tile.entriesPath)
        if bundle == nil, reader.isElsewhere(first) { return try checkArchived(tile) }
        let bytes = bundle ?? []
        let split = EntryBundle.split(bytes.span)
        let leaves = split.entries.map { MerkleHash.leaf(bytes.span.extracting($0)).bytes }
        let stored = try stored(tile)
        let isMended = mended[tile] != nil
        if stored == nil { note(.tile(tile.path), "the tile is missing or cut") }

        // The correct leaves: from the tile, or if that is not vouched for, from the entries, if those are.
        var right = try hashes(tile)
        let isTileRight = try isVouchedFor(tile, right)
        let joined = leaves.flatMap { $0 }
        let areEntriesRight =
            isTileRight ? false : try isVouchedFor(tile, joined.count == tile.width * MerkleHash.count ? joined : nil)
        if areEntriesRight {
            right = joined
        } else if !isTileRight {
            guard bundle != nil else { return missing(all) }
            guard let stored else { return note(.entries(all), "the tile they could be compared with is missing") }
            return compareUnvouched(leaves, stored, all, tile)
        }
        if let right, let stored, stored != right, isMended || !isTileRight {
            note(.tile(tile.path), disagreement(right, stored, "the entries and the tiles above it"))
        }
        guard bundle != nil else { return missing(all) }
        compare(leaves, with: right ?? [], in: all, isWhole: split.isWhole)
    }

    /// Checks entries that are kept elsewhere: their hashes must be those of the signed tree.
    private mutating func checkArchived(_ tile: Tile) throws(TransparencyLogError) {
        let stored = try stored(tile)
        if stored == nil {
            note(.tile(tile.path), "the tile is missing or cut, and its entries are archived")
        } else if try !isVouchedFor(tile, stored) {
            note(.tile(tile.path), "the tile does not agree with those above it, and its entries are archived")
        }
        result.archived += UInt64(tile.width)
    }

    private mutating func missing(_ entries: Range<UInt64>) {
        note(
            entries.upperBound == size ? .tail(from: entries.lowerBound) : .entries(entries), "the entries are missing")
    }

    /// Compares entries with hashes that are known to be right.
    private mutating func compare(_ leaves: [[UInt8]], with right: [UInt8], in all: Range<UInt64>, isWhole: Bool) {
        func expected(_ i: Int) -> ArraySlice<UInt8> { right[i * MerkleHash.count..<(i + 1) * MerkleHash.count] }
        let width = all.count
        var (entry, slot) = (0, 0)
        while slot < width, entry < leaves.count {
            let index = all.lowerBound + UInt64(slot)
            if leaves[entry].elementsEqual(expected(slot)) {
                result.sound += 1
                (entry, slot) = (entry + 1, slot + 1)
            } else if let skipped = (slot + 1..<width).first(where: { leaves[entry].elementsEqual(expected($0)) }) {
                note(.entries(index..<all.lowerBound + UInt64(skipped)), "removed: the entries after follow")
                slot = skipped
            } else {
                note(.entries(index..<index + 1), "changed: it is not the entry in the tree")
                (entry, slot) = (entry + 1, slot + 1)
            }
        }
        if slot < width {
            let range = all.lowerBound + UInt64(slot)..<all.upperBound
            note(
                range.upperBound == size ? .tail(from: range.lowerBound) : .entries(range),
                "cut off: the bundle ends before")
        } else if entry < leaves.count || !isWhole {
            note(.entries(all), "there is something after the last entry of the bundle")
        }
    }

    /// Compares entries with a tile that nothing vouches for. If they disagree, either may be wrong.
    private mutating func compareUnvouched(_ leaves: [[UInt8]], _ stored: [UInt8], _ all: Range<UInt64>, _ tile: Tile) {
        var isSame = leaves.count == all.count
        for i in 0..<all.count {
            let hash = stored[i * MerkleHash.count..<(i + 1) * MerkleHash.count]
            if i < leaves.count, leaves[i].elementsEqual(hash) { continue }
            isSame = false
            let index = all.lowerBound + UInt64(i)
            note(.entries(index..<index + 1), "it does not agree with \(tile.path), and neither with the tiles above")
        }
        if isSame { note(.entries(all), "replaced together with \(tile.path): the tree above has others") }
    }

    /// Compares the log with an earlier head that was kept elsewhere.
    private mutating func compare(with trusted: Checkpoint?) {
        guard let trusted, trusted.size > 0 else { return }
        guard trusted.size <= size else {
            return note(.tail(from: size), "cut off: the log had \(trusted.size) entries")
        }
        if (try? tree.root(ofFirst: trusted.size)) != trusted.root {
            note(.checkpoint, "the first \(trusted.size) entries are not those of the checkpoint kept elsewhere")
        }
    }
}
