import Testing
import TestSupport

@testable import TransparencyLog

/// Laws of the tree, against a naive one, on random sizes with a printed seed.
@Suite struct TreeLawTests {
    let seed = UInt64.random(in: 0 ... .max)

    static func leaves(_ count: Int) -> [MerkleHash] {
        (0..<count).map { MerkleHash.leaf(Array("entry \($0)".utf8)) }
    }

    static func written(_ leaves: [MerkleHash]) throws -> MemoryStorage {
        let storage = MemoryStorage()
        var writer = TileWriter()
        for leaf in leaves { try writer.append(leaf) }
        try writer.write(to: storage)
        return storage
    }

    @Test func knownHashesOfRFC6962Hold() {
        let hex = MerkleHash.empty.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(MerkleHash([UInt8](repeating: 0, count: 31)) == nil)
    }

    @Test func incrementalRootEqualsTheNaiveOneAtEverySize() throws {
        let leaves = Self.leaves(600)
        var tree = MerkleFrontier()
        #expect(tree.root == .empty)
        for size in 1...leaves.count {
            try tree.append(leaves[size - 1])
            #expect(tree.root == NaiveTree.root(leaves[..<size]))
            #expect(tree.peaks.count == size.nonzeroBitCount)
        }
    }

    @Test func tilesGiveRootsAndProofsOfTheNaiveTree() throws {
        print("seed \(seed)")
        var random = Seeded(seed: seed)
        let leaves = Self.leaves(66_000)
        let sizes = [1, 2, 255, 256, 257, 511, 512, 513, 65_536, 66_000]
        for size in sizes + (0..<6).map({ _ in Int.random(in: 1...3000, using: &random) }) {
            let storage = try Self.written(Array(leaves[..<size]))
            var tree = try TiledTree(size: UInt64(size), reader: storage)
            let root = NaiveTree.root(leaves[..<size])
            #expect(try tree.root() == root, "\(size)")
            for _ in 0..<(size > 3000 ? 1 : 3) {
                let index = Int.random(in: 0..<size, using: &random)
                let proof = try tree.inclusionProof(of: UInt64(index))
                #expect(proof.path == NaiveTree.path(index, leaves[..<size]), "\(index) in \(size)")
                try proof.verify(leaf: leaves[index], root: root)
                let old = Int.random(in: 1...size, using: &random)
                let consistency = try tree.consistencyProof(from: UInt64(old))
                #expect(consistency.path == NaiveTree.proof(old, leaves[..<size]), "\(old) to \(size)")
                try consistency.verify(oldRoot: NaiveTree.root(leaves[..<old]), newRoot: root)
                #expect(try tree.root(ofFirst: UInt64(old)) == NaiveTree.root(leaves[..<old]))
                let older = Int.random(in: 1...old, using: &random)
                #expect(
                    try tree.consistencyProof(from: UInt64(older), to: UInt64(old)).path
                        == NaiveTree.proof(older, leaves[..<old]))
                #expect(
                    try tree.inclusionProof(of: UInt64(older - 1), inFirst: UInt64(old)).path
                        == NaiveTree.path(older - 1, leaves[..<old]))
            }
        }
    }

    @Test func everyProofOfSmallTreesVerifiesAndNoOther() throws {
        let leaves = Self.leaves(24)
        for size in 1...leaves.count {
            let root = NaiveTree.root(leaves[..<size])
            var tree = try TiledTree(size: UInt64(size), reader: Self.written(Array(leaves[..<size])))
            for index in 0..<size {
                let proof = try tree.inclusionProof(of: UInt64(index))
                for other in 0..<size {
                    let claim = InclusionProof(index: UInt64(other), size: UInt64(size), path: proof.path)
                    let holds = (try? claim.verify(leaf: leaves[index], root: root)) != nil
                    #expect(holds == (other == index))
                }
                #expect(throws: TransparencyLogError.self) {
                    try proof.verify(leaf: leaves[(index + 1) % leaves.count], root: root)
                }
            }
            for old in 1...size {
                let proof = try tree.consistencyProof(from: UInt64(old))
                for other in 1...size {
                    let claim = ConsistencyProof(oldSize: UInt64(old), newSize: UInt64(size), path: proof.path)
                    let holds = (try? claim.verify(oldRoot: NaiveTree.root(leaves[..<other]), newRoot: root)) != nil
                    #expect(holds == (other == old))
                }
            }
        }
    }

    @Test func anyFlippedBitOfAProofIsRefused() throws {
        print("seed \(seed)")
        var random = Seeded(seed: seed)
        let leaves = Self.leaves(1000)
        let root = NaiveTree.root(leaves[...])
        var tree = try TiledTree(size: 1000, reader: Self.written(leaves))
        for _ in 0..<100 {
            let index = Int.random(in: 0..<1000, using: &random)
            var proof = try tree.inclusionProof(of: UInt64(index))
            let node = Int.random(in: proof.path.indices, using: &random)
            proof.path[node] = try Self.flipped(proof.path[node], &random)
            #expect(throws: TransparencyLogError.self) { try proof.verify(leaf: leaves[index], root: root) }
            let old = Int.random(in: 1..<1000, using: &random)
            var consistency = try tree.consistencyProof(from: UInt64(old))
            let other = Int.random(in: consistency.path.indices, using: &random)
            consistency.path[other] = try Self.flipped(consistency.path[other], &random)
            #expect(throws: TransparencyLogError.self) {
                try consistency.verify(oldRoot: NaiveTree.root(leaves[..<old]), newRoot: root)
            }
        }
    }

    static func flipped(_ hash: MerkleHash, _ random: inout Seeded) throws -> MerkleHash {
        var bytes = hash.bytes
        bytes[Int.random(in: 0..<32, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        return try #require(MerkleHash(bytes))
    }

    @Test func aWriterReopenedAtAnyPointWritesTheSameFiles() throws {
        print("seed \(seed)")
        var random = Seeded(seed: seed)
        let leaves = Self.leaves(2000)
        let storage = MemoryStorage()
        var size = 0
        while size < leaves.count {
            var writer = try TileWriter(size: UInt64(size), reader: storage)
            let next = min(size + Int.random(in: 1...400, using: &random), leaves.count)
            for leaf in leaves[size..<next] { try writer.append(leaf) }
            try writer.write(to: storage)
            size = next
            #expect(writer.tree.root == NaiveTree.root(leaves[..<size]))
            // A reader of this size needs no file that a fresh writer would not have made.
            for (path, bytes) in try Self.written(Array(leaves[..<size])).files {
                #expect(storage.files[path] == bytes, "\(path) at \(size)")
            }
            #expect(storage.rewritten.isEmpty, "at \(size)")
        }
    }

    @Test func partialTilesMayBeTakenAwayOnceTheyAreFull() throws {
        let leaves = Self.leaves(700)
        let storage = try Self.written(leaves)
        #expect(storage.files.keys.allSatisfy { !$0.hasPrefix("tile/0/001.p") })
        var earlier = try TiledTree(size: 300, reader: storage)
        storage.files["tile/1/000.p/1"] = storage.files["tile/1/000.p/2"].map { Array($0.prefix(32)) }
        #expect(try earlier.root() == NaiveTree.root(leaves[..<300]))
    }

    @Test func missingShortAndForeignTilesAreNamed() throws {
        let storage = try Self.written(Self.leaves(300))
        let whole = storage.files["tile/0/000"]
        storage.files["tile/0/000"] = nil
        var tree = try TiledTree(size: 300, reader: storage)
        #expect { try tree.inclusionProof(of: 3) } throws: { ($0 as? TransparencyLogError)?.place == "tile/0/000" }
        storage.files["tile/0/000"] = whole.map { Array($0.dropLast()) }
        #expect { try tree.inclusionProof(of: 3) } throws: { ($0 as? TransparencyLogError)?.name == "tile_length" }
        #expect(throws: TransparencyLogError.self) { try tree.inclusionProof(of: 300) }
        #expect(throws: TransparencyLogError.self) { try tree.consistencyProof(from: 301) }
        #expect(throws: TransparencyLogError.self) { try TiledTree(size: .max, reader: storage) }
    }

    @Test func pathsAreThoseOfTheSpecification() throws {
        #expect(Tile(level: 0, index: 1_234_067)?.path == "tile/0/x001/x234/067")
        #expect(Tile(level: 2, index: 7, width: 3)?.path == "tile/2/007.p/3")
        #expect(Tile(level: 0, index: 1000, width: 255)?.entriesPath == "tile/entries/x001/000.p/255")
        #expect(Tile(level: 0, index: 0, width: 0) == nil && Tile(level: 0, index: 0, width: 257) == nil)
        #expect(Tile(level: 8, index: 0) == nil && Tile(level: 0, index: .max) == nil)
        // The specification's own example: a tree of 70,000.
        #expect(Tile.partial(size: 70_000).map(\.path) == ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"])
        #expect(Tile.partial(size: 256).map(\.path) == ["tile/1/000.p/1"])
        #expect(Tile.ofTree(size: 70_000, level: 0, index: 273)?.width == 112)
        #expect(Tile.ofTree(size: 70_000, level: 0, index: 274) == nil)
        for level in [Int.min, -1, 8, .max] { #expect(Tile.ofTree(size: 70_000, level: level, index: 0) == nil) }
        #expect(Tile.ofTree(size: .max, level: 0, index: .max) == nil)
    }

    @Test func bundlesGiveBackTheirEntriesAndSayWhereTheyBreakOff() throws {
        let entries: [[UInt8]] = [[], [1], [UInt8](repeating: 7, count: 0xFFFF), [2, 3]]
        var bundle: [UInt8] = []
        for entry in entries { try EntryBundle.append(entry.span, to: &bundle) }
        let split = EntryBundle.split(bundle.span)
        #expect(split.isWhole && split.entries.map { Array(bundle[$0]) } == entries)
        for cut in [1, 2, 3] {
            let part = EntryBundle.split(bundle.span.extracting(0..<bundle.count - cut))
            #expect(!part.isWhole && part.entries.count == 3)
        }
        #expect(throws: TransparencyLogError.self) {
            try EntryBundle.append([UInt8](repeating: 0, count: 0x10000).span, to: &bundle)
        }
    }
}
