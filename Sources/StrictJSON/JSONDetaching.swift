// What a value keeps alive: the whole document that it stands in.
extension JSON.Value {
    /// How many bytes of memory the document takes.
    package var documentSize: Int { storage.size }

    /// How many nodes this value and all in it are.
    package var nodeCount: Int { Int(node.next) - index }

    /// The same value, in a document of its own where the one that it stands in is mostly something else.
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
                // Written with escapes: what it says stands after the source.
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
        // Two arrays' heads and this object's own.
        96 + bytes.capacity + nodes.capacity * MemoryLayout<JSON.Node>.stride
    }
}
