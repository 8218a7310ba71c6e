// A value keeps its whole document alive.
extension JSON.Value {
    /// The memory that the document takes, in bytes.
    package var documentSize: Int { storage.size }

    /// The number of nodes of this value and everything in it.
    package var nodeCount: Int { Int(node.next) - index }

    /// The same value, copied into a document of its own if its present document is mostly something else.
    package func detached() -> JSON.Value {
        let own = sourceLength + nodeCount * MemoryLayout<JSON.Node>.stride
        return documentSize > 2 * own + 4096 ? copied() : self
    }

    /// A document of this value alone.
    private func copied() -> JSON.Value {
        let (root, all) = (node, storage.bytes)
        let source = Int(root.sourceStart)..<Int(root.sourceEnd)
        var bytes = Array(all[source])
        var nodes = Array(storage.nodes[index..<Int(root.next)])
        for i in nodes.indices {
            nodes[i].sourceStart -= root.sourceStart
            nodes[i].sourceEnd -= root.sourceStart
            nodes[i].next -= Int32(index)
            guard nodes[i].kind == .string else { continue }
            let text = nodes[i].text
            if source.contains(text.lowerBound) || text.isEmpty {
                nodes[i].first = text.isEmpty ? 0 : nodes[i].first - root.sourceStart
            } else {
                // A string with escapes: its unescaped bytes are stored after the source.
                nodes[i].first = Int32(clamping: bytes.count)
                bytes += all[text]
            }
        }
        return JSON.Value(
            storage: JSON.Storage(bytes: bytes, nodes: nodes, hasInexactNumbers: storage.hasInexactNumbers), index: 0)
    }
}

extension JSON.Storage {
    fileprivate var size: Int {
        // The heads of two arrays, and this object's own.
        96 + bytes.capacity + nodes.capacity * MemoryLayout<JSON.Node>.stride
    }
}
