internal import StrictJSON

// An estimate of the memory that a verified chain takes, close enough for a cache to keep its limits.
extension VerifiedChain {
    /// In bytes: the chain, each token, the kept part of its document, and the leaf's compiled scope.
    static func size(of links: [Link], bytes: Int) -> Int {
        var size = overhead + bytes
        for link in links { size += link.size }
        if let tools = links.last?.grant.tools {
            // Constraints are compiled into values, tables and boxes, each from some node.
            size += tools.nodeCount * compiledNode + 2 * tools.sourceLength
        }
        return size
    }

    /// Of the objects and arrays of a chain, its place in a table, and its part of audit entries.
    private static let overhead = 1024
    /// Of the compiled form of a node of a scope's document; mostly an upper bound: see `ChainCacheSizeTests`.
    private static let compiledNode = 64
}

extension VerifiedChain.Link {
    /// Of a link's objects, arrays and short texts.
    private static let overhead = 768

    var size: Int {
        var size = Self.overhead + jws.bytes.count
        // One document, or one for each if they were copied out of a larger one.
        let (tools, issuer) = (grant.tools?.documentSize ?? 0, grant.issuer.documentSize)
        size += tools == issuer ? issuer : tools + issuer
        if let parentHash = grant.parentHash, parentHash.documentSize != issuer { size += parentHash.documentSize }
        // Once in the claim, once in the audit log's part.
        size += 2 * (grant.id.utf8.count + (grant.subject?.utf8.count ?? 0) + (grant.claim?.size ?? 0))
        if let credential { size += 512 + credential.subject.utf8.count }
        return size
    }
}

extension Claim {
    fileprivate var size: Int {
        let texts = [agent, profile, owner, principal, task, intent].compactMap { $0 } + labels
        return texts.reduce(0) { $0 + $1.utf8.count + 32 } + (limits?.all.count ?? 0) * 8192
    }
}
