/// A proof that a later tree starts with an earlier one: nothing was changed or removed (RFC 9162 section 2.1.4).
public struct ConsistencyProof: Sendable, Equatable {
    /// The number of leaves of the earlier tree.
    public var oldSize: UInt64
    /// The number of leaves of the later tree.
    public var newSize: UInt64
    /// The nodes that both roots are computed from.
    public var path: [MerkleHash]

    /// A proof, not verified yet.
    public init(oldSize: UInt64, newSize: UInt64, path: [MerkleHash]) {
        self.oldSize = oldSize
        self.newSize = newSize
        self.path = path
    }

    /// Throws unless the tree with `newRoot` starts with the tree with `oldRoot`.
    ///
    /// Every tree starts with the empty tree, which proves nothing: an `oldSize` of 0 is refused.
    public func verify(oldRoot: MerkleHash, newRoot: MerkleHash) throws(TransparencyLogError) {
        guard oldSize > 0 else {
            throw TransparencyLogError("consistency_empty", "consistency with an empty tree says nothing")
        }
        let subtree = try Subtree(start: 0, end: oldSize)
        try subtree.verifyConsistency(root: oldRoot, treeSize: newSize, treeRoot: newRoot, path: path)
    }
}
