/// A proof that a tree is the beginning of a later one: nothing was changed or taken away (RFC 9162 section 2.1.4).
public struct ConsistencyProof: Sendable, Equatable {
    /// How many leaves the earlier tree has.
    public var oldSize: UInt64
    /// How many leaves the later tree has.
    public var newSize: UInt64
    /// The nodes from which both roots follow.
    public var path: [MerkleHash]

    /// A proof, not verified yet.
    public init(oldSize: UInt64, newSize: UInt64, path: [MerkleHash]) {
        self.oldSize = oldSize
        self.newSize = newSize
        self.path = path
    }

    /// Throws unless the tree with `oldRoot` is the beginning of the one with `newRoot`.
    ///
    /// An empty tree is the beginning of every tree, which proves nothing: an `oldSize` of 0 is refused.
    public func verify(oldRoot: MerkleHash, newRoot: MerkleHash) throws(TransparencyLogError) {
        guard oldSize > 0 else {
            throw TransparencyLogError("consistency_empty", "consistency with an empty tree says nothing")
        }
        let subtree = try Subtree(start: 0, end: oldSize)
        try subtree.verifyConsistency(root: oldRoot, treeSize: newSize, treeRoot: newRoot, path: path)
    }
}
