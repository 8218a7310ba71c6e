/// A proof that a tree has a leaf at an index (RFC 9162 section 2.1.3).
public struct InclusionProof: Sendable, Equatable {
    /// The index of the leaf, from 0.
    public var index: UInt64
    /// The number of leaves of the tree.
    public var size: UInt64
    /// The siblings on the way from the leaf to the root.
    public var path: [MerkleHash]

    /// A proof, not verified yet.
    public init(index: UInt64, size: UInt64, path: [MerkleHash]) {
        self.index = index
        self.size = size
        self.path = path
    }

    /// Throws unless the proof leads from `leaf` to `root`.
    public func verify(leaf: MerkleHash, root: MerkleHash) throws(TransparencyLogError) {
        guard size <= TreeSize.largest else { throw TreeSize.exceeded }
        guard index < size else {
            throw TransparencyLogError("inclusion_index", "leaf \(index) is not in a tree of \(size)")
        }
        // RFC 9162 2.1.3.2.
        var node = index
        var last = size - 1
        var hash = leaf
        for sibling in path {
            guard last != 0 else {
                throw TransparencyLogError("inclusion_length", "the proof is longer than the tree is high")
            }
            if node & 1 == 1 || node == last {
                hash = .node(sibling, hash)
                while node & 1 == 0, node != 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                hash = .node(hash, sibling)
            }
            node >>= 1
            last >>= 1
        }
        guard last == 0 else {
            throw TransparencyLogError("inclusion_length", "the proof ends before it reaches the root")
        }
        guard hash == root else {
            throw TransparencyLogError(
                "inclusion_root", "the proof leads to another root: leaf, index or root is wrong")
        }
    }

    /// Throws unless the proof leads from `leaf`, at `index` of the whole tree, to the root of the leaves `subtree`.
    ///
    /// `size` is then the subtree's own; see ``Subtree``.
    static func verify(
        leaf: MerkleHash, at index: UInt64, in subtree: Subtree, root: MerkleHash, path: [MerkleHash]
    ) throws(TransparencyLogError) {
        guard index >= subtree.start, index < subtree.end else {
            throw TransparencyLogError("inclusion_index", "leaf \(index) is not in the subtree")
        }
        let proof = InclusionProof(index: index - subtree.start, size: subtree.end - subtree.start, path: path)
        try proof.verify(leaf: leaf, root: root)
    }
}
