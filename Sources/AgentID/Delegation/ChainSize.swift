internal import StrictJSON

// How much memory a verified chain takes, near enough for a cache to keep to its bounds.
extension VerifiedChain {
    /// In bytes: the chain, each token, what is kept of its document, and the leaf's compiled scope.
    static func size(of links: [Link], bytes: Int) -> Int {
        var size = overhead + bytes
        for link in links { size += link.size }
        if let tools = links.last?.grant.tools {
            // Constraints are compiled into values, tables and boxes, each out of some node.
            size += tools.nodeCount * compiledNode + 2 * tools.sourceLength
        }
        return size
    }

    /// Of the objects and arrays of a chain, its place in a table, and what the audit log says of it.
    private static let overhead = 1024
    /// Of what a node of a scope's document becomes, at most by and large: see `ChainCacheSizeTests`.
    private static let compiledNode = 64
}

extension VerifiedChain.Link {
    /// Of a link's objects, arrays and short texts.
    private static let overhead = 768

    var size: Int {
        var size = Self.overhead + jws.bytes.count
        // One document, or one for each where they were taken out of a larger one.
        let (tools, issuer) = (grant.tools?.documentSize ?? 0, grant.issuer.documentSize)
        size += tools == issuer ? issuer : tools + issuer
        if let parentHash = grant.parentHash, parentHash.documentSize != issuer { size += parentHash.documentSize }
        // Once in the claim, once in what the audit log says of it.
        size += 2 * (grant.id.utf8.count + (grant.subject?.utf8.count ?? 0) + (grant.claim?.size ?? 0))
        if let credential { size += 512 + credential.subject.utf8.count }
        return size
    }
}

extension Claim {
    fileprivate var size: Int {
        let texts = [agent, profile, owner, principal, task, intent].compactMap { $0 } + labels
        return texts.reduce(0) { $0 + $1.utf8.count + 32 }
    }
}
