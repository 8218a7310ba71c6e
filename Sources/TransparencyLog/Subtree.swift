/// The leaves from `start` up to `end` of a larger tree, if they are a tree of their own within it: `start` is a
/// multiple of the smallest power of two that is not below their number (draft-ietf-plants-merkle-tree-certs).
///
/// The beginning of a tree is the case `start == 0`; its consistency proof is that of RFC 9162.
struct Subtree {
    let start: UInt64
    let end: UInt64

    init(start: UInt64, end: UInt64) throws(TransparencyLogError) {
        guard start <= end, end <= TreeSize.largest else {
            throw TransparencyLogError("subtree", "a subtree ends after its start")
        }
        let count = end - start
        let span: UInt64 = count < 2 ? 1 : TreeSize.split(count) << 1
        guard start.isMultiple(of: span) else {
            throw TransparencyLogError("subtree", "the leaves \(start)..<\(end) are not a subtree")
        }
        self.start = start
        self.end = end
    }

    /// Throws unless the subtree with `root` is part of the tree with `treeRoot`.
    func verifyConsistency(
        root: MerkleHash, treeSize: UInt64, treeRoot: MerkleHash, path: [MerkleHash]
    ) throws(TransparencyLogError) {
        guard end <= treeSize, treeSize <= TreeSize.largest else {
            throw TransparencyLogError("consistency_size", "the later tree, of \(treeSize), does not reach to \(end)")
        }
        guard start < end else {
            guard path.isEmpty, root == .empty else {
                throw TransparencyLogError("consistency_empty", "no leaves have the empty tree's root and no proof")
            }
            return
        }
        var (first, last, tree) = (start, end - 1, treeSize - 1)
        // Goes up to the largest node that both trees share.
        while first != last, last == tree || last & 1 == 1 { shift(&first, &last, &tree) }
        var rest = path[...]
        var hash = root
        if first != last {
            guard let node = rest.popFirst() else { throw Self.wrongLength }
            hash = node
        }
        var treeHash = hash
        for sibling in rest {
            guard tree != 0 else { throw Self.wrongLength }
            if last & 1 == 1 || last == tree {
                if first < last { hash = .node(sibling, hash) }
                treeHash = .node(sibling, treeHash)
                while last & 1 == 0, last != 0 { shift(&first, &last, &tree) }
            } else {
                treeHash = .node(treeHash, sibling)
            }
            shift(&first, &last, &tree)
        }
        guard tree == 0 else { throw Self.wrongLength }
        guard hash == root else {
            throw TransparencyLogError("consistency_old_root", "the proof leads to another root of the earlier tree")
        }
        guard treeHash == treeRoot else {
            throw TransparencyLogError("consistency_new_root", "the proof leads to another root of the later tree")
        }
    }

    private static let wrongLength = TransparencyLogError(
        "consistency_length", "the proof is longer or shorter than these sizes need")

    private func shift(_ first: inout UInt64, _ last: inout UInt64, _ tree: inout UInt64) {
        first >>= 1
        last >>= 1
        tree >>= 1
    }
}
